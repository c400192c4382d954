import { startLocal } from 'pheromone';
import { map, runMapReduce } from 'pheromone/mapreduce';
import { lengths, words } from './words.mjs';

const texts = ['To be, or not to be', 'that is the question'];
const runtime = await startLocal({ apps: [words, lengths], executors: 2 });
const counts = [];
for await (const { value } of runMapReduce(runtime, words, { inputs: texts, partitions: 1 })) counts.push(value.join(' '));
console.log(counts.join(', '));
console.log((await Promise.all(map(runtime, lengths, texts))).join(', '));
await runtime.close();

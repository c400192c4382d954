/** `sort.ts INPUT OUTPUT STOREBYTES`: sorts a file of records as the scenario does, in a process that does nothing else. */
import { startLocal } from 'pheromone';
import app from '../../scenarios/sort/app.ts';
import { sortFile } from '../../scenarios/sort/sort-file.ts';

const [input = '', output = '', storeBytes] = process.argv.slice(2);
const runtime = await startLocal({ apps: [app], executors: 2, arenaBytes: Number(storeBytes) });
await sortFile(runtime, input, output, () => {});
await runtime.close();

import { startLocal } from 'pheromone';
import app from './app.mjs';

const runtime = await startLocal({ apps: [app], executors: 2 });
const numbers = [
  { key: 'a', value: 1 },
  { key: 'b', value: 2 },
  { key: 'c', value: 3 },
];
console.log(await runtime.call(app, { numbers }));
await runtime.close();

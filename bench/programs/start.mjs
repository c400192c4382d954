/** `start.mjs IDLEMS`: starts, calls once, and does nothing for a while. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startLocal } from 'pheromone';
import { one } from './app.mjs';

const idleMs = Number(process.argv[2]);

const beganMs = performance.now();
const runtime = await startLocal({ apps: [one], executors: 2 });
if ((await runtime.call(one, 'questions', 1)) !== 2) throw new Error('wrong answer');
const startMs = performance.now() - beganMs;
await sleep(idleMs / 2);
const before = process.cpuUsage();
await sleep(idleMs);
const { user, system } = process.cpuUsage(before);
const cpuPercent = idleMs > 0 ? (user + system) / 10 / idleMs : 0;
process.stdout.write(JSON.stringify({ startMs, rssMB: process.memoryUsage().rss / 1e6, cpuPercent }));
await runtime.close();

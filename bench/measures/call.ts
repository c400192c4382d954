/** A call of an app of one function: back to back, and one every 10 ms. Beside it a bare thread that is parked. */
import { Worker } from 'node:worker_threads';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Runtime } from 'pheromone';
import { one } from '../apps/paths.ts';
import { type Measure, timed, warmUp } from '../measure.ts';
import { startPolling } from '../programs/polling.mjs';
import { check, ours } from '../runtime.ts';

const backToBack = 2_000;
const paced = 20;
const paceMs = 10;
const warmUps = 30_000;

const pingPong: Measure = {
  name: 'call',
  system: 'floor: parked thread ping-pong',
  unit: 'µs',
  settings: { every: `${paceMs} ms`, over: 'MessagePort' },
  async prepare() {
    const worker = new Worker("const { parentPort: p } = require('node:worker_threads'); p.on('message', (m) => p.postMessage(m));", {
      eval: true,
    });
    const ping = () => new Promise((resolve) => worker.once('message', resolve).postMessage(1));
    await ping();
    return { sample: () => each(paced, ping, paceMs), close: async () => void (await worker.terminate()) };
  },
};

const polling: Measure = {
  name: 'call',
  system: 'floor: two polling threads',
  unit: 'µs',
  settings: { calls: `${backToBack} back to back`, warmUps },
  async prepare() {
    const { once, close } = await startPolling();
    await warmUp(warmUps, once);
    return { sample: () => inTurn(backToBack, once), close };
  },
};

// #region call
const callOne = (runtime: Runtime, value: number) => runtime.call(one, 'questions', value);
// #endregion

const warmUpCalls = (runtime: Runtime) => warmUp(warmUps, (i) => callOne(runtime, i));

export const callMeasures: readonly Measure[] = [
  ours(
    'call',
    'µs',
    one,
    { calls: `${backToBack} back to back`, warmUps },
    (runtime) => inTurn(backToBack, async (i) => check((await callOne(runtime, i)) === i + 1, 'call')),
    warmUpCalls,
  ),
  ours(
    'call',
    'µs',
    one,
    { calls: `one every ${paceMs} ms`, warmUps },
    (runtime) => each(paced, async () => check((await callOne(runtime, 1)) === 2, 'call'), paceMs),
    warmUpCalls,
  ),
  pingPong,
  polling,
];

async function inTurn(times: number, work: (i: number) => Promise<unknown>): Promise<number[]> {
  const values = [];
  for (let i = 0; i < times; i++) values.push(1_000 * (await timed(() => work(i))));
  return values;
}

async function each(times: number, work: () => Promise<unknown>, pauseMs: number): Promise<number[]> {
  const values = [];
  for (let i = 0; i < times; i++) {
    values.push(1_000 * (await timed(work)));
    await sleep(pauseMs);
  }
  return values;
}

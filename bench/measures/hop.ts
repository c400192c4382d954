/**
 * A hop that is forced to go to another executor: back to back, both being awake; and to one that is asleep, beside a bare thread that
 * is. What is measured when one sleeps is one way, from the sender's last act until the receiver runs.
 */
import { Worker } from 'node:worker_threads';
import type { Runtime } from 'pheromone';
import { hops, parkedHop, tokenOf } from '../apps/hop.ts';
import { type Measure, timed } from '../measure.ts';
import { check, ours } from '../runtime.ts';

const count = 200;
const times = 20;
const warmUps = 50;
/** Longer than a thread polls for more. */
const busyMs = 0.6;

const bareThread = `
const { parentPort: port } = require('node:worker_threads');
port.on('message', (at) => port.postMessage(Number(process.hrtime.bigint() - at) / 1_000));
`;

const bare: Measure = {
  name: 'hop',
  system: 'floor: parked thread hand-off',
  unit: 'µs',
  settings: { after: `${busyMs} ms`, over: 'MessagePort' },
  async prepare() {
    const worker = new Worker(bareThread, { eval: true });
    const once = async () => {
      const until = performance.now() + busyMs;
      while (performance.now() < until);
      const answer = new Promise<number>((resolve) => worker.once('message', resolve));
      worker.postMessage(process.hrtime.bigint());
      return answer;
    };
    await once();
    return { sample: () => each(once), close: async () => void (await worker.terminate()) };
  },
};

const hopping = async (runtime: Runtime): Promise<number[]> => {
  const values = [];
  const call = async () => check((await runtime.call(hops, 'tokens', tokenOf(count))) === 0, 'hop');
  for (let i = 0; i < times; i++) values.push((1_000 * (await timed(call))) / count);
  return values;
};

const waking = (runtime: Runtime): Promise<number[]> => each(async () => (await runtime.call(parkedHop, 'naps', busyMs)) ?? Number.NaN);

const often = (work: (runtime: Runtime) => Promise<unknown>) => async (runtime: Runtime) => {
  for (let i = 0; i < warmUps; i++) await work(runtime);
};

export const hopMeasures: readonly Measure[] = [
  ours('hop', 'µs', hops, { hops: count, how: 'back to back', warmUps: warmUps * times }, hopping, often(hopping)),
  ours('hop', 'µs', parkedHop, { after: `${busyMs} ms`, how: 'to one that is parked', warmUps: warmUps * times }, waking, often(waking)),
  bare,
];

async function each(once: () => Promise<number>): Promise<number[]> {
  const values = [];
  for (let i = 0; i < times; i++) values.push(await once());
  const good = values.filter((value) => !Number.isNaN(value));
  check(good.length > times / 2, 'hop: most stayed where they were');
  return good;
}

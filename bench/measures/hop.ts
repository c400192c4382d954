/**
 * A hop that is forced to go to another executor: back to back, both being awake; and to one that is asleep, beside a bare thread that
 * is. What is measured when one sleeps is one way, from the sender's last act until the receiver runs.
 *
 * What wakes a thread is mostly the system, and depends on what ran before: so the two take turns, sample by sample, and do the same.
 * A client asks a thread, which is busy until all others are asleep, and then hands over to another one.
 */
import { MessageChannel, Worker } from 'node:worker_threads';
import { type Runtime, startLocal } from 'pheromone';
import { hops, parkedHop, tokenOf } from '../apps/hop.ts';
import { type Measure, type Prepared, timed, warmUp } from '../measure.ts';
import { startPolling } from '../programs/polling.mjs';
import { check, executors, ours } from '../runtime.ts';

const count = 200;
const times = 50;
/** The system wakes threads in two ways, one thrice as slow as the other, and stays with one of them for a while. */
const wakings = 400;
const warmUps = 20;
/** Longer than a thread polls for more. */
const busyMs = 0.6;

const bareSender = `
const { parentPort, workerData: { port } } = require('node:worker_threads');
parentPort.on('message', (busyMs) => {
  const until = performance.now() + busyMs;
  while (performance.now() < until);
  port.postMessage(process.hrtime.bigint());
});
`;
const bareReceiver = `
const { parentPort, workerData: { port } } = require('node:worker_threads');
port.on('message', (at) => parentPort.postMessage(Number(process.hrtime.bigint() - at) / 1_000));
`;

async function startBare(): Promise<{ once(): Promise<number>; close(): Promise<void> }> {
  const { port1, port2 } = new MessageChannel();
  const start = (code: string, port: typeof port1) => new Worker(code, { eval: true, workerData: { port }, transferList: [port] });
  const sender = start(bareSender, port1);
  const receiver = start(bareReceiver, port2);
  return {
    once() {
      const answer = new Promise<number>((resolve) => receiver.once('message', resolve));
      sender.postMessage(busyMs);
      return answer;
    },
    close: async () => void (await Promise.all([sender.terminate(), receiver.terminate()])),
  };
}

const hopping = async (runtime: Runtime): Promise<number[]> => {
  const values = [];
  const call = async () => check((await runtime.call(hops, 'tokens', tokenOf(count))) === 0, 'hop');
  for (let i = 0; i < times; i++) values.push((1_000 * (await timed(call))) / count);
  return values;
};

/** Hand-overs before it is measured: with fewer, most of what is measured is code that is not yet compiled. */
const wakeWarmUps = 20_000;
const pollingWarmUps = 30_000;

const waking = async (runtime: Runtime, ms = busyMs) => (await runtime.call(parkedHop, 'naps', ms)) ?? Number.NaN;

const often = (work: (runtime: Runtime) => Promise<unknown>) => async (runtime: Runtime) => {
  for (let i = 0; i < warmUps; i++) await work(runtime);
};

/** Samples of the bare threads, taken in turn with ours. */
let bareValues: number[] = [];

const ourWaking: Measure = {
  name: 'hop',
  system: 'pheromone',
  unit: 'µs',
  settings: { executors, after: `${busyMs} ms`, how: 'to one that is parked', warmUps: wakeWarmUps },
  async prepare(): Promise<Prepared> {
    const runtime = await startLocal({ apps: [parkedHop], executors });
    const bare = await startBare();
    const sample = async () => {
      const values = [];
      bareValues = [];
      for (let i = 0; i < wakings; i++) {
        values.push(await waking(runtime));
        bareValues.push(await bare.once());
      }
      const good = values.filter((value) => !Number.isNaN(value));
      check(good.length > wakings / 2, 'hop: most stayed where they were');
      return good;
    };
    for (let i = 0; i < wakeWarmUps; i++) await waking(runtime, 0);
    for (let i = 0; i < 2; i++) await sample();
    return { sample, close: async () => void (await Promise.all([runtime.close(), bare.close()])) };
  },
};

const bareWaking: Measure = {
  name: 'hop',
  system: 'floor: parked thread hand-off',
  unit: 'µs',
  settings: { after: `${busyMs} ms`, over: 'MessagePort', inTurnWith: 'ours' },
  prepare: async () => ({ sample: async () => bareValues, close: async () => undefined }),
};

/** Half of there and back. */
const oneWay: Measure = {
  name: 'hop',
  system: 'floor: two polling threads',
  unit: 'µs',
  settings: { hops: count, how: 'back to back', warmUps: pollingWarmUps },
  async prepare() {
    const { once, close } = await startPolling();
    await warmUp(pollingWarmUps, once);
    const pass = async () => {
      for (let i = 0; i < count / 2; i++) await once();
    };
    const sample = async () => {
      const values = [];
      for (let i = 0; i < times; i++) values.push((1_000 * (await timed(pass))) / count);
      return values;
    };
    return { sample, close };
  },
};

export const hopMeasures: readonly Measure[] = [
  ours('hop', 'µs', hops, { hops: count, how: 'back to back', warmUps: warmUps * times }, hopping, often(hopping)),
  oneWay,
  ourWaking,
  bareWaking,
];

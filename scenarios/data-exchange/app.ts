/**
 * An object is handed from a producer to a consumer, which is in the same executor, in another, or on another worker.
 *
 *     jobs ──immediate──► produce ──► near ──immediate──► takeNear ──► output
 *                             ├─────► apart ──immediate──► takeApart ──► output     (placement: spread)
 *                             └─────► away ──immediate──► takeAway ──► output, taken
 *     guards ──immediate──► guard
 *
 * A consumer goes to another worker only if no executor is free at home: there, the producer keeps its own busy until the object has
 * been taken, and guards keep the others. How the object gets there is up to the runtime.
 */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import { bucket, type Context, defineApp, fn, immediate, type Input, type } from 'pheromone';
import { checksumOf, clockMs, fillPattern, setStamp, stampOf } from './pattern.ts';

export type Place = 'same executor' | 'other executor' | 'other worker';

export interface Job {
  readonly place: Place;
  readonly sizeBytes: number;
  readonly seed: number;
  /** How many executors are to be kept busy. */
  readonly guards: number;
}

export interface Exchange {
  /** From the object's hand-over until its consumer had it. */
  readonly ms: number;
  readonly place: Place;
  readonly sizeBytes: number;
  readonly checksum: number;
}

const jobs = bucket('jobs', { value: type<Job>() });
const guards = bucket('guards', { value: type<null>() });
const near = bucket('near', { value: type<Uint8Array>() });
const apart = bucket('apart', { value: type<Uint8Array>() });
const away = bucket('away', { value: type<Uint8Array>() });
/** From the functions that keep executors busy, and from the consumer that they do it for. */
const ready = bucket('ready', { value: type<null>() });
const taken = bucket('taken', { value: type<null>() });

const bucketOf = { 'same executor': near, 'other executor': apart, 'other worker': away } as const;

const pollMs = 2;
const pollsMax = 5_000;
/** So long nothing has begun at home when the object comes: its executors are obviously busy, and it is sent away at once. */
const busyMs = 250;

const worker = `${hostname()}/${process.pid}`;
/** Which thread of which worker this is. */
const executor = `${worker}/${threadId}`;

const produce = fn('produce', { input: jobs, sends: [near, apart, away], concurrency: 2 }, async ({ value }, ctx) => {
  const { place, sizeBytes, seed, guards: guardsNumber } = value;
  const object = await ctx.allocate(bucketOf[place], { key: executor, sizeBytes });
  fillPattern(object.bytes, seed);
  if (place === 'other worker') {
    await until(async () => (await ctx.getAll(ready)).length === guardsNumber);
    await sleep(busyMs);
  }
  setStamp(object.bytes, clockMs());
  await object.seal();
  if (place === 'other worker') await until(() => isTaken(ctx));
});

const guard = fn('guard', { input: guards, sends: [ready] }, async (_input, ctx) => {
  await ctx.send(ready, { value: null });
  await until(() => isTaken(ctx));
});

/** Beside the producer, if need be: it may not have returned yet. */
const takeNear = fn('take-near', { input: near, output: type<Exchange>(), concurrency: 2 }, take);
const takeApart = fn('take-apart', { input: apart, output: type<Exchange>(), placement: 'spread' }, take);
const takeAway = fn('take-away', { input: away, sends: [taken], output: type<Exchange>() }, async (input, ctx) => {
  await take(input, ctx);
  await ctx.send(taken, { key: 'object', value: null });
});

async function take({ key: producer, value: bytes }: Input<Uint8Array>, ctx: Context<never, Exchange>): Promise<void> {
  const ms = clockMs() - stampOf(bytes);
  const place = producer === executor ? 'same executor' : producer.startsWith(`${worker}/`) ? 'other executor' : 'other worker';
  await ctx.output({ ms, place, sizeBytes: bytes.length, checksum: checksumOf(bytes) });
}

async function isTaken(ctx: Pick<Context, 'get'>): Promise<boolean> {
  return (await ctx.get(taken, 'object')) !== undefined;
}

/** Gives up in the end: then the object is taken at home, which its consumer tells. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let polls = 0; polls < pollsMax && !(await isTrue()); polls++) await sleep(pollMs);
}

export default defineApp('data-exchange', {
  module: import.meta.url,
  triggers: [
    jobs.on(immediate(), produce),
    guards.on(immediate(), guard),
    near.on(immediate(), takeNear),
    apart.on(immediate(), takeApart),
    away.on(immediate(), takeAway),
  ],
  buckets: [ready, taken],
});

/**
 * Functions that sleep side by side. Waiting takes no thread: an executor interleaves as many of them as `concurrency` allows.
 *
 *     naps ──immediate──► nap (once for each) ──► output
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { bucket, defineApp, fn, immediate, type } from 'pheromone';

export interface Nap {
  readonly number: number;
  readonly ms: number;
}

/** When it slept, in milliseconds since the epoch. */
export interface Slept {
  readonly number: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

const naps = bucket('naps', { value: type<Nap>() });

const nap = fn('nap', { input: naps, output: type<Slept>(), concurrency: 100_000 }, async ({ value: { number, ms } }, ctx) => {
  const fromMs = Date.now();
  await sleep(ms, undefined, { signal: ctx.signal });
  await ctx.output({ number, fromMs, untilMs: Date.now() });
});

export default defineApp('parallel-sleep', { module: import.meta.url, triggers: [naps.on(immediate(), nap)] });

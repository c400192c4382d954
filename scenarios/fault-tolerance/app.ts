/**
 * A chain of functions that take their time, and of which some are lost: they never answer.
 *
 *     links ──byName 'next'──► step ──► links … ──byName 'last'──► answer ──► output
 *
 * The trigger that starts `step` is added at run time, with or without `rerun`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { bucket, byName, defineApp, fn, type } from 'pheromone';
import { isLost, type Workload } from './losses.ts';

export interface Link {
  readonly workload: Workload;
  /** Which of the workload's chains. */
  readonly chain: number;
  /** How often it has been begun before. */
  readonly restarts: number;
  /** From 0. */
  readonly step: number;
  /** What the steps before have come to. */
  readonly value: number;
}

export const links = bucket('links', { value: type<Link>() });

const foreverMs = 2 ** 31 - 1;

export const step = fn('step', { input: links, sends: [links], concurrency: 10_000 }, async ({ value: link }, ctx) => {
  const { workload, chain, restarts, step, value } = link;
  const tries = restarts + ctx.attempt - 1;
  const ms = isLost(workload, chain, step, tries) ? foreverMs : workload.ms;
  await sleep(ms, undefined, { signal: ctx.signal });
  const key = step + 1 < workload.steps ? 'next' : 'last';
  await ctx.send(links, { key, value: { ...link, step: step + 1, value: value * 11 + step } });
});

const answer = fn('answer', { input: links, output: type<number>(), concurrency: 10_000 }, async ({ value: { value } }, ctx) => {
  await ctx.output(value);
});

export default defineApp('fault-tolerance', {
  module: import.meta.url,
  triggers: [links.on(byName({ key: 'last' }), answer)],
  functions: [step],
});

/**
 * Batches: readings of many sessions, stored many at a time.
 *
 *     readings ──byBatchSize, over all sessions──► store ──► output
 */
import { bucket, defineApp, fn, type } from 'pheromone';

export const readings = bucket('readings', { value: type<number>() });

/** What is in the batch. */
export const store = fn('store', { inputs: readings, output: type<number[]>() }, async (inputs, ctx) => {
  await ctx.output(inputs.map(({ value }) => value));
});

/** The size of a batch is not known here: the trigger comes at run time. */
export default defineApp('batch', { module: import.meta.url, triggers: [], buckets: [readings], functions: [store] });

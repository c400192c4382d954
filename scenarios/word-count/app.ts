/**
 * MapReduce: parts of a text → counts of the words in each, by share → counts of each share.
 *
 *     parts ──immediate──► map ──► counts ──dynamicGroup, one group per share──► reduce ──► output
 */
import { bucket, type Context, defineApp, dynamicGroup, fn, immediate, type } from 'pheromone';
import { type CountedWord, WordTable } from './word-table.ts';

export interface Job {
  /** The words are shared out among so many reducers, by their hash. */
  readonly reducers: number;
  /** How many of the most frequent words each reducer tells. */
  readonly top: number;
}

/** What one reducer has found about its share of the words. */
export interface ShareCounts {
  readonly share: number;
  readonly words: number;
  readonly distinct: number;
  readonly fingerprint: number;
  readonly top: readonly CountedWord[];
  /** All its counts, to go on from in another session: an object for `counts`. */
  readonly counts: Uint8Array;
}

/** Under the key `job`. */
const jobs = bucket('jobs', { value: type<Job>() });
const parts = bucket('parts', { value: type<Uint8Array>() });
/** The group is the share. */
const counts = bucket('counts', { value: type<Uint8Array>() });

const map = fn('map', { input: parts, sends: [counts] }, async ({ bytes }, ctx) => {
  const { reducers } = await jobOf(ctx);
  const table = new WordTable();
  table.countText(bytes);
  for (let share = 0; share < reducers; share++) await ctx.send(counts, { group: String(share), value: table.encode(share, reducers) });
});

const reduce = fn('reduce', { inputs: counts, output: type<ShareCounts>() }, async (inputs, ctx) => {
  const { top } = await jobOf(ctx);
  const table = new WordTable();
  for (const { bytes } of inputs) table.addEncoded(bytes);
  const { words, distinct, fingerprint } = table;
  await ctx.output({ share: Number(inputs[0]?.group), words, distinct, fingerprint, top: table.top(top), counts: table.encode(0, 1) });
});

async function jobOf(ctx: Context<never, never>): Promise<Job> {
  const job = await ctx.get(jobs, 'job');
  if (!job) throw new Error('the session has no job');
  return job.value;
}

export default defineApp('word-count', {
  module: import.meta.url,
  triggers: [parts.on(immediate(), map), counts.on(dynamicGroup({ sources: [map] }), reduce)],
  buckets: [jobs],
});

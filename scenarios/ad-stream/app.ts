/**
 * The Yahoo streaming benchmark: which campaigns' advertisements were viewed how often, in windows of 10 s.
 *
 *     events ──immediate──► filter ──► views ──immediate──► join ──► hits ──byTime, by group──► count ──► output
 *
 * The windows are those of the events' own times: each hit has its window's number as group. The trigger's windows are those of
 * arrival, so for each of them, and each group, `count` tells a part of the answer. What comes late is in a later part.
 */
import { bucket, byTime, defineApp, fn, immediate, type } from 'pheromone';
import { campaignOf } from './campaigns.ts';

export interface AdEvent {
  readonly ad: number;
  readonly type: 'view' | 'click' | 'purchase';
  readonly timeMs: number;
}

/** A part of the counts of a window. */
export interface PartialCounts {
  readonly window: number;
  readonly hits: number;
  /** By campaign. */
  readonly counts: ReadonlyMap<number, number>;
}

export const windowMs = 10_000;
const partMs = 500;

const events = bucket('events', { value: type<AdEvent>() });
const views = bucket('views', { value: type<AdEvent>() });
/** The campaign whose advertisement was viewed; the group is the number of the window. */
const hits = bucket('hits', { value: type<number>() });

const filter = fn('filter', { input: events, sends: [views] }, async ({ value }, ctx) => {
  if (value.type === 'view') await ctx.send(views, { value });
});

const join = fn('join', { input: views, sends: [hits] }, async ({ value: { ad, timeMs } }, ctx) => {
  const campaign = campaignOf.get(ad);
  if (campaign === undefined) throw new Error(`advertisement ${ad} belongs to no campaign`);
  await ctx.send(hits, { group: String(Math.floor(timeMs / windowMs)), value: campaign });
});

const count = fn('count', { inputs: hits, output: type<PartialCounts>() }, async (inputs, ctx) => {
  const counts = new Map<number, number>();
  for (const { value: campaign } of inputs) counts.set(campaign, (counts.get(campaign) ?? 0) + 1);
  await ctx.output({ window: Number(inputs[0]?.group), hits: inputs.length, counts });
});

export default defineApp('ad-stream', {
  module: import.meta.url,
  triggers: [
    events.on(immediate(), filter),
    views.on(immediate(), join),
    hits.on(byTime({ windowMs: partMs, partitionBy: 'group' }), count),
  ],
});

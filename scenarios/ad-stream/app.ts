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
  /** Its position in the stream. */
  readonly id: number;
  readonly ad: number;
  readonly type: 'view' | 'click' | 'purchase';
  readonly timeMs: number;
}

/** A view of a campaign's advertisement. */
interface Hit {
  readonly id: number;
  readonly campaign: number;
}

/** A part of the counts of a window. */
export interface PartialCounts {
  readonly window: number;
  /** The views that it counts. */
  readonly ids: Uint32Array;
  /** By campaign. */
  readonly counts: ReadonlyMap<number, number>;
}

export const windowMs = 10_000;
export const partMs = 500;

const events = bucket('events', { value: type<AdEvent>() });
const views = bucket('views', { value: type<AdEvent>() });
/** The group is the number of the window. */
const hits = bucket('hits', { value: type<Hit>() });

/** These functions are done in no time: an executor that is given many at once need not ask for each. */
const concurrency = 256;

const filter = fn('filter', { input: events, sends: [views], concurrency }, async ({ value }, ctx) => {
  if (value.type === 'view') await ctx.send(views, { value });
});

const join = fn('join', { input: views, sends: [hits], concurrency }, async ({ value: { id, ad, timeMs } }, ctx) => {
  const campaign = campaignOf.get(ad);
  if (campaign === undefined) throw new Error(`advertisement ${ad} belongs to no campaign`);
  await ctx.send(hits, { group: String(Math.floor(timeMs / windowMs)), value: { id, campaign } });
});

const count = fn('count', { inputs: hits, output: type<PartialCounts>() }, async (inputs, ctx) => {
  const counts = new Map<number, number>();
  for (const { value } of inputs) counts.set(value.campaign, (counts.get(value.campaign) ?? 0) + 1);
  await ctx.output({ window: Number(inputs[0]?.group), ids: Uint32Array.from(inputs, ({ value }) => value.id), counts });
});

export default defineApp('ad-stream', {
  module: import.meta.url,
  triggers: [
    events.on(immediate(), filter),
    views.on(immediate(), join),
    hits.on(byTime({ windowMs: partMs, partitionBy: 'group' }), count),
  ],
});

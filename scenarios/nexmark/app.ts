/**
 * Three queries of Nexmark over one stream of auction events.
 *
 *     events ──immediate──► bidsOnly ──► bids ──immediate──► convert ──► euros ──byTime, by group──► sumEuros ──► output (q1)
 *                                         ├────immediate──► select ──► chosen ──byTime, by group──► sumChosen ──► output (q2)
 *                                         └────byTime, by group──► highest ──► output (q7)
 *
 * The windows are those of the events' own times, 10 s each: an object's group is the number of its window. The triggers' windows
 * are those of arrival, so an answer comes in parts, and what comes late is in a later part.
 */
import { bucket, byTime, defineApp, fn, type Input, immediate, type } from 'pheromone';
import type { AuctionEvent, Bid } from './generator.ts';
import { type HighestBid, inEuros, isHigher, isSelected, type Part, windowOf } from './queries.ts';

interface Price {
  readonly event: number;
  readonly price: number;
}

export const partMs = 500;

const events = bucket('events', { value: type<AuctionEvent>() });
const bids = bucket('bids', { value: type<Bid>() });
const euros = bucket('euros', { value: type<Price>() });
const chosen = bucket('chosen', { value: type<Price>() });

/** These functions are done in no time: an executor that is given many at once need not ask for each. */
const concurrency = 256;

const bidsOnly = fn('bids-only', { input: events, sends: [bids], concurrency }, async ({ value }, ctx) => {
  if (value.kind === 'bid') await ctx.send(bids, { group: String(windowOf(value.timeMs)), value });
});

const convert = fn('convert', { input: bids, sends: [euros], concurrency }, async ({ group, value: { event, cents } }, ctx) => {
  await ctx.send(euros, { group: group ?? '', value: { event, price: inEuros(cents) } });
});

const select = fn('select', { input: bids, sends: [chosen], concurrency }, async ({ group, value }, ctx) => {
  if (isSelected(value)) await ctx.send(chosen, { group: group ?? '', value: { event: value.event, price: value.cents } });
});

const sumEuros = fn('sum-euros', { inputs: euros, output: type<Part>() }, async (inputs, ctx) => {
  await ctx.output({ query: 'q1', ...summed(inputs), euros: inputs.reduce((sum, { value }) => sum + value.price, 0) });
});

const sumChosen = fn('sum-chosen', { inputs: chosen, output: type<Part>() }, async (inputs, ctx) => {
  await ctx.output({ query: 'q2', ...summed(inputs), cents: inputs.reduce((sum, { value }) => sum + value.price, 0) });
});

const highest = fn('highest', { inputs: bids, output: type<Part>() }, async (inputs, ctx) => {
  const best = inputs.map(({ value }): HighestBid => value).reduce((most, bid) => (isHigher(bid, most) ? bid : most));
  const { event, auction, bidder, cents } = best;
  await ctx.output({ query: 'q7', ...summed(inputs), highest: { event, auction, bidder, cents } });
});

/** The window of inputs of one group, and the events that they are of. */
function summed(inputs: readonly Input<{ readonly event: number }>[]) {
  return { window: Number(inputs[0]?.group), events: Uint32Array.from(inputs, ({ value }) => value.event) };
}

const parts = byTime({ windowMs: partMs, partitionBy: 'group' });

export default defineApp('nexmark', {
  module: import.meta.url,
  triggers: [
    events.on(immediate(), bidsOnly),
    bids.on(immediate(), convert),
    bids.on(immediate(), select),
    bids.on(parts, highest),
    euros.on(parts, sumEuros),
    chosen.on(parts, sumChosen),
  ],
});

/**
 * A query that somebody waits for: how dangerous is it at this place? The data lies in shares, each of which is searched by itself.
 *
 *     queries ──immediate──► locate (one per share) ──► nearby ──bySet──► count ──► counts ──immediate──► assess ──► output
 */
import { bucket, bySet, defineApp, fn, immediate, type } from 'pheromone';
import { type Data, type Grid, makeGrids, type Place } from './cases.ts';

export type Risk = 'low' | 'medium' | 'high';

/** A place, asked about in one share of the data. */
export interface Query {
  readonly data: Data;
  readonly share: number;
  readonly place: Place;
}

/** What a count is of. Its severity is the sum of the cases' weights. */
export interface Count {
  readonly cases: number;
  readonly severity: number;
}

export interface Answer extends Count {
  readonly risk: Risk;
}

export const shares = 4;

const queries = bucket('queries', { value: type<Query>() });
/** The weights of the cases nearby. */
const nearby = bucket('nearby', { value: type<Uint8Array>() });
const counts = bucket('counts', { value: type<Count>() });

/** An executor makes the indexes once. */
let indexed: { readonly data: Data; readonly grids: readonly Grid[] } | null = null;

function gridOf(data: Data, share: number): Grid | undefined {
  const isSame = indexed?.data.seed === data.seed && indexed.data.cases === data.cases;
  if (!indexed || !isSame) indexed = { data, grids: makeGrids(data, shares) };
  return indexed.grids[share];
}

const locate = fn('locate', { input: queries, sends: [nearby] }, async ({ value: { data, share, place } }, ctx) => {
  const weights = gridOf(data, share)?.weightsNear(place);
  if (!weights) throw new Error(`there is no share ${share}`);
  await ctx.send(nearby, { key: String(share), value: weights });
});

const count = fn('count', { inputs: nearby, sends: [counts] }, async (inputs, ctx) => {
  let [cases, severity] = [0, 0];
  for (const { value: weights } of inputs) {
    cases += weights.length;
    for (const weight of weights) severity += weight;
  }
  await ctx.send(counts, { value: { cases, severity } });
});

const assess = fn('assess', { input: counts, output: type<Answer>() }, async ({ value: { cases, severity } }, ctx) => {
  const risk = severity >= 200 ? 'high' : severity >= 50 ? 'medium' : 'low';
  await ctx.output({ cases, severity, risk });
});

export default defineApp('risk-query', {
  module: import.meta.url,
  triggers: [
    queries.on(immediate(), locate),
    nearby.on(bySet({ keys: Array.from({ length: shares }, (_, share) => String(share)) }), count),
    counts.on(immediate(), assess),
  ],
});

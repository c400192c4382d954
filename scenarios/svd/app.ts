/**
 * The singular value decomposition of a tall matrix, by blocks of its rows (as DataFlower's svd, by way of QR: what goes into
 * the join is small, however many rows a block has).
 *
 *     blocks ──immediate──► factor ──► triangles ──dynamicJoin──► combine ──► output (S, V)
 *                              └─► Q ──► halves ──dynamicJoin, by block──► lift ──► output (the block's rows of U)
 *                                           ▲ rotation, for each block, from combine
 *
 * With Aᵢ = Qᵢ Rᵢ and the Rᵢ stacked = Q R = Q (W S Vᵀ), the block's rows of U are Qᵢ × (its rows of Q W).
 */
import { bucket, defineApp, dynamicJoin, fn, immediate, type } from 'pheromone';
import { decompose, factorQr, type Matrix, multiply, rowsFrom, stack } from './matrix.ts';

/** Of the decomposition, a block's rows of U, or the rest. */
export type Piece =
  | { readonly kind: 'u'; readonly block: number; readonly u: Matrix }
  | { readonly kind: 'sv'; readonly s: Float64Array; readonly v: Matrix };

/** Rows of the matrix; the key is the number of the block. A client announces the triangles: as many as there are blocks. */
export const blocks = bucket('blocks', { value: type<Matrix>() });
export const triangles = bucket('triangles', { value: type<Matrix>() });
/** The group is the number of the block, the key which half it is. */
const halves = bucket('halves', { value: type<Matrix>() });

const factor = fn('factor', { input: blocks, sends: [halves, triangles] }, async ({ key, value }, ctx) => {
  const { q, r } = factorQr(value);
  await ctx.expect(halves, { group: key, keys: ['q', 'rotation'] });
  await ctx.send(halves, { group: key, key: 'q', value: q });
  await ctx.send(triangles, { key, value: r });
});

const combine = fn('combine', { inputs: triangles, sends: [halves], output: type<Piece>() }, async (inputs, ctx) => {
  const { q, r } = factorQr(stack(inputs.map(({ value }) => value)));
  const { u, s, v } = decompose(r);
  const rotations = multiply(q, u);
  for (const [i, { key }] of inputs.entries()) {
    await ctx.send(halves, { group: key, key: 'rotation', value: rowsFrom(rotations, i * r.columns, (i + 1) * r.columns) });
  }
  await ctx.output({ kind: 'sv', s, v });
});

const lift = fn('lift', { inputs: halves, output: type<Piece>() }, async (inputs, ctx) => {
  const [q, rotation] = ['q', 'rotation'].map((half) => inputs.find(({ key }) => key === half)?.value);
  if (!q || !rotation) throw new Error('a half is missing');
  await ctx.output({ kind: 'u', block: Number(inputs[0]?.group), u: multiply(q, rotation) });
});

export default defineApp('svd', {
  module: import.meta.url,
  triggers: [blocks.on(immediate(), factor), triangles.on(dynamicJoin(), combine), halves.on(dynamicJoin(), lift)],
});

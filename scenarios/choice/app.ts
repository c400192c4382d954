/**
 * A choice: the key under which an object is sent decides which function takes it.
 *
 *                                           ┌─ byName 'small' ──► approve ──► output
 *     orders ──immediate──► review ──► reviewed ─ byName 'large' ──► ask ──► output
 *                                           └─ byName 'wrong' ──► refuse ──► output
 */
import { bucket, byName, defineApp, fn, immediate, type } from 'pheromone';

export interface Order {
  readonly amount: number;
}

export type Verdict = 'approved' | 'asked a human' | 'refused';

const largeAmount = 1_000;

const orders = bucket('orders', { value: type<Order>() });
const reviewed = bucket('reviewed', { value: type<Order>() });

const review = fn('review', { input: orders, sends: [reviewed] }, async ({ value }, ctx) => {
  const key = value.amount <= 0 ? 'wrong' : value.amount < largeAmount ? 'small' : 'large';
  await ctx.send(reviewed, { key, value });
});

const approve = fn('approve', { input: reviewed, output: type<Verdict>() }, async (_order, ctx) => {
  await ctx.output('approved');
});

const ask = fn('ask', { input: reviewed, output: type<Verdict>() }, async (_order, ctx) => {
  await ctx.output('asked a human');
});

const refuse = fn('refuse', { input: reviewed, output: type<Verdict>() }, async (_order, ctx) => {
  await ctx.output('refused');
});

export default defineApp('choice', {
  module: import.meta.url,
  triggers: [
    orders.on(immediate(), review),
    reviewed.on(byName({ key: 'small' }), approve),
    reviewed.on(byName({ key: 'large' }), ask),
    reviewed.on(byName({ key: 'wrong' }), refuse),
  ],
});

/**
 * Fan-out and fan-in: one number in each object, its square from each invocation, all squares in one.
 *
 *     numbers ──immediate──► square ──► squares ──bySet──► gather ──► output
 */
import { bucket, defineApp, fn, immediate, type } from 'pheromone';

export const numbers = bucket('numbers', { value: type<number>() });
export const squares = bucket('squares', { value: type<number>() });

const square = fn('square', { input: numbers, sends: [squares] }, async ({ key, value }, ctx) => {
  await ctx.send(squares, { key, value: value * value });
});

/** In the order of the set's keys, in whatever order they came. */
export const gather = fn('gather', { inputs: squares, output: type<number[]>() }, async (inputs, ctx) => {
  await ctx.output(inputs.map(({ value }) => value));
});

/** How many there are to gather is not known here: the trigger comes at run time. */
export default defineApp('fan-in', { module: import.meta.url, triggers: [numbers.on(immediate(), square)], functions: [gather] });

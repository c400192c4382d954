/** An app that is changed while it runs: `second` and `batch` wait for triggers that are added later. */
import { bucket, byBatchSize, defineApp, fn, immediate, type } from 'pheromone';

const strings = { value: type<string>() };
export const input = bucket('input', strings);
export const held = bucket('held', strings);
export const release = bucket('release', strings);
export const extra = bucket('extra', strings);
export const first = fn('first', { input, output: type<string>() }, ({ value }, ctx) => void ctx.output(`first ${value}`));
export const second = fn('second', { input, output: type<string>() }, ({ value }, ctx) => void ctx.output(`second ${value}`));
/** Holds its session open until something called `go` is put into `release`. */
export const hold = fn('hold', { input: held, sends: [release] }, async (_, ctx) => {
  while (!ctx.signal.aborted && !(await ctx.get(release, 'go'))) await new Promise((resolve) => setTimeout(resolve, 5));
});
export const batched = bucket('batched', strings);
export const batch = fn('batch', { inputs: batched, output: type<string>() }, (inputs, ctx) => {
  void ctx.output(inputs.map(({ value }) => value).join('+'));
});
export const batching = batched.on(byBatchSize({ count: 100 }), batch, { name: 'batching' });
export const changingApp = defineApp('changing', {
  module: import.meta.url,
  triggers: [input.on(immediate(), first, { name: 'to-first' }), held.on(immediate(), hold, { name: 'to-hold' })],
  functions: [second, batch],
});

/** An app for `pheromone run`, as its user writes it. */
import { bucket, defineApp, fn, immediate, type } from 'pheromone';

const names = bucket('names', { value: type<string>() });
const files = bucket('files', { value: type<Uint8Array>() });

const greet = fn('greet', { input: names, output: type<string>() }, async ({ value }, ctx) => {
  if (value === '') throw new RangeError('nobody to greet');
  if (value !== 'nobody') await ctx.output(`Hello, ${value}`);
});

const describe = fn('describe', { input: files, output: type<unknown>() }, async ({ key, group, value }, ctx) => {
  await ctx.output({ key, group, bytes: value.slice(0, 3), big: 2n ** 64n, map: new Map([['size', value.length]]) });
});

export default defineApp('greet', { module: import.meta.url, triggers: [names.on(immediate(), greet), files.on(immediate(), describe)] });

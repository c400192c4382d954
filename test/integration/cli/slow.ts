/** An app whose function takes the time that it is given. */
import { setTimeout as sleep } from 'node:timers/promises';
import { bucket, defineApp, fn, immediate, type } from 'pheromone';

const naps = bucket('naps', { value: type<number>() });

const nap = fn('nap', { input: naps, output: type<string>() }, async ({ value }, ctx) => {
  console.error(`asleep for ${value} ms`);
  await sleep(value);
  await ctx.output('slept');
});

export default defineApp('slow', { module: import.meta.url, triggers: [naps.on(immediate(), nap)] });

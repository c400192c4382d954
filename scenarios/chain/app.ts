/** A chain: each step takes a number, and sends the next one to the next step. */
import { bucket, defineApp, fn, immediate, type } from 'pheromone';

export interface Link {
  readonly position: number;
  readonly length: number;
}

const links = bucket('links', { value: type<Link>() });

const step = fn('step', { input: links, sends: [links], output: type<number>() }, async ({ value: { position, length } }, ctx) => {
  const next = position + 1;
  if (next < length) await ctx.send(links, { value: { position: next, length } });
  else await ctx.output(next);
});

export default defineApp('chain', { module: import.meta.url, triggers: [links.on(immediate(), step)] });

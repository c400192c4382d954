/** A chain that tells how long its hops took, without the call around them. */
import { bucket, defineApp, fn, immediate, type } from 'pheromone';

/** Of the chain that runs in this executor; null: none has begun here. */
let beganMs: number | null = null;

const lengths = bucket('lengths', { value: type<number>() });
/** How many hops are left, and more: small numbers are encoded faster, and long chains would have fewer of these. */
const more = 1_000_000;
const links = bucket('links', { value: type<number>() });
const begin = fn('begin', { input: lengths, sends: [links] }, async (input, ctx) => {
  beganMs = performance.now();
  await ctx.send(links, { value: more + input.value - 1 });
});
const hop = fn('hop', { input: links, sends: [links], output: type<number | null>() }, async (input, ctx) => {
  if (input.value > more) return ctx.send(links, { value: input.value - 1 });
  const tookMs = beganMs === null ? null : performance.now() - beganMs;
  beganMs = null;
  await ctx.output(tookMs);
});
/** Of a length from 1: gives the milliseconds from its first function to its last; null if these have run in different executors. */
export const timedChain = defineApp('timed-chain', {
  module: import.meta.url,
  triggers: [lengths.on(immediate(), begin), links.on(immediate(), hop)],
});

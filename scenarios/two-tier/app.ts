/** Work for two tiers of scheduling: a chain, a crowd that is too large for one worker, and a reduction of large objects. */
import { bucket, defineApp, dynamicJoin, fn, immediate, type } from 'pheromone';

export interface Link {
  readonly position: number;
  readonly length: number;
}

/** Keeps its executor busy for `ms`, and gives so many bytes. */
export interface Task {
  readonly ms: number;
  readonly bytes: number;
}

const links = bucket('links', { value: type<Link>() });
const step = fn('step', { input: links, sends: [links], output: type<number>() }, async ({ value: { position, length } }, ctx) => {
  if (position + 1 < length) await ctx.send(links, { value: { position: position + 1, length } });
  else await ctx.output(position + 1);
});

const plans = bucket('plans', { value: type<readonly Task[]>() });
const tasks = bucket('tasks', { value: type<Task>() });
const products = bucket('products', { value: type<Uint8Array>() });

const plan = fn('plan', { input: plans, sends: [tasks, products] }, async ({ value }, ctx) => {
  await ctx.expect(products, { count: value.length });
  for (const task of value) await ctx.send(tasks, { value: task });
});
const produce = fn('produce', { input: tasks, sends: [products] }, async ({ value: { ms, bytes } }, ctx) => {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
  await ctx.send(products, { value: new Uint8Array(bytes).fill(1) });
});
const reduce = fn('reduce', { inputs: products, output: type<number>() }, async (inputs, ctx) => {
  let sum = 0;
  for (const { value } of inputs) for (const one of value) sum += one;
  await ctx.output(sum);
});

export default defineApp('two-tier', {
  module: import.meta.url,
  triggers: [links.on(immediate(), step), plans.on(immediate(), plan), tasks.on(immediate(), produce), products.on(dynamicJoin(), reduce)],
});

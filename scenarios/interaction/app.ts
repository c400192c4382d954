/**
 * How functions follow from each other, with functions that do next to nothing:
 *
 *     chain         links ──immediate──► step ──► links … ──► output
 *     one-to-many   splits ──immediate──► split ──► branches ──immediate──► branch (n times) ──► output
 *     many-to-one   parts ──immediate──► part (n times) ──► joined ──bySet──► join ──► output
 */
import { bucket, bySet, defineApp, fn, immediate, type } from 'pheromone';

export const widths = [2, 4, 8, 16] as const;

/** What is still to be done, and the sum of what was. */
interface Link {
  readonly left: number;
  readonly sum: number;
}

const links = bucket('links', { value: type<Link>() });
const step = fn('step', { input: links, sends: [links], output: type<number>() }, async ({ value: { left, sum } }, ctx) => {
  if (left === 1) await ctx.output(sum + left);
  else await ctx.send(links, { value: { left: left - 1, sum: sum + left } });
});

/** Holds the number of branches. */
const splits = bucket('splits', { value: type<number>() });
const branches = bucket('branches', { value: type<number>() });
const split = fn('split', { input: splits, sends: [branches] }, async ({ value: width }, ctx) => {
  for (let i = 1; i <= width; i++) await ctx.send(branches, { value: i });
});
const branch = fn('branch', { input: branches, output: type<number>() }, async ({ value }, ctx) => {
  await ctx.output(value);
});

const parts = bucket('parts', { value: type<number>() });
const joined = bucket('joined', { value: type<number>() });
const part = fn('part', { input: parts, sends: [joined] }, async ({ key, value }, ctx) => {
  await ctx.send(joined, { key, value });
});
const join = fn('join', { inputs: joined, output: type<number>() }, async (inputs, ctx) => {
  await ctx.output(inputs.reduce((sum, { value }) => sum + value, 0));
});

/** The keys of a set of so many. */
export function keysOf(width: number): string[] {
  return Array.from({ length: width }, (_, i) => `${i + 1} of ${width}`);
}

export default defineApp('interaction', {
  module: import.meta.url,
  triggers: [
    links.on(immediate(), step),
    splits.on(immediate(), split),
    branches.on(immediate(), branch),
    parts.on(immediate(), part),
    ...widths.map((width) => joined.on(bySet({ keys: keysOf(width) }), join)),
  ],
});

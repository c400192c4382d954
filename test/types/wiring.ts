/**
 * Types flow from bucket to function, and wrong wiring does not compile. Checked by `tsc`, never run: a `@ts-expect-error` over a
 * line that compiles is itself an error.
 */
import {
  type App,
  type AnyPheromoneError,
  type Bucket,
  bucket,
  byName,
  bySet,
  type Context,
  defineApp,
  dynamicGroup,
  fn,
  type Input,
  immediate,
  redundant,
  type Trigger,
  type ValueOf,
  type,
} from 'pheromone';

type Equal<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
/** Compiles only for `true`. */
function assert<_T extends true>(): void {}

interface Totals {
  readonly total: number;
}

const parts = bucket<Uint8Array>('parts');
const counts = bucket<Record<string, number>>('counts');
const words = bucket('words', { value: type<string>() });
const lengths = bucket('lengths', { value: type<number>(), external: true });

assert<Equal<typeof parts, Bucket<Uint8Array, string>>>();
assert<Equal<typeof words, Bucket<string, 'words'>>>();
assert<Equal<ValueOf<typeof lengths>, number>>();

// A function takes what its bucket holds, one or many.
const one = fn('one', { input: parts }, (input, ctx) => {
  assert<Equal<typeof input, Input<Uint8Array>>>();
  assert<Equal<typeof ctx.session, string>>();
});
const many = fn('many', { inputs: counts, output: type<Totals>() }, async (inputs, ctx) => {
  assert<Equal<typeof inputs, readonly Input<Record<string, number>>[]>>();
  await ctx.output({ total: 1 });
  // @ts-expect-error the declared output has a total that is a number
  await ctx.output({ total: 'one' });
});
const either = fn('either', { inputs: [words, lengths] }, (inputs) => {
  assert<Equal<typeof inputs, readonly Input<string | number>[]>>();
});
const neither = fn('neither', {}, (inputs) => {
  assert<Equal<typeof inputs, readonly Input[]>>();
});

// @ts-expect-error one input or many, not both
fn('both', { input: parts, inputs: counts }, () => {});
// @ts-expect-error a misspelt option
fn('misspelt', { input: parts, timoutMs: 5 }, () => {});
// @ts-expect-error a name is not a bucket
fn('named', { input: 'parts' }, () => {});

// `send` takes the declared buckets, and what they hold.
const sender = fn('sender', { input: parts, sends: [counts, words] }, async (_input, ctx) => {
  await ctx.send(counts, { key: 'k', group: 'g', value: { a: 1 }, delayMs: 5 });
  await ctx.send(words, { value: 'word' });
  // @ts-expect-error not a bucket that it declares
  await ctx.send(lengths, { value: 1 });
  // @ts-expect-error words are strings
  await ctx.send(words, { value: 1 });
  // @ts-expect-error an object has a value
  await ctx.send(words, { key: 'k' });
  // @ts-expect-error it declares no output
  await ctx.output(1);
  // @ts-expect-error only bytes are allocated
  await ctx.allocate(words, { sizeBytes: 8 });
  assert<Equal<Awaited<ReturnType<typeof ctx.getAll<string>>>, Input<string>[]>>();
});
fn('free', { input: parts }, async (_input, ctx) => {
  await ctx.send(lengths, { value: 1 });
  const allocation = await ctx.allocate(parts, { key: 'k', sizeBytes: 8 });
  await allocation.seal();
  // @ts-expect-error numbers still
  await ctx.send(lengths, { value: 'one' });
  // @ts-expect-error only bytes are allocated
  await ctx.allocate(lengths, { sizeBytes: 8 });
  const found = await ctx.get(words, 'k');
  assert<Equal<typeof found, Input<string> | undefined>>();
  await ctx.expect(words, { keys: ['a'] });
  await ctx.expect(words, { group: 'g', count: 2 });
  // @ts-expect-error keys or count
  await ctx.expect(words, { keys: ['a'], count: 2 });
  // @ts-expect-error keys or count
  await ctx.expect(words, {});
});
fn('silent', { input: parts, sends: [] }, async (_input, ctx) => {
  // @ts-expect-error it declares that it sends nothing
  await ctx.send(words, { value: 'word' });
});

// A handler may be written elsewhere.
async function countInto(input: Input<Uint8Array>, ctx: Context<typeof counts>): Promise<void> {
  await ctx.send(counts, { value: { [input.key]: input.bytes.length } });
}
fn('elsewhere', { input: parts, sends: [counts] }, countInto);
// @ts-expect-error its input is of another type
fn('elsewhere', { input: words, sends: [counts] }, countInto);

// `.on` takes a function of the primitive's arity and the bucket's values.
const triggers = [
  parts.on(immediate(), one),
  counts.on(dynamicGroup({ sources: [one, 'sender'] }), many),
  words.on(byName({ key: 'k' }), neither),
];
assert<Equal<(typeof triggers)[0] extends Trigger ? true : false, true>>();
words.on(bySet({ keys: ['a'] }), either, { name: 'set', rerun: { source: sender, timeoutMs: 5 } });
lengths.on(bySet({ keys: ['a'] }), neither);
// @ts-expect-error immediate gives one
counts.on(immediate(), many);
// @ts-expect-error a set gives many
parts.on(bySet({ keys: ['a'] }), one);
// @ts-expect-error counts do not hold bytes
counts.on(immediate(), one);
// @ts-expect-error parts do not hold counts
parts.on(bySet({ keys: ['a'] }), many);
// @ts-expect-error a bucket is not a function
parts.on(immediate(), counts);
// @ts-expect-error a set has keys
bySet({});
// @ts-expect-error sources are functions
redundant({ k: 1, n: 2, sources: [parts] });
// @ts-expect-error n is missing
redundant({ k: 1, sources: [one] });

// What an app outputs is the union of what its functions declare.
const speak = fn('speak', { input: words, output: type<string>() }, () => {});
const app = defineApp('app', {
  module: import.meta.url,
  triggers: [counts.on(bySet({ keys: ['a'] }), many), words.on(immediate(), speak)],
});
assert<Equal<typeof app extends App<infer _B, infer Out> ? Out : never, Totals | string>>();
const silent = defineApp('silent', { module: import.meta.url, triggers: [parts.on(immediate(), one)] });
assert<Equal<typeof silent extends App<infer _B, infer Out> ? Out : unknown, never>>();
// @ts-expect-error the module is needed
defineApp('no-module', { triggers: [] });

/** After a test of its code, an error has that code's details. */
export function explain(error: AnyPheromoneError): string {
  if (error.code === 'SessionIncomplete') return error.pending.map((pending) => pending.lacks.join()).join();
  if (error.code === 'Overloaded') return `${error.retryAfterMs satisfies number}`;
  // @ts-expect-error only SessionIncomplete has it
  return error.pending;
}

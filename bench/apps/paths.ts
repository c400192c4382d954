/** The apps that are measured: a single function, a chain, a fan, a hand-over of bytes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { bucket, bySet, defineApp, fn, immediate, type } from 'pheromone';

const module = import.meta.url;

const questions = bucket('questions', { value: type<number>() });
const answer = fn('answer', { input: questions, output: type<number>() }, (input, ctx) => void ctx.output(input.value + 1));
export const one = defineApp('one', { module, triggers: [questions.on(immediate(), answer)] });

const links = bucket('links', { value: type<{ left: number; payload: Uint8Array | null }>() });
const hop = fn('hop', { input: links, sends: [links], output: type<number>() }, async (input, ctx) => {
  const { left, payload } = input.value;
  if (left === 0) await ctx.output(payload?.byteLength ?? 0);
  else await ctx.send(links, { value: { left: left - 1, payload } });
});
export const chain = defineApp('chain', { module, triggers: [links.on(immediate(), hop)] });

export const fanWidth = 16;
const starts = bucket('starts', { value: type<null>() });
const pieces = bucket('pieces', { value: type<number>() });
const results = bucket('results', { value: type<number>() });
const keys = Array.from({ length: fanWidth }, (_, i) => `k${i}`);
const split = fn('split', { input: starts, sends: [pieces] }, (_, ctx) => {
  for (const [i, key] of keys.entries()) void ctx.send(pieces, { key, value: i });
});
const work = fn(
  'work',
  { input: pieces, sends: [results] },
  (input, ctx) => void ctx.send(results, { key: input.key, value: input.value }),
);
const join = fn('join', { inputs: results, output: type<number>() }, (inputs, ctx) => void ctx.output(inputs.length));
export const fan = defineApp('fan', {
  module,
  triggers: [starts.on(immediate(), split), pieces.on(immediate(), work), results.on(bySet({ keys }), join)],
});

const sizes = bucket('sizes', { value: type<number>() });
const bytes = bucket('bytes', { value: type<Uint8Array>() });
const produce = fn('produce', { input: sizes, sends: [bytes] }, async (input, ctx) => {
  const allocation = await ctx.allocate(bytes, { sizeBytes: input.value });
  allocation.bytes[0] = 1;
  allocation.bytes[allocation.bytes.length - 1] = 2;
  // Threads have time origins of their own; this clock is one for all.
  new DataView(allocation.bytes.buffer, allocation.bytes.byteOffset).setBigInt64(8, process.hrtime.bigint(), true);
  await allocation.seal();
  // Still running, it leaves the consumer to the other executor; spinning, it would fight with it for a processor.
  await sleep(5);
});
const consume = fn('consume', { input: bytes, output: type<{ tookMs: number; good: boolean }>() }, (input, ctx) => {
  const sealed = new DataView(input.bytes.buffer, input.bytes.byteOffset).getBigInt64(8, true);
  const tookMs = Number(process.hrtime.bigint() - sealed) / 1e6;
  void ctx.output({ tookMs, good: input.bytes[0] === 1 && input.bytes.at(-1) === 2 });
});
export const pass = defineApp('pass', { module, triggers: [sizes.on(immediate(), produce), bytes.on(immediate(), consume)] });

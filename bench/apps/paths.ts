/** The apps that are measured: a single function, chains, a fan, a hand-over of bytes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { bucket, bySet, defineApp, fn, immediate, type } from 'pheromone';

const module = import.meta.url;

const questions = bucket('questions', { value: type<number>() });
const answer = fn('answer', { input: questions, output: type<number>() }, (input, ctx) => void ctx.output(input.value + 1));
export const one = defineApp('one', { module, triggers: [questions.on(immediate(), answer)] });

/** Its value: how many hops are left. */
const links = bucket('links', { value: type<number>() });
const hop = fn('hop', { input: links, sends: [links], output: type<number>() }, async (input, ctx) => {
  if (input.value === 0) await ctx.output(0);
  else await ctx.send(links, { value: input.value - 1 });
});
export const chain = defineApp('chain', { module, triggers: [links.on(immediate(), hop)] });

export const payloadBytes = 100;
/** What its last byte must stay. */
export const markByte = 7;
/** The first four bytes: how many hops are left. */
const byteLinks = bucket('byte-links', { value: type<Uint8Array>() });
const byteHop = fn('byte-hop', { input: byteLinks, sends: [byteLinks], output: type<number>() }, async (input, ctx) => {
  // Inputs are only to be read.
  const payload = new Uint8Array(input.value);
  if (payload[payloadBytes - 1] !== markByte) throw new Error('an object was changed after it had been sent');
  const view = new DataView(payload.buffer);
  const left = view.getUint32(0, true);
  if (left === 0) return ctx.output(payload.byteLength);
  view.setUint32(0, left - 1, true);
  const sent = ctx.send(byteLinks, { value: payload });
  // Of no consequence for the next hop: what was sent is as it was then.
  payload.fill(255);
  await sent;
});
export const chainBytes = defineApp('chain-bytes', { module, triggers: [byteLinks.on(immediate(), byteHop)] });

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

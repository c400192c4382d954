/** The apps that are measured: a single function, chains, a fan, a hand-over of bytes. */
import { threadId } from 'node:worker_threads';
import { bucket, bySet, defineApp, fn, immediate, type } from 'pheromone';

const module = import.meta.url;

// #region call
const questions = bucket('questions', { value: type<number>() });
const answer = fn('answer', { input: questions, output: type<number>() }, (input, ctx) => void ctx.output(input.value + 1));
export const one = defineApp('one', { module, triggers: [questions.on(immediate(), answer)] });
// #endregion

// #region chain
/** Its value: how many hops are left. */
const links = bucket('links', { value: type<number>() });
export const hop = fn('hop', { input: links, sends: [links], output: type<number>() }, async (input, ctx) => {
  if (input.value === 0) await ctx.output(0);
  else await ctx.send(links, { value: input.value - 1 });
});
export const chain = defineApp('chain', { module, triggers: [links.on(immediate(), hop)] });
// #endregion

export const payloadBytes = 100;
/** What its last byte must stay. */
export const markByte = 7;
/** The first four bytes: how many hops are left. */
const byteLinks = bucket('byte-links', { value: type<Uint8Array>() });
const byteHop = fn('byte-hop', { input: byteLinks, sends: [byteLinks], output: type<number>() }, async (input, ctx) => {
  // Inputs are only to be read. From Node's pool: memory of its own would take longer than the hop.
  const payload = Buffer.from(input.value);
  if (payload[payloadBytes - 1] !== markByte) throw new Error('an object was changed after it had been sent');
  const left = payload.readUInt32LE(0);
  if (left === 0) return ctx.output(payload.byteLength);
  payload.writeUInt32LE(left - 1, 0);
  const sent = ctx.send(byteLinks, { value: payload });
  // Of no consequence for the next hop: what was sent is as it was then.
  payload.fill(255);
  await sent;
});
export const chainBytes = defineApp('chain-bytes', { module, triggers: [byteLinks.on(immediate(), byteHop)] });

export const fanWidth = 16;
export const fanSum = (fanWidth * (fanWidth - 1)) / 2;
// #region fan
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
const join = fn('join', { inputs: results, output: type<number>() }, (inputs, ctx) => {
  void ctx.output(inputs.reduce((sum, { value }) => sum + value, 0));
});
export const fan = defineApp('fan', {
  module,
  triggers: [starts.on(immediate(), split), pieces.on(immediate(), work), results.on(bySet({ keys }), join)],
});
// #endregion

export interface Passing {
  readonly sizeBytes: number;
  readonly left: number;
  /** Of each object so far: microseconds from its seal until its consumer ran, in another thread. */
  readonly tookUs: number[];
}
const sizes = bucket('sizes', { value: type<Passing>() });
const bytes = bucket('bytes', { value: type<Uint8Array>() });
/** At an object's start: when it was sealed (64 bits), in which thread, how many are left, how many times follow (32 bits each), and these. */
const timesAt = 24;
const headBytes = 512;
const produce = fn('produce', { input: sizes, sends: [bytes] }, async (input, ctx) => {
  const { sizeBytes, left, tookUs } = input.value;
  const { bytes: object, seal } = await ctx.allocate(bytes, { sizeBytes });
  const view = new DataView(object.buffer, object.byteOffset);
  object[headBytes] = 1;
  object[sizeBytes - 1] = 2;
  view.setUint32(8, threadId, true);
  view.setUint32(12, left, true);
  view.setUint32(16, tookUs.length, true);
  for (const [i, us] of tookUs.entries()) view.setFloat64(timesAt + 8 * i, us, true);
  // Threads have time origins of their own; this clock is one for all.
  view.setBigInt64(0, process.hrtime.bigint(), true);
  await seal();
});
const consume = fn(
  'consume',
  { input: bytes, sends: [sizes], output: type<readonly number[]>(), placement: 'spread' },
  ({ bytes: object }, ctx) => {
    const view = new DataView(object.buffer, object.byteOffset);
    const us = Number(process.hrtime.bigint() - view.getBigInt64(0, true)) / 1_000;
    if (object[headBytes] !== 1 || object.at(-1) !== 2) throw new Error('the object is not what was sealed');
    const before = Array.from({ length: view.getUint32(16, true) }, (_, i) => view.getFloat64(timesAt + 8 * i, true));
    // One that stayed in its thread was not handed over.
    const tookUs = view.getUint32(8, true) === threadId ? before : [...before, us];
    const left = view.getUint32(12, true) - 1;
    if (left === 0) void ctx.output(tookUs);
    else void ctx.send(sizes, { value: { sizeBytes: object.byteLength, left, tookUs } });
  },
);
export const pass = defineApp('pass', { module, triggers: [sizes.on(immediate(), produce), bytes.on(immediate(), consume)] });

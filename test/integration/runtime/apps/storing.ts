/** Objects of many sizes, where they lie, and a store that is full. */
import { bucket, byBatchSize, bySet, defineApp, fn, immediate, type } from 'pheromone';

const module = import.meta.url;
const bytes = { value: type<Uint8Array>() };
const sizes = { value: type<number>() };

/** Where an input lies: in which memory, and what is in it. */
export interface Place {
  readonly offset: number;
  readonly bufferBytes: number;
  readonly sizeBytes: number;
  readonly sum: number;
}

const made = bucket('made', sizes);
const sent = bucket('sent', bytes);
const sender = fn('sender', { input: made, sends: [sent] }, async ({ key, value: sizeBytes }, ctx) => {
  if (key === 'send') return ctx.send(sent, { value: new Uint8Array(sizeBytes).fill(3) });
  const block = await ctx.allocate(sent, { sizeBytes });
  block.bytes.fill(3);
  await block.seal();
});
const looker = fn('looker', { input: sent, output: type<Place>() }, (input, ctx) => {
  const { byteOffset, buffer, byteLength } = input.bytes;
  if (input.value.byteOffset !== byteOffset || input.value.buffer !== buffer) throw new Error('the value of bytes is a copy');
  void ctx.output({
    offset: byteOffset,
    bufferBytes: buffer.byteLength,
    sizeBytes: byteLength,
    sum: input.bytes.reduce((a, b) => a + b, 0),
  });
});
export const placeApp = defineApp('place', { module, triggers: [made.on(immediate(), sender), sent.on(immediate(), looker)] });

const numbers = bucket('numbers', { value: type<Float64Array>() });
const adder = fn(
  'adder',
  { input: numbers, output: type<{ readonly sum: number; readonly aligned: boolean }>() },
  ({ value, bytes: lying }, ctx) => {
    const isView = value.buffer === lying.buffer && value.byteOffset === lying.byteOffset;
    void ctx.output({ sum: value.reduce((a, b) => a + b, 0), aligned: isView && lying.byteOffset % 64 === 0 });
  },
);
export const typedApp = defineApp('typed', { module, triggers: [numbers.on(immediate(), adder)] });

const snapshots = bucket('snapshots', { value: type<unknown>() });
const starts = bucket('starts', sizes);
/** Sends a plain value, a typed array and large bytes, and then changes all three. */
const changer = fn('changer', { input: starts, sends: [snapshots] }, (_, ctx) => {
  const plain = { list: [1] };
  const typed = new Float64Array([1, 2]);
  const large = new Uint8Array(300_000).fill(1);
  void ctx.send(snapshots, { key: 'plain', value: plain });
  void ctx.send(snapshots, { key: 'typed', value: typed });
  void ctx.send(snapshots, { key: 'large', value: large });
  plain.list.push(2);
  typed.fill(9);
  large.fill(9);
});
const checker = fn('checker', { inputs: snapshots, output: type<unknown>() }, ([plain, typed, large], ctx) => {
  const sum = (large?.bytes ?? new Uint8Array()).reduce((a, b) => a + b, 0);
  void ctx.output({ plain: plain?.value, typed: [...((typed?.value as Float64Array) ?? [])], sum });
});
export const snapshotApp = defineApp('snapshot', {
  module,
  triggers: [starts.on(immediate(), changer), snapshots.on(bySet({ keys: ['plain', 'typed', 'large'] }), checker)],
});

const floods = bucket('floods', sizes);
const water = bucket('water', bytes);
/** Sends so many MiB, each awaited, to a batch that holds them until the session has ended. */
const flood = fn('flood', { input: floods, sends: [water], output: type<number>() }, async ({ value }, ctx) => {
  for (let i = 0; i < value; i++) await ctx.send(water, { value: new Uint8Array(2 ** 20).fill(1) });
  void ctx.output(value);
});
const hold = fn('hold', { inputs: water }, () => undefined);
export const floodApp = defineApp('flood', {
  module,
  triggers: [floods.on(immediate(), flood), water.on(byBatchSize({ count: 10_000, scope: 'session' }), hold)],
});

/** More than are asked for at a time, of three ways into the store. */
export const burstCount = 60;
const burstSizes = [100_000, 10, 5_000];
const bursts = bucket('bursts', { value: type<string>() });
const sparks = bucket('sparks', bytes);
/** Sends without waiting, each object marked by its number, and changes it then. */
const burst = fn('burst', { input: bursts, sends: [sparks] }, ({ value }, ctx) => {
  for (let i = 0; i < burstCount; i++) {
    const object = new Uint8Array(burstSizes[i % burstSizes.length] ?? 0).fill(i);
    void ctx.send(sparks, { value: object });
    object.fill(255);
  }
  if (value === 'throws') throw new Error('after it has sent');
});
const line = fn('line', { inputs: sparks, output: type<readonly number[]>() }, (inputs, ctx) => {
  void ctx.output(inputs.map(({ value }) => (value.every((byte) => byte === value[0]) ? (value[0] ?? -1) : -1)));
});
export const burstApp = defineApp('burst', {
  module,
  triggers: [bursts.on(immediate(), burst), sparks.on(byBatchSize({ count: burstCount, scope: 'session' }), line)],
});

export const storingApps = [placeApp, typedApp, snapshotApp, floodApp, burstApp];

/**
 * What is done on another worker than the session's home: short functions, while one keeps the executor there; and the reading of a
 * large object, while the function that made it goes on. The app has an external bucket, so that all its sessions have homes.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { bucket, defineApp, fn, immediate, type } from 'pheromone';

const module = import.meta.url;

/** `pid`: of the worker where it ran. `from`: of the worker where its input was made, else 0. */
export interface Told {
  readonly pid: number;
  readonly from: number;
  readonly value: number;
}
const told = type<Told>();

const shorts = bucket('shorts', { value: type<number>() });
const short = fn('short', { input: shorts, output: told }, ({ value }, ctx) => {
  void ctx.output({ pid: process.pid, from: 0, value: value + 1 });
});

const holds = bucket('holds', { value: type<null>() });
/** Keeps its executor, but no processor, until its session is cancelled. */
const hold = fn('hold', { input: holds, output: told }, async (_, ctx) => {
  const aborted = once(ctx.signal, 'abort');
  void ctx.output({ pid: process.pid, from: 0, value: 0 });
  await aborted;
});

const parks = bucket('parks', { value: type<null>() });
const wakes = bucket('wakes', { value: type<null>(), external: true });
/** The session is open until it is cancelled, and does nothing. */
const park = fn('park', { input: parks, sends: [] }, () => undefined);
const wake = fn('wake', { input: wakes, sends: [] }, () => undefined);

const makes = bucket('makes', { value: type<number>() });
const objects = bucket('objects', { value: type<Uint8Array>() });
/** At an object's start: when it was sealed (64 bits), and by which process (32 bits). */
const headBytes = 12;
/** A page: at the start of each but the first there is its own offset. */
const markBytes = 4_096;
const fillByte = 7;
/** So long the maker goes on: longer than its object waits at home before its reader is sent elsewhere. */
export const keepMs = 100;

const make = fn('make', { input: makes, sends: [objects] }, async ({ value: sizeBytes }, ctx) => {
  const { bytes, seal } = await ctx.allocate(objects, { sizeBytes });
  const view = new DataView(bytes.buffer, bytes.byteOffset, sizeBytes);
  bytes.fill(fillByte);
  for (let at = markBytes; at + 4 <= sizeBytes; at += markBytes) view.setUint32(at, at, true);
  view.setUint32(8, process.pid, true);
  // One clock for all processes of a machine.
  view.setBigInt64(0, process.hrtime.bigint(), true);
  await seal();
  await sleep(keepMs);
});
/** Tells the milliseconds from the seal until it ran. */
const use = fn('use', { input: objects, output: told }, ({ bytes }, ctx) => {
  const nowNs = process.hrtime.bigint();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = markBytes; at + 4 <= bytes.byteLength; at += markBytes)
    if (view.getUint32(at, true) !== at || bytes[at - 1] !== fillByte) throw new Error(`the object is not what was sealed: at ${at}`);
  if (bytes[headBytes] !== fillByte || bytes.at(-1) !== fillByte) throw new Error('the object is not what was sealed');
  const value = Number(nowNs - view.getBigInt64(0, true)) / 1e6;
  void ctx.output({ pid: process.pid, from: view.getUint32(8, true), value });
});

export const away = defineApp('away', {
  module,
  triggers: [
    shorts.on(immediate(), short),
    holds.on(immediate(), hold),
    parks.on(immediate(), park),
    wakes.on(immediate(), wake),
    makes.on(immediate(), make),
    objects.on(immediate(), use),
  ],
});

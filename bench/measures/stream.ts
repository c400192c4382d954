/** A stream: from when an event is sent until the window that counts it is there, at a rate that is held; and the highest rate. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Runtime } from 'pheromone';
import { type AdEvent, campaigns, type Part, stream, windowMs, zeros } from '../apps/stream.ts';
import type { Measure } from '../measure.ts';
import { check, ours } from '../runtime.ts';

const heldRate = 5_000;
const heldMs = 2_000;
const tickMs = 10;
const burst = 20_000;
const batch = 100;
const batchesOpen = 16;
const quietMsMax = 20_000;
const kinds = ['view', 'click', 'purchase'] as const;

const warmUps = 2;

const held = { rate: heldRate, forMs: heldMs, windowMs, ideal: `${windowMs / 2} and ${windowMs}` };
const atOnce = { events: burst, batch, open: batchesOpen, windowMs };

/** A system that takes events, and tells of each window what it counted. */
export interface EventStream {
  send(events: readonly AdEvent[]): Promise<unknown>;
  close(): Promise<unknown>;
}
type Open = (onPart: (part: Part) => void) => Promise<EventStream> | EventStream;

const eventOf = (i: number): AdEvent => ({ ad: (i * 7) % 1_000, kind: kinds[i % kinds.length] ?? 'view', sentMs: performance.now() });

/** Adds up what the windows tell, until all views are counted. */
class Counted {
  readonly delaysMs: number[] = [];
  readonly #counts = zeros();
  readonly #expected = zeros();
  #missing = 0;
  #all: () => void = () => undefined;

  sent(events: readonly AdEvent[]): void {
    for (const { ad, kind } of events) {
      if (kind !== 'view') continue;
      this.#missing++;
      this.#expected[ad % campaigns] = (this.#expected[ad % campaigns] ?? 0) + 1;
    }
  }

  readonly take = ({ counts, sentMs }: Part): void => {
    for (const [campaign, count] of counts.entries()) this.#counts[campaign] = (this.#counts[campaign] ?? 0) + count;
    for (const at of sentMs) this.delaysMs.push(performance.now() - at);
    this.#missing -= sentMs.length;
    if (this.#missing <= 0) this.#all();
  };

  async all(): Promise<void> {
    const cancel = new AbortController();
    const late = sleep(quietMsMax, null, { signal: cancel.signal }).catch(() => null);
    if (this.#missing > 0) await Promise.race([new Promise<void>((resolve) => (this.#all = resolve)), late]);
    cancel.abort();
    check(this.#missing === 0 && this.#counts.join() === this.#expected.join(), `stream: ${this.#missing} are missing`);
  }
}

async function hold(open: Open): Promise<readonly number[]> {
  const counted = new Counted();
  const to = await open(counted.take);
  const startedMs = performance.now();
  const sends: Promise<unknown>[] = [];
  for (let next = 0; next < (heldRate * heldMs) / 1_000; ) {
    await sleep(tickMs);
    const due = Math.ceil(((performance.now() - startedMs) / 1_000) * heldRate);
    const events = Array.from({ length: due - next }, (_, i) => eventOf(next + i));
    counted.sent(events);
    sends.push(to.send(events));
    next = due;
  }
  await Promise.all(sends);
  await counted.all();
  await to.close();
  return counted.delaysMs;
}

async function flood(open: Open): Promise<readonly number[]> {
  const counted = new Counted();
  const to = await open(counted.take);
  const startedMs = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < burst) {
      const events = Array.from({ length: batch }, () => eventOf(next++));
      counted.sent(events);
      await to.send(events);
    }
  };
  await Promise.all(Array.from({ length: batchesOpen }, lane));
  await counted.all();
  const tookMs = performance.now() - startedMs;
  await to.close();
  return [burst / (tookMs / 1_000)];
}

// #region stream
function openOurs(runtime: Runtime, onPart: (part: Part) => void): EventStream {
  const parts = runtime.outputs(stream)[Symbol.asyncIterator]();
  const take = async () => {
    for (let part = await parts.next(); !part.done; part = await parts.next()) onPart(part.value.value);
  };
  const taken = take();
  return {
    send: (events) => runtime.call(stream, { events: events.map((value) => ({ value })) }, { until: 'end' }),
    async close() {
      await parts.return?.();
      await taken;
    },
  };
}
// #endregion

async function warmUp(runtime: Runtime): Promise<void> {
  for (let i = 0; i < warmUps; i++) await flood((onPart) => openOurs(runtime, onPart));
}

/** In one thread: an array, and a timer that counts it. */
function openPlain(onPart: (part: Part) => void): EventStream {
  let hits: AdEvent[] = [];
  const count = () => {
    const counts = zeros();
    for (const { ad } of hits) counts[ad % campaigns] = (counts[ad % campaigns] ?? 0) + 1;
    if (hits.length > 0) onPart({ counts, sentMs: hits.map(({ sentMs }) => sentMs) });
    hits = [];
  };
  const timer = setInterval(count, windowMs);
  return {
    send: async (events) => void hits.push(...events.filter(({ kind }) => kind === 'view')),
    close: async () => clearInterval(timer),
  };
}

const floor = (name: string, unit: string, settings: object, run: (open: Open) => Promise<readonly number[]>): Measure => ({
  ...{ name, system: 'floor: an array and a timer', unit, settings: { ...settings, threads: 1 } },
  prepare: async () => ({ sample: () => run(openPlain), close: async () => undefined }),
});

export const streamMeasures: readonly Measure[] = [
  ours('stream', 'ms', stream, { ...held, warmUps }, (runtime) => hold((onPart) => openOurs(runtime, onPart)), warmUp),
  floor('stream', 'ms', held, hold),
  ours('stream', 'events/s', stream, { ...atOnce, warmUps }, (runtime) => flood((onPart) => openOurs(runtime, onPart)), warmUp),
  floor('stream', 'events/s', atOnce, flood),
];

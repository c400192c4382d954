/** What a benchmark is made of: measures, each a system doing one thing, sampled in rounds that are interleaved with the others. */
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Measure {
  /** What is measured: `call`. Systems that do the same thing share it. */
  readonly name: string;
  /** `pheromone`, a peer, or `floor: …` */
  readonly system: string;
  readonly unit: string;
  /** Whether what was accepted is still there when all processes have died; of floors nobody asks. */
  readonly durable?: boolean;
  /** What a reader needs to repeat it. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Of a peer: if it fails, it is left out, and the others go on. */
  readonly mayFail?: boolean;
  /** Why it cannot be measured on this machine; it is left out then. */
  readonly unavailable?: string | undefined;
  /** Starts what is measured; its samples check their own results. */
  prepare(): Promise<Prepared>;
}

export interface Prepared {
  /** One round: at least one value, in the measure's unit. */
  sample(): Promise<readonly number[]>;
  close(): Promise<void>;
}

export interface Result {
  readonly name: string;
  readonly system: string;
  readonly durable?: boolean;
  readonly unit: string;
  readonly median: number;
  readonly p99: number;
  readonly rounds: number;
  readonly settings: Measure['settings'];
}

export function summarize({ name, system, durable, unit, settings }: Measure, values: readonly number[], rounds: number): Result {
  const measured = { unit, median: quantile(values, 0.5), p99: quantile(values, 0.99), rounds, settings };
  return { name, system, ...(durable !== undefined && { durable }), ...measured };
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
  if (value === undefined) throw new Error('a measure gave no values');
  return Number(value.toPrecision(4));
}

/** Does something so many times, at most `open` of them at once. */
export async function inLanes(times: number, open: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < times) await work(next++);
  };
  await Promise.all(Array.from({ length: open }, lane));
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => unknown): Promise<number> {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

const quietShare = 0.1;
const lookMs = 20;
const quietMsMax = 2_000;

/** When this machine's processors have little to do: what was measured before may have left them work. In any case after 2 s. */
export async function whenQuiet(): Promise<void> {
  const giveUpMs = performance.now() + quietMsMax;
  for (let before = processorTimes(); performance.now() < giveUpMs; ) {
    await sleep(lookMs);
    const now = processorTimes();
    if (now.busyMs - before.busyMs <= quietShare * (now.allMs - before.allMs)) return;
    before = now;
  }
}

function processorTimes(): { busyMs: number; allMs: number } {
  let allMs = 0;
  let idleMs = 0;
  for (const { times } of cpus()) {
    for (const ms of Object.values(times)) allMs += ms;
    idleMs += times.idle;
  }
  return { busyMs: allMs - idleMs, allMs };
}

const restMs = 20;

/** Does something over and over, and rests ten times: what only happens after a rest is compiled, too. */
export async function warmUp(times: number, work: (i: number) => Promise<unknown>): Promise<void> {
  const part = Math.ceil(times / 10);
  for (let i = 0; i < times; i++) {
    if (i % part === 0) await sleep(restMs);
    await work(i);
  }
}

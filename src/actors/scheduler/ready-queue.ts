/**
 * The invocations that wait for an executor: a lane per (function, priority), each in order of arrival.
 *
 *   Q1  Of the heads that some executor can take, the one of the highest priority, then the oldest, goes first.
 *   Q2  A head that no executor can take yet reserves one, so that younger invocations do not overtake it for ever.
 *   Q3  An invocation that left the queue by another way (its session ended, another worker took it) is skipped, not searched for, also
 *       when it is in the queue once more.
 */
import type { AppFunction } from '../app.ts';
import type { ExecutorSlot, Invocation } from './state.ts';

interface Entry {
  readonly invocation: Invocation;
  readonly order: number;
}

interface Lane {
  readonly fn: AppFunction;
  readonly priority: number;
  readonly waiting: Entry[];
  /** Index of the first that has not left. */
  head: number;
}

const none: ReadonlySet<ExecutorSlot> = new Set();

/** Below so many departed entries a lane is not worth compacting. */
const compactMin = 1_024;

export class ReadyQueue {
  /** By priority (9 first), then by function. Empty lanes are removed. */
  readonly #lanes: Map<AppFunction, Lane>[] = Array.from({ length: 10 }, () => new Map<AppFunction, Lane>());
  #order = 0;
  #length = 0;

  /** Invocations that wait. */
  get length(): number {
    return this.#length;
  }

  add(invocation: Invocation): void {
    const { fn, session } = invocation;
    const { priority } = session.spec;
    const lanes = this.#lanesOf(priority);
    let lane = lanes.get(fn);
    if (!lane) {
      lane = { fn, priority, waiting: [], head: 0 };
      lanes.set(fn, lane);
    }
    invocation.queuedAs = this.#order;
    lane.waiting.push({ invocation, order: this.#order++ });
    this.#length++;
  }

  /** The invocation is no longer `queued`: it will be skipped. */
  forget(): void {
    this.#length--;
    if (this.#length === 0) for (const lanes of this.#lanes) lanes.clear();
  }

  /** Some of those that wait and are wanted, the highest priority first; at most `count`. */
  some(count: number, isWanted: (invocation: Invocation) => boolean): readonly Invocation[] {
    const found: Invocation[] = [];
    for (let priority = 9; priority >= 0; priority--) {
      for (const lane of this.#lanesOf(priority).values()) {
        for (let i = lane.head; i < lane.waiting.length && found.length < count; i++) {
          const entry = lane.waiting[i];
          if (entry && isWaiting(entry) && isWanted(entry.invocation)) found.push(entry.invocation);
        }
      }
    }
    return found;
  }

  /** Takes the next invocation that an executor can start now, and that executor; null if there is none. */
  take(executors: readonly ExecutorSlot[]): { readonly invocation: Invocation; readonly executor: ExecutorSlot } | null {
    if (this.#length === 0) return null;
    let reserved = none;
    for (let priority = 9; priority >= 0; priority--) {
      const lanes = this.#lanesOf(priority);
      if (lanes.size === 0) continue;
      for (const lane of this.#oldestFirst(lanes)) {
        const head = lane.waiting[lane.head]?.invocation;
        if (!head) continue;
        const executor = choose(executors, head, reserved);
        if (executor) {
          this.#leave(lanes, lane);
          this.#length--;
          return { invocation: head, executor };
        }
        const kept = leastLoaded(executors, reserved);
        if (!kept) return null;
        reserved = new Set([...reserved, kept]);
      }
    }
    return null;
  }

  #oldestFirst(lanes: Map<AppFunction, Lane>): Lane[] {
    const present: Lane[] = [];
    for (const lane of lanes.values()) {
      while (lane.head < lane.waiting.length && !isWaiting(lane.waiting[lane.head])) this.#leave(lanes, lane);
      if (lane.head < lane.waiting.length) present.push(lane);
    }
    return present.length < 2 ? present : present.sort((a, b) => headOrder(a) - headOrder(b));
  }

  #leave(lanes: Map<AppFunction, Lane>, lane: Lane): void {
    lane.head++;
    if (lane.head === lane.waiting.length) lanes.delete(lane.fn);
    else if (lane.head >= compactMin && lane.head * 2 > lane.waiting.length) {
      lane.waiting.splice(0, lane.head);
      lane.head = 0;
    }
  }

  #lanesOf(priority: number): Map<AppFunction, Lane> {
    const lanes = this.#lanes[priority];
    if (!lanes) throw new Error(`bug: priority ${priority} is not 0 to 9`);
    return lanes;
  }
}

function isWaiting(entry: Entry | undefined): boolean {
  return entry !== undefined && entry.invocation.place === 'queued' && entry.invocation.queuedAs === entry.order;
}

function headOrder(lane: Lane): number {
  return lane.waiting[lane.head]?.order ?? 0;
}

/** Where its inputs were produced, if there is room (there last, if it is to be spread); else the least loaded that has. */
function choose(executors: Iterable<ExecutorSlot>, { fn, near }: Invocation, reserved: ReadonlySet<ExecutorSlot>): ExecutorSlot | null {
  let best: ExecutorSlot | null = null;
  for (const executor of executors) {
    if (reserved.has(executor) || !canTake(executor, fn)) continue;
    if (executor.number === near && fn.placement === 'near') return executor;
    if (!best || executor.running < best.running || best.number === near) best = executor;
  }
  return best;
}

function canTake(executor: ExecutorSlot, fn: AppFunction): boolean {
  if (!executor.ready || executor.ending) return false;
  return executor.running === 0 || (executor.running < executor.limit && executor.running < fn.concurrency);
}

function leastLoaded(executors: Iterable<ExecutorSlot>, reserved: ReadonlySet<ExecutorSlot>): ExecutorSlot | null {
  let best: ExecutorSlot | null = null;
  for (const executor of executors) {
    if (executor.ready && !executor.ending && !reserved.has(executor) && (!best || executor.running < best.running)) best = executor;
  }
  return best;
}

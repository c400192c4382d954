/**
 * Virtual time: what is to happen, in the order of time, and of asking among what is due together.
 *
 *   V1  Time moves only from one event to the next; nothing happens between.
 *   V2  Two events that are due together happen in the order in which they were asked for.
 */
import type { Timers } from '../../src/storage/timers.ts';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
  done: boolean;
}

export class Clock {
  nowMs: number;
  readonly #heap: Event[] = [];
  #order = 0;

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  /** Returns what takes it back. */
  after(ms: number, run: () => void): () => void {
    return this.#cancel(this.#add(ms, run));
  }

  /** Runs the next event; false if there is none, or none until `endMs`. */
  step(endMs: number): boolean {
    for (let first = this.#heap[0]; first && first.atMs <= endMs; first = this.#heap[0]) {
      this.#remove();
      if (first.cancelled) continue;
      this.nowMs = Math.max(this.nowMs, first.atMs);
      first.done = true;
      first.run();
      return true;
    }
    return false;
  }

  /** A port to this clock that knows how many of its own timers are running. */
  timers(): Timers & { readonly running: number } {
    const add = (ms: number, run: () => void) => this.#add(ms, run);
    let running = 0;
    return {
      get running() {
        return running;
      },
      setTimeout(callback, afterMs) {
        running++;
        return add(afterMs, () => {
          running--;
          callback();
        });
      },
      clearTimeout(timer) {
        const event = timer as Event;
        if (!event.done && !event.cancelled) running--;
        event.cancelled = true;
      },
    };
  }

  #cancel(event: Event): () => void {
    return () => {
      event.cancelled = true;
    };
  }

  #add(afterMs: number, run: () => void): Event {
    const event: Event = { atMs: this.nowMs + Math.max(0, afterMs), order: this.#order++, run, cancelled: false, done: false };
    const heap = this.#heap;
    let at = heap.length;
    for (let up = (at - 1) >> 1; at > 0 && isBefore(event, heap[up] as Event); up = (at - 1) >> 1) {
      heap[at] = heap[up] as Event;
      at = up;
    }
    heap[at] = event;
    return event;
  }

  #remove(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down + 1 < heap.length && isBefore(heap[down + 1] as Event, heap[down] as Event)) down++;
      const child = heap[down];
      if (!child || !isBefore(child, last)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

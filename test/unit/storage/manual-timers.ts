/**
 * Timers that a test fires itself.
 */
import type { Timers } from '../../../src/storage/timers.ts';

export class ManualTimers implements Timers {
  nowMs = 0;
  readonly #pending = new Map<number, { callback: () => void; atMs: number }>();
  #last = 0;

  setTimeout(callback: () => void, afterMs: number): number {
    this.#pending.set(++this.#last, { callback, atMs: this.nowMs + afterMs });
    return this.#last;
  }

  clearTimeout(timer: unknown): void {
    this.#pending.delete(timer as number);
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Fires what is due in the next `ms`, in the order of time, also what is started meanwhile. */
  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const [next] = [...this.#pending].filter(([, { atMs }]) => atMs <= endMs).sort(([, a], [, b]) => a.atMs - b.atMs);
      if (!next) break;
      const [timer, { callback, atMs }] = next;
      this.#pending.delete(timer);
      this.nowMs = atMs;
      callback();
    }
    this.nowMs = endMs;
  }
}

/**
 * Looks at a thread's links, on each turn of its event loop, for a while after the last frame; then lets them park.
 *
 *   P1  Nothing is looked at when no frame has come for `pollMs`: an idle thread does not spin.
 *   P2  Beyond a first moment (`graceMs`, the time of a hand-over) at most `pollersMax` threads of the process poll at a time, so
 *       that one processor is left to work; who finds no place lets its links park.
 */
import { availableParallelism } from 'node:os';

export interface PolledLink {
  /** Takes what has come; false if nothing has. */
  look(): boolean;
  /** Nobody looks any more: whoever writes next must wake this side. False: a frame has come meanwhile. */
  park(): boolean;
  /** In shared memory, for whoever buries this thread. */
  notePolling(isPolling: boolean): void;
}

/** One processor is left for work. */
export const pollersMax = Math.max(1, availableParallelism() - 1);

/** What the pollers of a process share. */
export function createPollerMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(4);
}

const pollMs = 0.2;
const graceMs = 0.02;

export class LinkPoller {
  readonly #count: Int32Array;
  readonly #max: number;
  readonly #awake = new Set<PolledLink>();
  #isCounted = false;
  #isScheduled = false;
  #lastFrameMs = 0;

  constructor(memory: SharedArrayBuffer, max: number) {
    this.#count = new Int32Array(memory, 0, 1);
    this.#max = max;
  }

  /** There is, or there may be, something to take. */
  wake(link: PolledLink): void {
    this.#awake.add(link);
    this.#lastFrameMs = performance.now();
    if (!this.#isScheduled) this.#look();
  }

  /** Its peer is gone. */
  forget(link: PolledLink): void {
    this.#awake.delete(link);
  }

  /** A thread is gone that was polling: its place is free. */
  freePlace(): void {
    Atomics.sub(this.#count, 0, 1);
  }

  readonly #look = (): void => {
    this.#isScheduled = false;
    let took = false;
    for (const link of this.#awake) took = link.look() || took;
    const nowMs = performance.now();
    if (took) {
      this.#leave();
      this.#lastFrameMs = nowMs;
    }
    const idleMs = nowMs - this.#lastFrameMs;
    if (idleMs < pollMs && (idleMs < graceMs || this.#enter())) return this.#schedule();
    this.#leave();
    for (const link of this.#awake) if (link.park()) this.#awake.delete(link);
    if (this.#awake.size > 0) this.#schedule();
  };

  #schedule(): void {
    if (this.#isScheduled || this.#awake.size === 0) return;
    this.#isScheduled = true;
    setImmediate(this.#look);
  }

  #enter(): boolean {
    if (this.#isCounted) return true;
    if (Atomics.add(this.#count, 0, 1) >= this.#max) {
      Atomics.sub(this.#count, 0, 1);
      return false;
    }
    this.#isCounted = true;
    for (const link of this.#awake) link.notePolling(true);
    return true;
  }

  #leave(): void {
    if (!this.#isCounted) return;
    this.#isCounted = false;
    for (const link of this.#awake) link.notePolling(false);
    Atomics.sub(this.#count, 0, 1);
  }
}

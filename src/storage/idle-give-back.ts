/**
 * Gives the memory of large free extents back to the system, once the object store has been idle for a while.
 *
 *   I1  A timer exists only while there may be something to give back.
 *   I2  A range is given back only while it is free: the list of a pass is dropped as soon as a block was granted since.
 *   I3  One turn gives back at most `stepBytes`, so that the node thread is not held up for longer than about 3 ms.
 */
import type { Allocator, FreeExtent } from './allocator.ts';
import type { PopulateAhead } from './populate-ahead.ts';
import type { Segment } from './segment.ts';
import type { Timers } from './timers.ts';

/** Smaller extents are not worth the page faults of their next use. */
const giveBackBytesMin = 2 ** 20;
const stepBytes = 16 * 2 ** 20;

export interface IdleGiveBackOptions {
  readonly allocator: Allocator;
  readonly ahead: PopulateAhead;
  readonly segment: Pick<Segment, 'giveBack'>;
  readonly timers: Timers;
  /** For so long, at least, no block was granted or freed before memory is given back. */
  readonly idleMs: number;
}

export class IdleGiveBack {
  readonly #options: IdleGiveBackOptions;
  #timer: unknown = null;
  /** Whether a block was granted or freed since the last turn. */
  #isActive = false;
  /** What the pass that is under way has still to give back, by address. Empty: none is under way. */
  #pending: FreeExtent[] = [];
  #hasEnded = false;

  constructor(options: IdleGiveBackOptions) {
    this.#options = options;
  }

  granted(): void {
    this.#isActive = true;
  }

  /** The freed block is now part of a free extent of `extentBytes`. */
  freed(extentBytes: number): void {
    this.#isActive = true;
    if (this.#timer === null && !this.#hasEnded && extentBytes >= giveBackBytesMin) this.#wait(this.#options.idleMs);
  }

  /** Forgets what waits, and waits for nothing more; at the end of the store, of which blocks may still be freed. */
  stop(): void {
    this.#hasEnded = true;
    if (this.#timer !== null) this.#options.timers.clearTimeout(this.#timer);
    this.#timer = null;
    this.#pending = [];
  }

  #wait(afterMs: number): void {
    this.#timer = this.#options.timers.setTimeout(() => this.#turn(), afterMs);
  }

  #turn(): void {
    this.#timer = null;
    if (this.#isActive) {
      this.#isActive = false;
      this.#pending = [];
      this.#wait(this.#options.idleMs);
      return;
    }
    if (this.#pending.length === 0) this.#pending = this.#list();
    this.#step();
    if (this.#pending.length > 0) this.#wait(0);
  }

  /** The free extents worth the call, as far as they have been touched. */
  #list(): FreeExtent[] {
    const { allocator, ahead } = this.#options;
    return allocator
      .freeExtents(giveBackBytesMin)
      .map(({ offset, sizeBytes }) => ({ offset, sizeBytes: Math.min(sizeBytes, ahead.touchedBytes - offset) }))
      .filter(({ sizeBytes }) => sizeBytes >= giveBackBytesMin);
  }

  /** From the top down, so that what has not been touched yet stays one range up to the end of the arena. */
  #step(): void {
    const { ahead, segment } = this.#options;
    for (let leftBytes = stepBytes; leftBytes > 0; ) {
      const extent = this.#pending.pop();
      if (!extent) return;
      const sizeBytes = Math.min(leftBytes, extent.sizeBytes);
      const restBytes = extent.sizeBytes - sizeBytes;
      const offset = extent.offset + restBytes;
      segment.giveBack(offset, sizeBytes);
      if (offset + sizeBytes >= ahead.touchedBytes) ahead.retreat(offset);
      if (restBytes > 0) this.#pending.push({ offset: extent.offset, sizeBytes: restBytes });
      leftBytes -= sizeBytes;
    }
  }
}

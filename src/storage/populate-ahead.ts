/**
 * Faults pages in ahead of the object store's growth, so that producers do not wait for the system (2 s per GiB otherwise).
 *
 * Nothing happens at start-up, nor while the store stays within what it has used before.
 */
import type { Segment } from './segment.ts';

const aheadBytesMin = 4 * 2 ** 20;
const aheadBytesMax = 64 * 2 ** 20;

export class PopulateAhead {
  readonly #segment: Pick<Segment, 'populate'>;
  readonly #sizeBytes: number;
  /** The highest end of a block since the last retreat. */
  #reachBytes = 0;
  /** Below this, pages have been faulted in, or are about to be. */
  #populatedBytes = 0;
  #isRunning = false;

  constructor(segment: Pick<Segment, 'populate'>, sizeBytes: number) {
    this.#segment = segment;
    this.#sizeBytes = sizeBytes;
  }

  /** From here on, the arena takes no memory. */
  get touchedBytes(): number {
    return Math.max(this.#reachBytes, this.#populatedBytes);
  }

  /** A block that ends at `endBytes` was granted. */
  advance(endBytes: number): void {
    if (endBytes <= this.#reachBytes) return;
    this.#reachBytes = endBytes;
    const isNear = this.#populatedBytes < Math.min(this.#sizeBytes, endBytes + aheadBytes(endBytes) / 2);
    if (isNear && !this.#isRunning) void this.#run();
  }

  /** The pages from `offset` to the end were given back. */
  retreat(offset: number): void {
    this.#reachBytes = Math.min(this.#reachBytes, offset);
    this.#populatedBytes = Math.min(this.#populatedBytes, offset);
  }

  /** Goes on until it is ahead of what was reached meanwhile: by as much as the store is large, within bounds. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    for (;;) {
      const from = this.#populatedBytes;
      const to = Math.min(this.#sizeBytes, this.#reachBytes + aheadBytes(this.#reachBytes));
      if (from >= to) break;
      this.#populatedBytes = to;
      await this.#segment.populate(from, to - from);
    }
    this.#isRunning = false;
  }
}

function aheadBytes(reachBytes: number): number {
  return Math.min(aheadBytesMax, Math.max(aheadBytesMin, reachBytes));
}

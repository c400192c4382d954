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
  /** Up to here, pages are to be faulted in … */
  #targetBytes = 0;
  /** … and up to here they have been, or are about to be. */
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
    const ahead = aheadBytes(endBytes);
    if (this.#targetBytes >= Math.min(this.#sizeBytes, endBytes + ahead / 2)) return;
    this.#targetBytes = Math.min(this.#sizeBytes, endBytes + ahead);
    if (!this.#isRunning) void this.#run();
  }

  /** The pages from `offset` to the end were given back. */
  retreat(offset: number): void {
    this.#reachBytes = Math.min(this.#reachBytes, offset);
    this.#targetBytes = Math.min(this.#targetBytes, offset);
    this.#populatedBytes = Math.min(this.#populatedBytes, offset);
  }

  /** The target may move while a range is being populated. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#populatedBytes < this.#targetBytes) {
      const from = this.#populatedBytes;
      this.#populatedBytes = this.#targetBytes;
      await this.#segment.populate(from, this.#populatedBytes - from);
    }
    this.#isRunning = false;
  }
}

/** As much again as the store has reached, within bounds. */
function aheadBytes(reachBytes: number): number {
  return Math.min(aheadBytesMax, Math.max(aheadBytesMin, reachBytes));
}

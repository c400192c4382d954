/**
 * Ranges of keys with about as many records each, found in samples. Keys are told apart by their first six bytes, as numbers: those that
 * begin alike are in the same range.
 */
import { rangeBounds } from 'pheromone/mapreduce';
import { copyRecord, recordWords, swapped, wordsOf } from './records.ts';

/** The first keys of all ranges but the first, ascending. */
export type Bounds = readonly number[];

export function boundsOf(samples: Uint8Array, ranges: number): Bounds {
  const words = wordsOf(samples);
  const keys = Array.from({ length: words.length / recordWords }, (_, i) => beginningOf(words, i * recordWords));
  return rangeBounds(keys, ranges, (a, b) => a - b);
}

/** In 48 bits. */
function beginningOf(words: Uint32Array, at: number): number {
  return swapped(words[at] as number) * 0x1_0000 + (swapped(words[at + 1] as number) >>> 16);
}

/** Parts records by ranges. Its memory is kept for the next block. */
export class RangeParter {
  #ranges = new Uint16Array(0);
  #parted = new Uint32Array(0);

  /** Tells for each range that has some the records of a block, in their order. They are valid until it has returned. */
  part(block: Uint8Array, bounds: Bounds, tell: (range: number, records: Uint8Array) => unknown): void {
    const source = wordsOf(block);
    if (source.length > this.#parted.length) {
      this.#parted = new Uint32Array(source.length);
      this.#ranges = new Uint16Array(source.length / recordWords);
    }
    const ends = this.#countRanges(source, bounds);
    let start = 0;
    const starts = ends.map((count) => (start += count * recordWords) - count * recordWords);
    ends.set(starts);
    let i = 0;
    for (let at = 0; at < source.length; at += recordWords) {
      const range = this.#ranges[i++] as number;
      copyRecord(source, at, this.#parted, ends[range] as number);
      ends[range] = (ends[range] as number) + recordWords;
    }
    for (const [range, from] of starts.entries()) {
      const to = ends[range] as number;
      if (to > from) tell(range, new Uint8Array(this.#parted.buffer, from * 4, (to - from) * 4));
    }
  }

  #countRanges(source: Uint32Array, bounds: Bounds): Float64Array {
    const counts = new Float64Array(bounds.length + 1);
    const sorted = Float64Array.from(bounds);
    const guide = guideOf(sorted);
    let i = 0;
    for (let at = 0; at < source.length; at += recordWords) {
      const key = beginningOf(source, at);
      let range = guide[Math.floor(key / 2 ** guideShift)] as number;
      while (range < sorted.length && (sorted[range] as number) <= key) range++;
      this.#ranges[i++] = range;
      counts[range] = (counts[range] as number) + 1;
    }
    return counts;
  }
}

const guideShift = 32;

/** By the first two bytes of a key: the range of the smallest key that begins so. Hardly ever it is another one. */
function guideOf(bounds: Float64Array): Uint16Array {
  const guide = new Uint16Array(2 ** 16);
  let range = 0;
  for (let i = 0; i < guide.length; i++) {
    while (range < bounds.length && (bounds[range] as number) <= i * 2 ** guideShift) range++;
    guide[i] = range;
  }
  return guide;
}

/**
 * Ranges of keys with about as many records each, found in samples. Keys are told apart by their first six bytes, as numbers: those that
 * begin alike are in the same range.
 *
 * A parcel is what a part of the file has of one range. Its head, as long as a record, tells how many records the part has of the ranges
 * before: their sum over all parts is where the range begins in the output, and nobody has to count records beforehand.
 *
 *     parcel   records before, 4 bytes, and 96 unused | records
 */
import { rangeBounds } from 'pheromone/mapreduce';
import { copyRecord, recordBytes, recordWords, swapped, wordsOf } from './records.ts';

/** The first keys of all ranges but the first, ascending. */
export type Bounds = readonly number[];

/** From the first to the one before the end. */
export interface Ranges {
  readonly first: number;
  readonly end: number;
}

export function boundsOf(samples: Uint8Array, ranges: number): Bounds {
  const words = wordsOf(samples);
  const keys = Array.from({ length: words.length / recordWords }, (_, i) => beginningOf(words, i * recordWords));
  return rangeBounds(keys, ranges, (a, b) => a - b);
}

/** In 48 bits. */
function beginningOf(words: Uint32Array, at: number): number {
  return swapped(words[at] as number) * 0x1_0000 + (swapped(words[at + 1] as number) >>> 16);
}

export function recordsBefore(parcel: Uint8Array): number {
  return new DataView(parcel.buffer, parcel.byteOffset).getUint32(0, true);
}

export function recordsOf(parcel: Uint8Array): Uint8Array {
  return parcel.subarray(recordBytes);
}

/** Parts records by ranges. Its memory is kept for the next time: to get a page from the system takes longer than to fill it. */
export class RangeParter {
  #rangeOf = new Uint16Array(0);
  #parcels = new Uint32Array(0);

  /** A parcel for each of the ranges, also for those without records. They are valid until the next call. */
  part(records: Uint8Array, bounds: Bounds, { first, end }: Ranges): Uint8Array[] {
    const source = wordsOf(records);
    const counts = this.#countRanges(source, bounds);
    const firstRecord = counts.slice(0, first).reduce((sum, count) => sum + count, 0);
    const selected = counts.slice(first, end);
    const words = selected.reduce((sum, count) => sum + (count + 1) * recordWords, 0);
    if (words > this.#parcels.length) this.#parcels = new Uint32Array(words);

    const ends = new Float64Array(counts.length).fill(-1);
    let [before, start] = [firstRecord, 0];
    const parcels = Array.from(selected, (count, i) => {
      this.#parcels[start] = before;
      ends[first + i] = start + recordWords;
      const parcel = new Uint8Array(this.#parcels.buffer, start * 4, (count + 1) * recordBytes);
      before += count;
      start += (count + 1) * recordWords;
      return parcel;
    });
    this.#scatter(source, ends);
    return parcels;
  }

  /** Records whose range has no end are left out. */
  #scatter(source: Uint32Array, ends: Float64Array): void {
    const [parcels, rangeOf] = [this.#parcels, this.#rangeOf];
    let i = 0;
    for (let at = 0; at < source.length; at += recordWords) {
      const range = rangeOf[i++] as number;
      const to = ends[range] as number;
      if (to < 0) continue;
      copyRecord(source, at, parcels, to);
      ends[range] = to + recordWords;
    }
  }

  #countRanges(source: Uint32Array, bounds: Bounds): Float64Array {
    const count = source.length / recordWords;
    if (count > this.#rangeOf.length) this.#rangeOf = new Uint16Array(count);
    const counts = new Float64Array(bounds.length + 1);
    const sorted = Float64Array.from(bounds);
    const guide = guideOf(sorted);
    const rangeOf = this.#rangeOf;
    for (let i = 0; i < count; i++) {
      const key = beginningOf(source, i * recordWords);
      let range = guide[Math.floor(key / guideUnit)] as number;
      while (range < sorted.length && (sorted[range] as number) <= key) range++;
      rangeOf[i] = range;
      counts[range] = (counts[range] as number) + 1;
    }
    return counts;
  }
}

/** What the first two bytes of a key count for. */
const guideUnit = 2 ** 32;

/** By the first two bytes of a key: the range of the smallest key that begins so. Hardly ever it is another one. */
function guideOf(bounds: Float64Array): Uint16Array {
  const guide = new Uint16Array(2 ** 16);
  let range = 0;
  for (let i = 0; i < guide.length; i++) {
    while (range < bounds.length && (bounds[range] as number) <= i * guideUnit) range++;
    guide[i] = range;
  }
  return guide;
}

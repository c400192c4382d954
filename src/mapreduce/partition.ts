/** Which partition a key belongs to: by its hash, or by ranges that are found from samples. */
import { invalidOption } from './refusal.ts';

/** Says for a key a partition, 0 to `partitions` − 1. It must say the same wherever it is asked. */
export type Partition<P = unknown> = (key: string, partitions: number, params: P) => number;

/** Of equal keys the same, of different ones evenly spread: FNV-1a of the UTF-16 units, then mixed, as its low bits alone are not even. */
export function hashPartition(key: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % partitions;
}

/**
 * For a sort: the keys that part the range of all keys into `partitions` of about as many records, found in samples of them. Ascending,
 * at most `partitions` − 1; fewer if the samples do not tell so many apart. The samples are left as they are.
 *
 * Throws `InvalidOption` when `partitions` is not a whole number of at least 1.
 */
export function rangeBounds<K>(samples: readonly K[], partitions: number, compare: (a: K, b: K) => number): K[] {
  if (!Number.isInteger(partitions) || partitions < 1)
    throw invalidOption('rangeBounds', 'partitions', partitions, 'must be a whole number of at least 1');
  const sorted = [...samples].sort(compare);
  const bounds: K[] = [];
  for (let i = 1; i < partitions; i++) {
    const bound = sorted[Math.floor((i * sorted.length) / partitions)];
    const last = bounds.at(-1);
    if (bound !== undefined && (last === undefined || compare(last, bound) < 0)) bounds.push(bound);
  }
  return bounds;
}

/** The partition of a key by `rangeBounds`: how many of the bounds are not greater. All keys of a partition are less than those of the next. */
export function rangeOf<K>(bounds: readonly K[], key: K, compare: (a: K, b: K) => number): number {
  let [low, high] = [0, bounds.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(bounds[middle] as K, key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

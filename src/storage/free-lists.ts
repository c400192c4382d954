/**
 * The allocator's index of what is free: a list per size class, and two levels of bitmaps that find a non-empty one at once.
 *
 * Two-level segregated fit (Masmano et al., ECRTS'04). Lengths count granules of 64 bytes. The first level is the power of two,
 * the second divides it into 16 steps; lengths below 16 have a class each:
 *
 *     class      0 … 15      16 … 31     32 … 47     48 …
 *     length     0 … 15      16 … 31     32,34 … 62  64,68 … 124  …   up to 2^26 (4 GiB)
 *     level      0           1           2           3
 *
 *   L1  An extent is in the list of the class of its length exactly while it is free.
 *   L2  A bit is set exactly while the list, or the level, below it is not empty.
 *   L3  `find` fails only if no free extent is long enough.
 */

/** A run of granules that is free as a whole or in use as a whole. */
export interface Extent {
  /** In granules from the start of the arena. */
  start: number;
  /** In granules, at least 1. */
  length: number;
  isFree: boolean;
  /** Neighbours by address. */
  below: Extent | null;
  above: Extent | null;
  /** Neighbours in the list of its class, while free. */
  previous: Extent | null;
  next: Extent | null;
}

const stepBits = 4;
const steps = 2 ** stepBits;
const levels = 26 - stepBits + 2;

export class FreeLists {
  readonly #heads: (Extent | null)[] = Array.from({ length: levels * steps }, () => null);
  #levelBits = 0;
  readonly #stepBits: number[] = Array.from({ length: levels }, () => 0);

  insert(extent: Extent): void {
    const sizeClass = classOf(extent.length);
    const head = this.#head(sizeClass);
    extent.isFree = true;
    extent.previous = null;
    extent.next = head;
    if (head) head.previous = extent;
    this.#heads[sizeClass] = extent;
    const level = sizeClass >>> stepBits;
    this.#levelBits |= 1 << level;
    this.#stepBits[level] = this.#steps(level) | (1 << (sizeClass % steps));
  }

  remove(extent: Extent): void {
    const { previous, next } = extent;
    extent.isFree = false;
    extent.previous = null;
    extent.next = null;
    if (next) next.previous = previous;
    if (previous) {
      previous.next = next;
      return;
    }
    const sizeClass = classOf(extent.length);
    this.#heads[sizeClass] = next;
    if (next) return;
    const level = sizeClass >>> stepBits;
    this.#stepBits[level] = this.#steps(level) & ~(1 << (sizeClass % steps));
    if (this.#steps(level) === 0) this.#levelBits &= ~(1 << level);
  }

  /** A free extent of at least `length` granules, or null. It stays in its list. */
  find(length: number): Extent | null {
    const sizeClass = classOf(length);
    // Every extent of a class that starts at or above `length` fits: take the first of the first such class.
    const sure = this.#firstFrom(lengthOf(sizeClass) === length ? sizeClass : sizeClass + 1);
    if (sure !== -1) return this.#head(sure);
    for (let extent = this.#head(sizeClass); extent; extent = extent.next) if (extent.length >= length) return extent;
    return null;
  }

  /** All free extents of at least `length` granules, in no order. */
  *atLeast(length: number): Generator<Extent> {
    for (let sizeClass = classOf(length); sizeClass < levels * steps; sizeClass++) {
      for (let extent = this.#head(sizeClass); extent; extent = extent.next) if (extent.length >= length) yield extent;
    }
  }

  /** The length of the longest free extent, 0 if there is none. */
  longest(): number {
    if (this.#levelBits === 0) return 0;
    const level = highestBit(this.#levelBits);
    let longest = 0;
    for (let extent = this.#head(level * steps + highestBit(this.#steps(level))); extent; extent = extent.next) {
      longest = Math.max(longest, extent.length);
    }
    return longest;
  }

  /** The first class from `sizeClass` on that has an extent, or -1. */
  #firstFrom(sizeClass: number): number {
    const level = sizeClass >>> stepBits;
    if (level >= levels) return -1;
    const inLevel = this.#steps(level) & (-1 << (sizeClass % steps));
    if (inLevel !== 0) return level * steps + lowestBit(inLevel);
    const above = this.#levelBits & (-1 << (level + 1));
    if (above === 0) return -1;
    const next = lowestBit(above);
    return next * steps + lowestBit(this.#steps(next));
  }

  #head(sizeClass: number): Extent | null {
    return this.#heads[sizeClass] ?? null;
  }

  #steps(level: number): number {
    return this.#stepBits[level] ?? 0;
  }
}

/** The class whose range holds `length`. Rises with it. */
function classOf(length: number): number {
  if (length < steps) return length;
  const level = highestBit(length) - stepBits + 1;
  return level * steps + ((length >>> (level - 1)) % steps);
}

/** The least length of a class. */
function lengthOf(sizeClass: number): number {
  const level = sizeClass >>> stepBits;
  const step = sizeClass % steps;
  return level === 0 ? step : (steps + step) << (level - 1);
}

function highestBit(bits: number): number {
  return 31 - Math.clz32(bits);
}

function lowestBit(bits: number): number {
  return highestBit(bits & -bits);
}

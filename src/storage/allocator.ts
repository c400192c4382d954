/**
 * Divides the arena into blocks. Pure: it computes offsets and touches no memory.
 *
 * Under the object store, in the node thread. All it knows lies outside the arena, so that user code that writes past its
 * object cannot break it. Extents are linked by address (to join neighbours) and, while free, by size (to find one):
 *
 *     address   0                                                                    sizeBytes
 *               ├── used ──┤├─ free ─┤├──── used ────┤├──────────── free ────────────┤
 *                    below ◄─┘     └─► above
 *     by size            class 4: ●            class 61: ●
 *     by offset  0: ●            896: ●
 *
 *   B1  The extents cover the arena, without gap or overlap.
 *   B2  No two neighbours are both free.
 *   B3  Blocks start on a boundary of 64 bytes, and take a whole number of 64 bytes.
 *   B4  `allocate` fails only if no free extent is large enough.
 *
 * A block costs about 0.6 µs, from `allocate` to `free`, at any size; in an almost full arena, the last resort scans one size class.
 */
import type { Extent } from './free-lists.ts';
import { FreeLists } from './free-lists.ts';
import { blockAlignmentBytes } from './object.ts';

/** A free run of bytes. */
export interface FreeExtent {
  readonly offset: number;
  readonly sizeBytes: number;
}

export class Allocator {
  /** Rounded down to whole granules of 64 bytes. */
  readonly sizeBytes: number;
  /** What all blocks take, their rounding up included. */
  usedBytes = 0;
  readonly #lists = new FreeLists();
  /** By offset in bytes. */
  readonly #blocks = new Map<number, Extent>();

  constructor(sizeBytes: number) {
    const length = Math.floor(sizeBytes / blockAlignmentBytes);
    this.sizeBytes = length * blockAlignmentBytes;
    this.#lists.insert(extentOf(0, length, null, null));
  }

  /** The offset of a new block of at least `sizeBytes`, or -1 if no free extent is large enough. */
  allocate(sizeBytes: number): number {
    if (!(sizeBytes <= this.sizeBytes)) return -1;
    const length = granules(sizeBytes);
    const extent = this.#lists.find(length);
    if (!extent) return -1;
    this.#lists.remove(extent);
    if (extent.length > length) this.#splitOff(extent, length);
    const offset = extent.start * blockAlignmentBytes;
    this.#blocks.set(offset, extent);
    this.usedBytes += length * blockAlignmentBytes;
    return offset;
  }

  /** Ends the block at `offset`. Returns the size in bytes of the free extent that it is now part of. */
  free(offset: number): number {
    const extent = this.#block(offset);
    this.#blocks.delete(offset);
    this.usedBytes -= extent.length * blockAlignmentBytes;
    const { below, above } = extent;
    if (above?.isFree) {
      this.#lists.remove(above);
      absorb(extent, above);
    }
    let whole = extent;
    if (below?.isFree) {
      this.#lists.remove(below);
      absorb(below, extent);
      whole = below;
    }
    this.#lists.insert(whole);
    return whole.length * blockAlignmentBytes;
  }

  /** What the block at `offset` takes: what was asked for, rounded up to 64 bytes. */
  sizeOf(offset: number): number {
    return this.#block(offset).length * blockAlignmentBytes;
  }

  /** The largest block that can be had now. */
  get largestFreeBytes(): number {
    return this.#lists.longest() * blockAlignmentBytes;
  }

  /** All free extents of at least `sizeBytesMin`, by address. */
  freeExtents(sizeBytesMin: number): FreeExtent[] {
    const extents = [...this.#lists.atLeast(granules(sizeBytesMin))];
    return extents
      .sort((a, b) => a.start - b.start)
      .map(({ start, length }) => ({ offset: start * blockAlignmentBytes, sizeBytes: length * blockAlignmentBytes }));
  }

  /** Leaves `length` granules to `extent`; the rest becomes a free extent above it. */
  #splitOff(extent: Extent, length: number): void {
    const rest = extentOf(extent.start + length, extent.length - length, extent, extent.above);
    if (extent.above) extent.above.below = rest;
    extent.above = rest;
    extent.length = length;
    this.#lists.insert(rest);
  }

  #block(offset: number): Extent {
    const extent = this.#blocks.get(offset);
    if (!extent) throw new Error(`bug: no block at offset ${offset}`);
    return extent;
  }
}

function extentOf(start: number, length: number, below: Extent | null, above: Extent | null): Extent {
  return { start, length, isFree: false, below, above, previous: null, next: null };
}

/** Joins `above`, the neighbour of `extent`, to it. */
function absorb(extent: Extent, above: Extent): void {
  extent.length += above.length;
  extent.above = above.above;
  if (above.above) above.above.below = extent;
}

function granules(sizeBytes: number): number {
  return Math.max(1, Math.ceil(sizeBytes / blockAlignmentBytes));
}

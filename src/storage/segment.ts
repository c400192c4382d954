/**
 * The arena's memory: one range of bytes that all threads of a process see at once.
 *
 * Under the object store. On Linux it is a memfd, mapped once per process: no file, nothing left after `kill -9`, no limit of
 * `/dev/shm`, and child processes can inherit the descriptor. Elsewhere it is a SharedArrayBuffer: same interface, threads only.
 *
 *   G1  A byte that one thread writes is the byte that every other reads; nothing is copied, at any size.
 *   G2  Pages cost no memory until they are touched, or again once they were given back.
 *   G3  While a view can be reached, touching it never ends the process: the mapping is never shrunk and its address range
 *       never freed. After `close`, what is read is zeros, and what is written is lost.
 *
 * One view per thread over the whole arena: `subarray` it (0.03 µs), never make a view per object (1 µs).
 */
import os from 'node:os';
import { blockAlignmentBytes } from './object.ts';
import type { Libc } from './libc.ts';
import { loadLibc } from './libc.ts';

/** What another thread of the process needs to open the segment. Can be cloned, so also passed as `workerData`. */
export type SegmentHandle =
  | { readonly kind: 'mapped'; readonly address: bigint; readonly fd: number; readonly sizeBytes: number }
  | { readonly kind: 'shared'; readonly buffer: SharedArrayBuffer; readonly sizeBytes: number };

export interface Segment {
  readonly handle: SegmentHandle;
  /** The whole arena. Empty after `close`. */
  readonly bytes: Uint8Array;
  /** Why the memory is not mapped; null if it is. For the caller's log. */
  readonly fallbackReason: string | null;
  /**
   * Faults the pages of the range in, off this thread and in steps, so that who writes there first does not wait for the
   * system (0.7 to 2.4 ms per MB). Never rejects; does nothing where the system cannot.
   */
  populate(offset: number, lengthBytes: number): Promise<void>;
  /**
   * Gives the memory of the whole pages inside the range back to the system; they read as zeros. Nobody may use the range.
   * Blocks for about 0.2 ms per MB that was in use. Does nothing where the system cannot.
   */
  giveBack(offset: number, lengthBytes: number): void;
  /**
   * Frees the memory for a process that lives on (at its end the system does). Once, by one thread, after every other
   * thread that opened the segment has exited. Of a mapped segment only addresses stay taken, no memory.
   */
  close(): void;
}

/** A view of 4 GiB or more aborts Node 20. */
export const segmentBytesMax = 2 ** 32 - 4096;

const populateStepBytes = 4 * 2 ** 20;
const gibibyte = 2 ** 30;

/** The smaller of 1 GiB and a quarter of the memory that this process may use. */
export function defaultArenaBytes(): number {
  // Zero, undefined or absurdly large where no limit is set.
  const limit = process.constrainedMemory?.() ?? 0;
  const memoryBytes = limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
  return toAlignment(Math.min(gibibyte, memoryBytes / 4));
}

export interface SegmentOptions {
  /** Rounded down to the alignment of blocks; at most `segmentBytesMax`. */
  readonly sizeBytes: number;
  /** False: a SharedArrayBuffer in any case, as in simulations. */
  readonly mapped?: boolean;
}

/** Throws a RangeError for a size that cannot be; falls back, with the reason, where memory cannot be mapped. */
export function createSegment(options: SegmentOptions): Segment {
  const sizeBytes = toAlignment(options.sizeBytes);
  if (!(sizeBytes > 0 && sizeBytes <= segmentBytesMax)) {
    throw new RangeError(`an arena has from ${blockAlignmentBytes} to ${segmentBytesMax} bytes, not ${options.sizeBytes}`);
  }
  if (options.mapped === false) return new SharedSegment(createShared(sizeBytes), 'not asked to map memory');
  try {
    const libc = loadLibc();
    return new MappedSegment(libc, createMapped(libc, sizeBytes));
  } catch (error) {
    return new SharedSegment(createShared(sizeBytes), error instanceof Error ? error.message : String(error));
  }
}

/** The same memory in another thread of the process that created it. Once per thread. */
export function openSegment(handle: SegmentHandle): Segment {
  return handle.kind === 'mapped' ? new MappedSegment(loadLibc(), handle) : new SharedSegment(handle, 'created without mapped memory');
}

function createMapped(libc: Libc, sizeBytes: number): SegmentHandle & { kind: 'mapped' } {
  const fd = libc.createMemory('pheromone');
  try {
    libc.setSize(fd, sizeBytes);
    libc.sealAgainstShrinking(fd);
    return { kind: 'mapped', address: libc.map(fd, sizeBytes), fd, sizeBytes };
  } catch (error) {
    libc.closeDescriptor(fd);
    throw error;
  }
}

function createShared(sizeBytes: number): SegmentHandle & { kind: 'shared' } {
  return { kind: 'shared', buffer: new SharedArrayBuffer(sizeBytes), sizeBytes };
}

function toAlignment(sizeBytes: number): number {
  return Math.floor(sizeBytes / blockAlignmentBytes) * blockAlignmentBytes;
}

class MappedSegment implements Segment {
  readonly handle: SegmentHandle & { kind: 'mapped' };
  readonly fallbackReason = null;
  bytes: Uint8Array;
  readonly #libc: Libc;
  #canPopulate = true;
  #isClosed = false;

  constructor(libc: Libc, handle: SegmentHandle & { kind: 'mapped' }) {
    this.#libc = libc;
    this.handle = handle;
    this.bytes = new Uint8Array(libc.view(handle.address, handle.sizeBytes));
  }

  async populate(offset: number, lengthBytes: number): Promise<void> {
    const { pageBytes } = this.#libc;
    const end = Math.min(offset + lengthBytes, this.handle.sizeBytes);
    for (let at = Math.floor(offset / pageBytes) * pageBytes; at < end; at += populateStepBytes) {
      if (!this.#canPopulate || this.#isClosed) return;
      // Refused once (a kernel before 5.14, or memory is short): refused for good, pages fault when touched.
      this.#canPopulate = await this.#libc.populatePages(this.handle.address + BigInt(at), Math.min(populateStepBytes, end - at));
    }
  }

  giveBack(offset: number, lengthBytes: number): void {
    const { pageBytes } = this.#libc;
    const start = Math.ceil(offset / pageBytes) * pageBytes;
    const end = Math.floor((offset + lengthBytes) / pageBytes) * pageBytes;
    if (end > start && !this.#isClosed) this.#libc.dropPages(this.handle.address + BigInt(start), end - start);
  }

  close(): void {
    if (this.#isClosed) return;
    const { address, fd, sizeBytes } = this.handle;
    this.#isClosed = true;
    this.bytes = new Uint8Array(0);
    // G3: an unmapped range would be SIGSEGV for a late reader, or, reused, somebody else's memory.
    this.#libc.dropPages(address, sizeBytes);
    this.#libc.replaceByZeros(address, sizeBytes);
    this.#libc.closeDescriptor(fd);
  }
}

class SharedSegment implements Segment {
  readonly handle: SegmentHandle & { kind: 'shared' };
  readonly fallbackReason: string;
  bytes: Uint8Array;

  constructor(handle: SegmentHandle & { kind: 'shared' }, fallbackReason: string) {
    this.handle = handle;
    this.fallbackReason = fallbackReason;
    this.bytes = new Uint8Array(handle.buffer);
  }

  async populate(): Promise<void> {}

  giveBack(): void {}

  /** The memory goes when the last thread has dropped its view. */
  close(): void {
    this.bytes = new Uint8Array(0);
  }
}

/**
 * A ring of bytes in shared memory: one thread writes frames, one reads them, neither waits for the other.
 *
 *      0          4          8          64               64 + capacity
 *      ┌──────────┬──────────┬───…──────┬────────────────┐
 *      │ written  │ read     │          │ data           │   counts of bytes, modulo 2³²
 *      └──────────┴──────────┴───…──────┴────────────────┘
 *      data:  ┌────────┬──────────────┬────────┬─ … each piece is a length word and bytes, rounded up to 4;
 *             │ length │ bytes        │ length │     the last piece of a frame has the top bit of its length clear,
 *             └────────┴──────────────┴────────┴─    the ones before it have it set; none runs over the ring's end
 *
 *   R1  `written` moves after the bytes are in place, `read` after they were taken: each side sees whole pieces only.
 *   R2  A frame of any size passes, in pieces; who has no room left is told, and goes on later.
 *   R3  What `take` returns is the reader's own memory.
 */
const headerBytes = 64;
const wordBytes = 4;
const moreFlag = 0x80000000;
/** So that a large frame neither fills the ring nor waits until it is empty. */
const piecesPerRing = 8;

export const ringBytesDefault = 2 ** 18;

/** Memory for a ring of `capacityBytes`, a power of two. */
export function createRingBuffer(capacityBytes = ringBytesDefault): SharedArrayBuffer {
  return new SharedArrayBuffer(headerBytes + capacityBytes);
}

abstract class RingEnd {
  protected readonly counters: Int32Array;
  protected readonly words: Int32Array;
  protected readonly bytes: Uint8Array;
  protected readonly capacityBytes: number;

  constructor(buffer: SharedArrayBuffer) {
    this.capacityBytes = buffer.byteLength - headerBytes;
    if (this.capacityBytes < 1_024 || (this.capacityBytes & (this.capacityBytes - 1)) !== 0)
      throw new Error(`bug: a ring of ${this.capacityBytes} bytes`);
    this.counters = new Int32Array(buffer, 0, 2);
    this.words = new Int32Array(buffer, headerBytes);
    this.bytes = new Uint8Array(buffer, headerBytes);
  }

  protected at(count: number): number {
    return (count >>> 0) & (this.capacityBytes - 1);
  }
}

export class RingWriter extends RingEnd {
  #written = 0;
  /** Bytes of the frame under way that are in the ring already. */
  #done = 0;

  /** Writes the frame, or as much of it as there is room for. True when all of it is in; else call again with the same frame. */
  write(frame: Uint8Array): boolean {
    const pieceBytesMax = this.capacityBytes / piecesPerRing - wordBytes;
    do {
      const rest = frame.byteLength - this.#done;
      const start = this.at(this.#written);
      const toEnd = this.capacityBytes - start - wordBytes;
      const size = Math.min(rest, pieceBytesMax, toEnd);
      if (wordBytes + padded(size) > this.#free()) return false;
      const isLast = size === rest;
      this.bytes.set(frame.subarray(this.#done, this.#done + size), start + wordBytes);
      this.words[start / wordBytes] = isLast ? size : size | moreFlag;
      this.#done += size;
      this.#written = (this.#written + wordBytes + padded(size)) | 0;
      Atomics.store(this.counters, 0, this.#written);
    } while (this.#done < frame.byteLength);
    this.#done = 0;
    return true;
  }

  #free(): number {
    return this.capacityBytes - ((this.#written - Atomics.load(this.counters, 1)) >>> 0);
  }
}

export class RingReader extends RingEnd {
  #read = 0;
  #pieces: Uint8Array[] = [];

  get isEmpty(): boolean {
    return Atomics.load(this.counters, 0) === this.#read;
  }

  /** The next frame, or null if it is not there, or not there as a whole. */
  take(): Uint8Array | null {
    while (!this.isEmpty) {
      const start = this.at(this.#read);
      const word = this.words[start / wordBytes] ?? 0;
      const size = word & ~moreFlag;
      const piece = this.bytes.slice(start + wordBytes, start + wordBytes + size);
      this.#read = (this.#read + wordBytes + padded(size)) | 0;
      Atomics.store(this.counters, 1, this.#read);
      if ((word & moreFlag) === 0) return this.#whole(piece);
      this.#pieces.push(piece);
    }
    return null;
  }

  #whole(last: Uint8Array): Uint8Array {
    if (this.#pieces.length === 0) return last;
    const pieces = [...this.#pieces, last];
    this.#pieces = [];
    const frame = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
    let at = 0;
    for (const piece of pieces) {
      frame.set(piece, at);
      at += piece.byteLength;
    }
    return frame;
  }
}

function padded(sizeBytes: number): number {
  return (sizeBytes + wordBytes - 1) & ~(wordBytes - 1);
}

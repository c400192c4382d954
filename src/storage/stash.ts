/**
 * An executor thread's blocks in advance, so that sending an object of medium size needs no round trip to the node thread.
 *
 * The node grants the blocks to the thread, as it does single ones; a block is used once, and passes on with the object. Objects
 * above 1 KiB (smaller ones travel inside messages) and up to 256 KiB come from here, in four sizes per doubling, so that a block
 * is at most a quarter larger than its object:
 *
 *     1,280  1,536  1,792  2,048 · 2,560  3,072  3,584  4,096 · … · 163,840  196,608  229,376  262,144
 *
 *   S1  A size holds no blocks before its first use; a thread that sends nothing of it costs nothing.
 *   S2  Blocks held and asked for never exceed 4 MiB, nor a 64th of the store.
 *   S3  At most one refill per size is under way.
 */
const objectBytesMin = 1024;
const doublings = 8;
const objectBytesMax = objectBytesMin * 2 ** doublings;
const sizesPerDoubling = 4;
const stashBytesMax = 4 * 2 ** 20;
const storeShare = 1 / 64;
/** Of one size: a function that sends some of the largest objects finds them all, also when what it took last time has only half been replaced. */
const shelfBytesMax = 2 ** 20;
const shelfBlocksMax = 16;

/** A wish for `count` blocks of `sizeBytes`. It is answered by `add` with as many as there were. */
export interface Refill {
  readonly sizeBytes: number;
  readonly count: number;
}

/** The blocks of one size. */
interface Shelf {
  readonly sizeBytes: number;
  readonly blocksMax: number;
  readonly offsets: number[];
  /** How many are on their way. */
  asked: number;
}

export class Stash {
  readonly #request: (refill: Refill) => void;
  readonly #bytesMax: number;
  readonly #shelves: readonly Shelf[] = Array.from({ length: doublings * sizesPerDoubling }, (_, size) => shelfOf(size));
  /** On the shelves and on their way. */
  #bytes = 0;

  /** `request` is called when a size runs low, from within `take`. */
  constructor(request: (refill: Refill) => void, storeSizeBytes: number) {
    this.#request = request;
    this.#bytesMax = Math.min(stashBytesMax, storeSizeBytes * storeShare);
  }

  /** The offset of a block of at least `sizeBytes`, now the caller's; -1: ask the node for one, and wait. */
  take(sizeBytes: number): number {
    if (sizeBytes > objectBytesMax) return -1;
    const shelf = this.#shelf(sizeBytes);
    const offset = shelf.offsets.pop();
    if (offset !== undefined) this.#bytes -= shelf.sizeBytes;
    this.#refill(shelf);
    return offset ?? -1;
  }

  /** What the node grants for a refill: blocks of its `sizeBytes`, possibly none. */
  add(sizeBytes: number, offsets: readonly number[]): void {
    const shelf = this.#shelf(sizeBytes);
    this.#bytes += (offsets.length - shelf.asked) * shelf.sizeBytes;
    shelf.asked = 0;
    shelf.offsets.push(...offsets);
  }

  /** All blocks, for the caller to release: when the thread has been idle for long. */
  giveBack(): number[] {
    const offsets: number[] = [];
    for (const shelf of this.#shelves) {
      this.#bytes -= shelf.offsets.length * shelf.sizeBytes;
      offsets.push(...shelf.offsets.splice(0));
    }
    return offsets;
  }

  #refill(shelf: Shelf): void {
    if (shelf.asked > 0 || shelf.offsets.length > shelf.blocksMax / 2) return;
    const room = Math.floor((this.#bytesMax - this.#bytes) / shelf.sizeBytes);
    const count = Math.min(room, shelf.blocksMax - shelf.offsets.length);
    if (count < 1) return;
    shelf.asked = count;
    this.#bytes += count * shelf.sizeBytes;
    this.#request({ sizeBytes: shelf.sizeBytes, count });
  }

  #shelf(sizeBytes: number): Shelf {
    const shelf = this.#shelves[sizeIndex(sizeBytes)];
    if (!shelf) throw new Error(`bug: the stash has no blocks of ${sizeBytes} bytes`);
    return shelf;
  }
}

function shelfOf(size: number): Shelf {
  const base = objectBytesMin * 2 ** Math.floor(size / sizesPerDoubling);
  const sizeBytes = base + ((size % sizesPerDoubling) + 1) * (base / sizesPerDoubling);
  return { sizeBytes, blocksMax: Math.min(shelfBlocksMax, Math.floor(shelfBytesMax / sizeBytes)), offsets: [], asked: 0 };
}

/** The least size that holds `sizeBytes`. */
function sizeIndex(sizeBytes: number): number {
  const last = Math.max(sizeBytes - 1, objectBytesMin);
  const doubling = 31 - Math.clz32(last / objectBytesMin);
  const base = objectBytesMin * 2 ** doubling;
  return doubling * sizesPerDoubling + Math.floor((last - base) / (base / sizesPerDoubling));
}

/**
 * The accounting of the arena: which blocks there are, whose they are, and how often each is held.
 *
 * Lives in the node thread, alone; others write into blocks that they were granted and read refs that they were given. The life
 * of a block:
 *
 *     allocate ──► granted ── adopt ──► held ⟲ pin, release ── last release ──► free
 *                     └─ release, or reclaim when its owner has died ────────────┘
 *
 *   O1  A granted block has one owner, who alone writes it; nobody reads it yet.
 *   O2  An adopted block is sealed: it has no owner, and is never written again until it is free.
 *   O3  A block is free exactly when its holders have come to none; then its bytes may be used anew at once.
 *   O4  `usedBytes` is the sum over all blocks; with no blocks left, it is 0 and one free extent remains.
 *   O5  Blocks for new sessions leave the last tenth to those that already run, so that these can end and free theirs.
 *   O6  A block has a serial that no other of this store has had or will have. Who holds a block names it by its offset; who is far away, and
 *       may come late, by both. It does not wrap: a safe integer lasts for 285 years of a million blocks each second.
 *
 * Breaking these is a bug of the caller: the methods then throw an Error that names the offset.
 */
import { Allocator } from './allocator.ts';
import { IdleGiveBack } from './idle-give-back.ts';
import { PopulateAhead } from './populate-ahead.ts';
import type { Segment } from './segment.ts';
import type { Timers } from './timers.ts';
import { systemTimers } from './timers.ts';

/** For whom a block is: a session that already runs, or one that is about to be admitted (O5). */
export type AllocationClass = 'running' | 'new';

export interface ObjectStoreOptions {
  readonly segment: Segment;
  /** Overwrites what is freed with `poisonByte`, so that a late reader shows. For tests: it costs a write of every block. */
  readonly poison?: boolean;
  readonly timers?: Timers;
  /** Idle for so long, the store gives the memory of large free extents back to the system. Default 10,000. */
  readonly giveBackIdleMs?: number;
}

interface Block {
  readonly sizeBytes: number;
  readonly serial: number;
  /** Who fills it; null once it is adopted. */
  owner: string | null;
  holders: number;
}

export const poisonByte = 0xdb;
const giveBackIdleMsDefault = 10_000;
const newSessionsShare = 0.9;

export class ObjectStore {
  readonly sizeBytes: number;
  /** No object may be larger, in any class: such a one could never be admitted (O5). */
  readonly objectSizeBytesMax: number;
  /** The most that `usedBytes` has been. */
  highWaterBytes = 0;
  /** Called after each block that was freed, by whoever waits for room. May allocate. */
  freed: (() => void) | null = null;
  readonly #segment: Segment;
  readonly #poison: boolean;
  readonly #allocator: Allocator;
  readonly #ahead: PopulateAhead;
  readonly #giveBack: IdleGiveBack;
  readonly #blocks = new Map<number, Block>();
  /** 0 is no block's. */
  #nextSerial = 1;

  constructor(options: ObjectStoreOptions) {
    const { segment, timers = systemTimers, giveBackIdleMs: idleMs = giveBackIdleMsDefault } = options;
    this.#segment = segment;
    this.#poison = options.poison ?? false;
    this.#allocator = new Allocator(segment.handle.sizeBytes);
    this.sizeBytes = this.#allocator.sizeBytes;
    this.objectSizeBytesMax = Math.floor(this.sizeBytes * newSessionsShare);
    this.#ahead = new PopulateAhead(segment, this.sizeBytes);
    this.#giveBack = new IdleGiveBack({ allocator: this.#allocator, ahead: this.#ahead, segment, timers, idleMs });
  }

  /** What all blocks take, rounded up to 64 bytes each. */
  get usedBytes(): number {
    return this.#allocator.usedBytes;
  }

  /** How many blocks there are. */
  get blocks(): number {
    return this.#blocks.size;
  }

  /** Whether it is this sealed object that lies there, and may have so many bytes: blocks are granted with more than is asked for. */
  has(offset: number, serial: number, sizeBytes = 0): boolean {
    const block = this.#blocks.get(offset);
    return block?.owner === null && block.serial === serial && sizeBytes <= block.sizeBytes;
  }

  /** Of the sealed object that lies there; 0: none does. */
  serialOf(offset: number): number {
    const block = this.#blocks.get(offset);
    return block?.owner === null ? block.serial : 0;
  }

  /** Grants `owner`, an address, a block of at least `sizeBytes`, held once. Returns its offset, or -1 if there is no room now. */
  allocate(owner: string, sizeBytes: number, allocationClass: AllocationClass): number {
    if (allocationClass === 'new' && this.usedBytes + sizeBytes > this.objectSizeBytesMax) return -1;
    const offset = this.#allocator.allocate(sizeBytes);
    if (offset === -1) return -1;
    this.#blocks.set(offset, { sizeBytes, serial: this.#nextSerial++, owner, holders: 1 });
    this.highWaterBytes = Math.max(this.highWaterBytes, this.usedBytes);
    this.#ahead.advance(offset + sizeBytes);
    this.#giveBack.granted();
    return offset;
  }

  /** The block is sealed: it passes from the owner that filled it to the caller, which now holds it once. */
  adopt(offset: number): void {
    const block = this.#block(offset, 'adopt');
    if (block.owner === null) throw new Error(`bug: adopt of the block at offset ${offset}, which is adopted already`);
    block.owner = null;
  }

  /** One holder more. */
  pin(offset: number): void {
    const block = this.#block(offset, 'pin');
    if (block.owner !== null) throw new Error(`bug: pin of the block at offset ${offset}, which ${block.owner} still fills`);
    block.holders++;
  }

  /** One holder less; at none the block is free. The owner of a granted block may release it unused. */
  release(offset: number): void {
    const block = this.#block(offset, 'release');
    block.holders--;
    if (block.holders === 0) this.#free(offset);
  }

  /**
   * Frees all blocks that `owner` was granted and that nobody adopted: its thread has died. Before, what it had sent must have been
   * handled, since that may tell of blocks to adopt, and its requests cancelled. Returns how many there were.
   */
  reclaim(owner: string): number {
    const owned = [...this.#blocks].filter(([, block]) => block.owner === owner);
    for (const [offset] of owned) this.#free(offset);
    return owned.length;
  }

  /** Throws, naming the first of them, if any block is left. */
  assertEmpty(): void {
    if (this.blocks === 0 && this.usedBytes === 0) return;
    const leaked = [...this.#blocks]
      .slice(0, 10)
      .map(([offset, { sizeBytes, holders, owner }]) => `${offset} (${sizeBytes} bytes, ${holders} holders, ${owner ?? 'adopted'})`);
    throw new Error(`bug: ${this.blocks} blocks leaked, ${this.usedBytes} bytes: ${leaked.join(', ')}`);
  }

  /** Stops the timer. The segment is its creator's to close. */
  close(): void {
    this.#giveBack.stop();
  }

  #free(offset: number): void {
    this.#blocks.delete(offset);
    if (this.#poison) this.#segment.bytes.fill(poisonByte, offset, offset + this.#allocator.sizeOf(offset));
    this.#giveBack.freed(this.#allocator.free(offset));
    this.freed?.();
  }

  #block(offset: number, action: string): Block {
    const block = this.#blocks.get(offset);
    if (!block) throw new Error(`bug: ${action} of offset ${offset}, where no block is`);
    return block;
  }
}

/**
 * Where a thread puts the bytes of its objects: inline if small, into a block of its stash if there is one, else into a block
 * that it asks the node for.
 *
 *   K1  Bytes are copied out of the caller's memory before `put` or `putLater` returns, unless he has said that they are stable.
 *   K2  A block that was granted is handed on with its object, or released: never forgotten while the thread lives.
 *   K3  Blocks kept in advance go back when none was taken for `stashIdleMs`.
 *   K4  After `close`, nothing is granted, and whoever waited has been refused.
 */
import type { Address } from '../../actors/actor.ts';
import { errorData, type ErrorData } from '../../actors/protocol/error.ts';
import type { ThreadMessage } from '../../actors/protocol/executor.ts';
import { refillRequest } from '../../actors/protocol/store.ts';
import { errorFromData, errors } from '../../api/errors.ts';
import type { Ref } from '../../storage/object.ts';
import { copyBytes } from '../../storage/small-copies.ts';
import { Stash } from '../../storage/stash.ts';
import { type Encoded, isOwnMemory } from '../../storage/value.ts';
import type { Outlet } from '../host.ts';

export interface BlocksOptions {
  /** Who asks: an address whose inbound messages reach `take`. */
  readonly owner: Address;
  /** Asked for at the first object that does not fit into a message. */
  readonly arena: () => Uint8Array;
  readonly node: Outlet;
  readonly inlineBytesMax: number;
  readonly waitMs: number;
  /** For sessions that run, or for such as are about to be opened. */
  readonly reserve: 'running' | 'new';
}

interface Waiting {
  grant(offset: number): void;
  refuse(error: Error): void;
}

/** More requests under way are refused: whoever does not await its sends must not exhaust the thread. */
const requestsMax = 10_000;
/** Grants that a thread waits for at a time come together: a function that sends some large objects waits once. */
const aheadMax = 16;
const stashIdleMs = 1_000;

export class Blocks {
  readonly #options: BlocksOptions;
  #stash: Stash | null = null;
  readonly #waiting = new Map<number, Waiting>();
  #nextRequest = 1;
  #idle: NodeJS.Timeout | null = null;
  #usedSinceWatched = false;
  #closed: ErrorData | null = null;

  constructor(options: BlocksOptions) {
    this.#options = options;
  }

  get owner(): Address {
    return this.#options.owner;
  }

  /** At once, if the bytes are small; else null. */
  putInline({ encoding, bytes }: Encoded): Ref | null {
    const sizeBytes = bytes.byteLength;
    if (sizeBytes > this.#options.inlineBytesMax) return null;
    // What was encoded for this is nobody else's; a typed array is the caller's.
    return { encoding, sizeBytes, inline: isOwnMemory(encoding) ? bytes : copyBytes(bytes), offset: -1 };
  }

  /** At once, if the bytes are small or the stash has a block; else null. */
  put(encoded: Encoded): Ref | null {
    const inline = this.putInline(encoded);
    if (inline || this.#closed) return inline;
    const { encoding, bytes } = encoded;
    const sizeBytes = bytes.byteLength;
    this.#stash ??= new Stash((refill) => this.#ask(refillRequest, refill.sizeBytes, refill.count), this.#options.arena().byteLength);
    const offset = this.#stash.take(sizeBytes);
    this.#usedSinceWatched = true;
    this.#watchIdle();
    return offset === -1 ? null : this.#fill(encoding, bytes, offset);
  }

  /** When the node has granted a block. `isStable`: nobody changes the bytes until then. Rejects with `StoreFull`, `ObjectTooLarge`. */
  async putLater({ encoding, bytes }: Encoded, isStable: boolean): Promise<Ref> {
    const snapshot = isStable || isOwnMemory(encoding) ? bytes : new Uint8Array(bytes);
    return this.#fill(encoding, snapshot, await this.allocate(snapshot.byteLength));
  }

  /** As `putLater` of bytes that are stable, asked for at once; null while many are: then in turn. */
  putAhead(encoded: Encoded): Promise<Ref> | null {
    if (this.#closed || this.#waiting.size >= aheadMax) return null;
    const ref = this.putLater(encoded, true);
    // Who asked looks at it in his turn.
    ref.catch(() => undefined);
    return ref;
  }

  allocate(sizeBytes: number): Promise<number> {
    if (this.#closed) return Promise.reject(errorFromData(this.#closed));
    if (this.#waiting.size >= requestsMax) {
      const text = `${requestsMax} sends wait for room in the store already: await the promises that send returns`;
      return Promise.reject(new errors.StoreFull(errorData('StoreFull', text, { sizeBytes }, true)));
    }
    const request = this.#nextRequest++;
    return new Promise((grant, refuse) => {
      this.#waiting.set(request, { grant, refuse });
      this.#ask(request, sizeBytes, 1);
    });
  }

  /** They are filled. For blocks whose refs do not go to a scheduler, which says so itself. */
  seal(offsets: readonly number[]): void {
    if (offsets.length > 0) this.#options.node.send('store', { kind: 'sealBlocks', owner: this.#options.owner, offsets });
  }

  placeOf({ offset }: Ref): number {
    return offset;
  }

  release(offsets: readonly number[]): void {
    if (offsets.length > 0) this.#options.node.send('store', { kind: 'releaseBlocks', owner: this.#options.owner, offsets });
  }

  /** The node is gone, or will be. */
  close(error: ErrorData): void {
    this.#closed = error;
    if (this.#idle) clearTimeout(this.#idle);
    for (const { refuse } of this.#waiting.values()) refuse(errorFromData(error));
    this.#waiting.clear();
  }

  take(message: Extract<ThreadMessage, { kind: 'blocksGranted' | 'blocksRefused' }>): void {
    if (message.kind === 'blocksGranted' && message.request === refillRequest) {
      this.#stash?.add(message.sizeBytes, message.offsets);
      return this.#watchIdle();
    }
    const waiting = this.#waiting.get(message.request);
    if (!waiting) return;
    this.#waiting.delete(message.request);
    if (message.kind === 'blocksRefused') return waiting.refuse(errorFromData(message.error));
    const [offset] = message.offsets;
    if (offset !== undefined) waiting.grant(offset);
  }

  /** One timer at a time, moved at most once per period: `put` is on the hot path. */
  #watchIdle(): void {
    this.#idle ??= setTimeout(() => {
      this.#idle = null;
      if (this.#usedSinceWatched) this.#watchIdle();
      else this.release(this.#stash?.giveBack() ?? []);
      this.#usedSinceWatched = false;
    }, stashIdleMs).unref();
  }

  #fill(encoding: number, bytes: Uint8Array, offset: number): Ref {
    this.#options.arena().set(bytes, offset);
    return { encoding, sizeBytes: bytes.byteLength, inline: null, offset };
  }

  #ask(request: number, sizeBytes: number, count: number): void {
    const { owner, reserve, waitMs, node } = this.#options;
    node.send('store', { kind: 'allocateBlocks', owner, request, sizeBytes, count, reserve, waitMs });
  }
}

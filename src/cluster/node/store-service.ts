/** The object store as a neighbour of the actors, under the address `store`: it grants blocks, and takes them back. */
import type { Address } from '../../actors/actor.ts';
import { errorData, type ErrorData } from '../../actors/protocol/error.ts';
import type { Message } from '../../actors/protocol/message.ts';
import { refillRequest, type StoreMessage } from '../../actors/protocol/store.ts';
import { AllocationQueue } from '../../storage/allocation-queue.ts';
import type { AllocationClass, ObjectStore } from '../../storage/object-store.ts';
import type { Timers } from '../../storage/timers.ts';

type Allocate = Extract<StoreMessage, { kind: 'allocateBlocks' }>;

export class StoreService {
  readonly #store: ObjectStore;
  readonly #queue: AllocationQueue;
  readonly #reply: (to: Address, message: Message) => void;

  constructor(store: ObjectStore, timers: Timers, reply: (to: Address, message: Message) => void) {
    this.#store = store;
    this.#queue = new AllocationQueue({ store, timers });
    this.#reply = reply;
  }

  take(message: Message): void {
    switch (message.kind) {
      case 'allocateBlocks':
        return message.request === refillRequest ? this.#allocateSome(message) : this.#allocateOne(message);
      case 'sealBlocks':
        for (const offset of message.offsets) this.#store.adopt(offset);
        return;
      case 'releaseBlocks':
        for (const offset of message.offsets) this.#store.release(offset);
        return;
      default:
        throw new Error(`bug: the store was sent ${message.kind}`);
    }
  }

  /** A thread is no more: what it had not handed on is free, what it waited for is not granted. */
  bury(owner: Address): void {
    this.#queue.cancelOwner(owner);
    this.#store.reclaim(owner);
  }

  /** The same for a service of this node. */
  allocate(owner: Address, sizeBytes: number, reserve: AllocationClass, waitMs: number): Promise<number | ErrorData> {
    return new Promise((resolve) => {
      this.#queue.request({ owner, sizeBytes, class: reserve, waitMs }, (result) =>
        resolve('offset' in result ? result.offset : this.#refusal(result.error, sizeBytes, waitMs)),
      );
    });
  }

  close(): void {
    this.#store.close();
  }

  #allocateOne({ owner, request, sizeBytes, reserve, waitMs }: Allocate): void {
    this.#queue.request({ owner, sizeBytes, class: reserve, waitMs }, (result) => {
      if ('offset' in result) return this.#reply(owner, { kind: 'blocksGranted', request, sizeBytes, offsets: [result.offset] });
      this.#reply(owner, { kind: 'blocksRefused', request, error: this.#refusal(result.error, sizeBytes, waitMs) });
    });
  }

  /** For a stash: as many as there are at once, perhaps none; nobody waits for these. */
  #allocateSome({ owner, request, sizeBytes, count, reserve }: Allocate): void {
    const offsets: number[] = [];
    while (offsets.length < count && this.#queue.waiting === 0) {
      const offset = this.#store.allocate(owner, sizeBytes, reserve);
      if (offset === -1) break;
      offsets.push(offset);
    }
    this.#reply(owner, { kind: 'blocksGranted', request, sizeBytes, offsets });
  }

  #refusal(code: 'StoreFull' | 'ObjectTooLarge', sizeBytes: number, waitMs: number) {
    const { objectSizeBytesMax: sizeBytesMax, sizeBytes: storeBytes, usedBytes } = this.#store;
    if (code === 'ObjectTooLarge') {
      const text = `an object of ${sizeBytes} bytes is larger than the store can hold (${sizeBytesMax} bytes of arenaBytes ${storeBytes})`;
      return errorData(code, text, { sizeBytes, sizeBytesMax });
    }
    const text = `no room for ${sizeBytes} bytes within ${waitMs} ms: ${usedBytes} of ${storeBytes} bytes (arenaBytes) are held by open sessions`;
    return errorData(code, text, { sizeBytes, usedBytes, arenaBytes: storeBytes, waitMs }, true);
  }
}

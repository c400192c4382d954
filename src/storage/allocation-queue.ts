/**
 * Who waits for room while the object store is full: backpressure first, then `StoreFull`.
 *
 * Beside the object store, in the node thread. Every request for a block comes through here, so that none overtakes.
 *
 *   Q1  Each request is answered exactly once, at the latest when its wait is over; unless its owner is cancelled, then never.
 *   Q2  Within a class, requests are granted in their order: a small one never overtakes a large one that still waits.
 *   Q3  Requests of running sessions go before those of new ones, which could never end before they have begun.
 *   Q4  A timer exists only for a request that waits.
 */
import type { AllocationClass, ObjectStore } from './object-store.ts';
import type { Timers } from './timers.ts';
import { systemTimers } from './timers.ts';

export interface AllocationRequest {
  /** The address of who will fill the block. */
  readonly owner: string;
  readonly sizeBytes: number;
  readonly class: AllocationClass;
  /** How long it may wait for room; 0: not at all. */
  readonly waitMs: number;
}

export type AllocationResult =
  | { readonly offset: number }
  /** `StoreFull` may succeed later, `ObjectTooLarge` never. */
  | { readonly error: 'StoreFull' | 'ObjectTooLarge' };

export interface AllocationQueueOptions {
  readonly store: ObjectStore;
  readonly timers?: Timers;
  /** More waiting requests than this are refused at once, as `StoreFull`. Default 10,000. */
  readonly requestsMax?: number;
}

interface Waiting {
  readonly request: AllocationRequest;
  readonly grant: (result: AllocationResult) => void;
  readonly timer: unknown;
}

const requestsMaxDefault = 10_000;

export class AllocationQueue {
  readonly #store: ObjectStore;
  readonly #timers: Timers;
  readonly #requestsMax: number;
  readonly #running = new Set<Waiting>();
  readonly #new = new Set<Waiting>();

  constructor(options: AllocationQueueOptions) {
    this.#store = options.store;
    this.#timers = options.timers ?? systemTimers;
    this.#requestsMax = options.requestsMax ?? requestsMaxDefault;
    this.#store.freed = () => this.#serve();
  }

  /** How many requests wait. */
  get waiting(): number {
    return this.#running.size + this.#new.size;
  }

  /** Answers by `grant`: before this returns if there is room and nobody before it, else when room comes or the wait is over. */
  request(request: AllocationRequest, grant: (result: AllocationResult) => void): void {
    if (request.sizeBytes > this.#store.objectSizeBytesMax) return grant({ error: 'ObjectTooLarge' });
    const isFirst = this.#running.size === 0 && (request.class === 'running' || this.#new.size === 0);
    const offset = isFirst ? this.#allocate(request) : -1;
    if (offset !== -1) return grant({ offset });
    if (request.waitMs <= 0 || this.waiting >= this.#requestsMax) return grant({ error: 'StoreFull' });
    const waiting: Waiting = { request, grant, timer: this.#timers.setTimeout(() => this.#expire(waiting), request.waitMs) };
    this.#queueOf(request).add(waiting);
  }

  /** Forgets the requests of an owner that has died; they are not answered. */
  cancelOwner(owner: string): void {
    for (const queue of [this.#running, this.#new]) {
      for (const waiting of queue) if (waiting.request.owner === owner) this.#remove(waiting);
    }
    this.#serve();
  }

  #expire(waiting: Waiting): void {
    this.#remove(waiting);
    waiting.grant({ error: 'StoreFull' });
    this.#serve();
  }

  /** Grants from the front as long as there is room. A grant may free, request and come here again: each looks at the front anew. */
  #serve(): void {
    for (;;) {
      const [first] = this.#running.size > 0 ? this.#running : this.#new;
      const offset = first ? this.#allocate(first.request) : -1;
      if (!first || offset === -1) return;
      this.#remove(first);
      first.grant({ offset });
    }
  }

  #allocate(request: AllocationRequest): number {
    return this.#store.allocate(request.owner, request.sizeBytes, request.class);
  }

  #remove(waiting: Waiting): void {
    this.#timers.clearTimeout(waiting.timer);
    this.#queueOf(waiting.request).delete(waiting);
  }

  #queueOf(request: AllocationRequest): Set<Waiting> {
    return request.class === 'running' ? this.#running : this.#new;
  }
}

/** What the worker's object store and its durable store may be told: services beside the actors, answered by `answer` or `blocksGranted`. */
import type { Address } from '../actor.ts';
import type { Ref } from '../../storage/object.ts';

export type StoreMessage =
  /** `count` blocks of `sizeBytes` each for `owner`, who fills them and hands them on by their refs. */
  | {
      readonly kind: 'allocateBlocks';
      readonly owner: Address;
      readonly request: number;
      readonly sizeBytes: number;
      readonly count: number;
      /** `new`: for a session that is not yet running; it may not use the last tenth of the store. */
      readonly reserve: 'running' | 'new';
      readonly waitMs: number;
    }
  /** The owner has filled them: they may be pinned now, and he holds each once. */
  | { readonly kind: 'sealBlocks'; readonly owner: Address; readonly offsets: readonly number[] }
  | { readonly kind: 'releaseBlocks'; readonly owner: Address; readonly offsets: readonly number[] }
  | { readonly kind: 'durableGet'; readonly owner: Address; readonly request: number; readonly key: string }
  | { readonly kind: 'durablePut'; readonly owner: Address; readonly request: number; readonly key: string; readonly ref: Ref }
  /** Answered by `requestDone` with `WorkerStats`. */
  | { readonly kind: 'statsAsked'; readonly owner: Address; readonly request: number };

/** What a worker has done since it started, and what it holds now. */
export interface WorkerStats {
  readonly sessionsOpened: number;
  readonly sessionsOpen: number;
  readonly invocations: number;
  readonly invocationsQueued: number;
  readonly objects: number;
  readonly objectBytes: number;
  readonly executors: number;
  readonly storeBlocks: number;
  readonly storeUsedBytes: number;
  readonly storeHighWaterBytes: number;
  readonly storeSizeBytes: number;
}

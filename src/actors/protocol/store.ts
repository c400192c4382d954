/** What the worker's stores, and its keeper of solo sessions, may be told: services beside the actors, answered by `answer` or `blocksGranted`. */
import type { Address } from '../actor.ts';
import type { Ref } from '../../storage/object.ts';

/** The request number of blocks in advance: as many of `count` are granted as there are at once, perhaps none; it is never refused. */
export const refillRequest = -1;

export type StoreMessage =
  /** `count` blocks of `sizeBytes` each for `owner`, who fills them and hands them on by their refs. More than one only in advance. */
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
  | {
      readonly kind: 'releaseBlocks';
      readonly owner: Address;
      readonly offsets: readonly number[];
      /** Of the block at each offset, from a client on another node: it may come late. Within a process whoever releases a block holds it. */
      readonly serials?: readonly number[];
    }
  | { readonly kind: 'durableGet'; readonly owner: Address; readonly request: number; readonly key: string }
  | { readonly kind: 'durablePut'; readonly owner: Address; readonly request: number; readonly key: string; readonly ref: Ref }
  /** Answered by `requestDone` with `WorkerStats`. */
  | { readonly kind: 'statsAsked'; readonly owner: Address; readonly request: number }
  /** An executor can no longer decide alone what becomes of the solo session in this slot: the node has it now. */
  | { readonly kind: 'soloHandedOver'; readonly slot: number; readonly generation: number }
  /** Of the first `runs` that this executor was given, those that have not begun are taken back: something may keep its thread. Answered by `runsTakenBack`, unless the executor has ended. */
  | { readonly kind: 'takeBackRuns'; readonly executor: number; readonly runs: number }
  /** The sessions of these slots are to be at home. Answered by `requestDone` when they are; those that end meanwhile need not. */
  | {
      readonly kind: 'recallSolo';
      readonly owner: Address;
      readonly request: number;
      readonly slots: readonly { readonly slot: number; readonly generation: number }[];
    };

/** What a worker has done since it started, and what it holds now. */
export interface WorkerStats {
  /** Since the start. */
  readonly sessionsOpened: number;
  /** Now. */
  readonly sessionsOpen: number;
  /** Firings since the start, whatever came of them. */
  readonly invocations: number;
  /** Now, for an executor. */
  readonly invocationsQueued: number;
  /** Admitted to buckets since the start, and their bytes. */
  readonly objects: number;
  readonly objectBytes: number;
  /** Threads that run functions, or are starting. */
  readonly executors: number;
  /** Blocks of the store that are held now, and what they take. */
  readonly storeBlocks: number;
  readonly storeUsedBytes: number;
  /** The most that `storeUsedBytes` has been. */
  readonly storeHighWaterBytes: number;
  readonly storeSizeBytes: number;
  /** Of a cluster, since the start: invocations that another worker has run for this one, those of them that went to where their inputs lay, and those that this one has run for others. */
  readonly invocationsForwarded: number;
  readonly invocationsPlacedNear: number;
  readonly invocationsLodged: number;
  /** Large objects that came here from other nodes, and their bytes. */
  readonly objectsFetched: number;
  readonly bytesFetched: number;
  /** Messages to other nodes. */
  readonly messagesSent: number;
}

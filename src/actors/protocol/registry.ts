/**
 * What the registry of a cluster may be told, under the address `registry`, and what it says to whoever asks (`cluster/registry/`).
 *
 * Bytes are of the frame that they came in: whoever takes a message copies what he keeps.
 */
import type { Address } from '../actor.ts';
import type { ErrorData } from './error.ts';

/** What is under a key. */
export interface RegistryEntry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Positive; that of a later change, of whatever key, is greater. */
  readonly revision: number;
}

/** What has become of a key. */
export type RegistryChange =
  | { readonly kind: 'put'; readonly entry: RegistryEntry }
  /** A put whose value is too large for a watch to carry (`registryLimits.watchedBytesMax`): `get` has it. */
  | { readonly kind: 'large'; readonly key: string; readonly revision: number; readonly sizeBytes: number }
  /** Deleted, or its lease has ended. */
  | { readonly kind: 'gone'; readonly key: string; readonly revision: number };

/** An entry or, where its value is large, the next part of it. The parts of an entry follow each other until its `sizeBytes` are there. */
export interface EntryPart {
  readonly key: string;
  readonly revision: number;
  readonly sizeBytes: number;
  readonly bytes: Uint8Array;
}

/** `owner`: where the answer goes. `request`, `watch`: unique in the owner. */
export type RegistryRequest =
  | { readonly kind: 'registryGet'; readonly owner: Address; readonly request: number; readonly key: string }
  | { readonly kind: 'registryList'; readonly owner: Address; readonly request: number; readonly prefix: string }
  /** The next part of the value of the put with this number, which follows at once. */
  | { readonly kind: 'registryPiece'; readonly owner: Address; readonly request: number; readonly bytes: Uint8Array }
  | {
      readonly kind: 'registryPut';
      readonly owner: Address;
      readonly request: number;
      readonly key: string;
      /** Of the whole value: of its pieces, and of `bytes`, which are the last. */
      readonly sizeBytes: number;
      readonly bytes: Uint8Array;
      readonly expected: number | null;
      readonly ttlMs: number | null;
    }
  | {
      readonly kind: 'registryDelete';
      readonly owner: Address;
      readonly request: number;
      readonly key: string;
      readonly expected: number | null;
    }
  /** Also says, from time to time, that the owner still watches; then it changes nothing if the registry knows. */
  | { readonly kind: 'registryWatch'; readonly owner: Address; readonly watch: number; readonly prefix: string }
  | { readonly kind: 'registryUnwatch'; readonly owner: Address; readonly watch: number };

export type RegistryReply =
  | {
      readonly kind: 'registryAnswer';
      readonly request: number;
      readonly error: ErrorData | null;
      /** Of a put the revision, of a delete 1 if there was something to delete. */
      readonly result: number;
      readonly parts: readonly EntryPart[];
      /** False: more parts follow. */
      readonly isLast: boolean;
    }
  | { readonly kind: 'registryChanged'; readonly watch: number; readonly change: WatchEvent };

export type WatchEvent =
  /** What follows, up to `current`, is all there is. */
  { readonly kind: 'began' } | { readonly kind: 'current' } | RegistryChange;

export type RegistryMessage = RegistryRequest | RegistryReply;

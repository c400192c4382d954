/**
 * The port to what the nodes of a cluster agree on: its members, who acts for which shard, its apps and their code, durable objects.
 *
 * Keys with bytes, each with the revision of its last change. Implemented in memory (`memory-registry.ts`), on the disk of one
 * process (`lmdb-registry.ts`), and over messages to either (`remote-registry.ts`); all pass one conformance suite. It asks for no
 * more than NATS JetStream KV can do: the revision is the sequence number of the stream, a ttl the age of a key's last message.
 *
 *     holdLease ─► Registry ◄─┬─ EmbeddedRegistry ─► RegistryStorage: memory, LMDB
 *                             └─ RemoteRegistry ═ messages ═ RegistryService ─► Registry
 *
 *   G1  Operations take effect one after another, each at some moment between its call and its answer. What has been answered is
 *       seen by every later operation of anybody, and (but in memory) survives the process and the machine.
 *   G2  Every change, also the end of a lease, has a revision of its own, greater than all before it; none is given twice.
 *   G3  A leased key is gone only when at least `ttlMs` have passed since its last put was called, and soon afterwards. While the
 *       registry is down or held up no lease ends.
 *   G4  A watcher is told changes in the order of their revisions, each once. Reaching a remote registry again, it is told what the
 *       outcome is of those that it missed, not each.
 *   G5  Operations that fail reject with a RegistryError, and the registry stays usable. `RegistryConflict`, `InvalidOption`,
 *       `ObjectTooLarge`, `Overloaded`, `RuntimeClosed` say that nothing was changed; with other codes it may have been, or be a little later.
 *   G6  Bytes are taken as they are at the call, and those that are given out belong to whom they are given.
 */
import type { RegistryChange, RegistryEntry } from '../../actors/protocol/registry.ts';

export type { RegistryChange, RegistryEntry };

export interface Registry {
  get(key: string): Promise<RegistryEntry | null>;
  /** All entries whose keys start with `prefix`, by key. Beyond `listBytesMax` in all it is refused: whoever needs no values watches. */
  list(prefix: string): Promise<readonly RegistryEntry[]>;
  /** Resolves with the new revision. A put of the same value is a change too. */
  put(key: string, value: Uint8Array, options: PutOptions): Promise<number>;
  /**
   * False if there is nothing under the key, whatever was expected. Rejects with `RegistryConflict` if what is there has another
   * revision than `expected`; null: whatever it has.
   */
  delete(key: string, expected: number | null): Promise<boolean>;
  /**
   * First tells what there is under keys that start with `prefix`, in the order of revisions, then `current()`, then each change. Nothing
   * is told before it has returned. Throws a RegistryError if the prefix is bad, or there are too many watches.
   */
  watch(prefix: string, watcher: Watcher): Watch;
  /** Waits for what is under way. Afterwards watchers are told nothing more, and all but `close` is refused with `RuntimeClosed`. */
  close(): Promise<void>;
}

export interface PutOptions {
  /** The revision that the key must have now; 0: it must not exist; null: whatever it has. Else `RegistryConflict`. */
  readonly expected: number | null;
  /** A lease: the key is gone if it is not put again within so long. Null: it stays. A registry may round it up to seconds. */
  readonly ttlMs: number | null;
}

/** Must not throw. */
export interface Watcher {
  changed(change: RegistryChange): void;
  /** Once: what there was has been told. */
  current(): void;
}

export interface Watch {
  /** Nothing more is told, from now on. */
  stop(): void;
}

const KiB = 1_024;
const MiB = 1_024 * KiB;

export const registryLimits = {
  /** Of ASCII letters, digits, `.`, `_`, `/`, `-`. A subject of NATS, with what it must escape, holds so many. */
  keyLengthMax: 512,
  /** Bundles have some MiB. */
  valueBytesMax: 16 * MiB,
  /** Values and keys of one answer: it is in memory as a whole, at both ends. Room for one value of any size. */
  listBytesMax: 17 * MiB,
  /** A renewal every third of it costs a flush of the disk each. */
  ttlMsMin: 100,
  ttlMsMax: 60 * 60_000,
  /** Larger values are not carried by watches (`large`): every change goes to every watcher. */
  watchedBytesMax: 64 * KiB,
  /** All keys, with revision and lease, are in memory: about 200 bytes each. */
  entriesMax: 250_000,
  /** Of one registry. A process has about three. */
  watchesMax: 10_000,
  /** Operations that wait for those before them, and what they hold of values. */
  waitingMax: 10_000,
  waitingBytesMax: 256 * MiB,
} as const;

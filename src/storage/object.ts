/**
 * The nouns of the object store: what an object's bytes are called once they are somewhere.
 *
 * This is the only file of `storage` that `actors` may import: it holds names and numbers, never bytes that it owns.
 */

/**
 * How an object's bytes are to be read. A ref carries the index into this list as one byte, so the order is the wire
 * format: append only. `bytes` is the object as given; the typed arrays are little-endian and start on a 64-byte boundary.
 */
export const encodings = [
  'bytes',
  'cbor',
  'int8',
  'uint8Clamped',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'float32',
  'float64',
  'bigInt64',
  'bigUint64',
] as const;

export type Encoding = (typeof encodings)[number];

/**
 * Where an object is, how large, how encoded. Either `inline` holds its bytes (at most `inlineBytesMax`, they travel inside
 * messages) and `offset` is -1, or `inline` is null and the bytes lie at `offset` in the worker's arena.
 */
export interface Ref {
  /** Index into `encodings`. */
  readonly encoding: number;
  readonly sizeBytes: number;
  readonly inline: Uint8Array | null;
  /** Bytes from the start of the arena, or -1. */
  readonly offset: number;
  /** Where the bytes are, if they are neither inline nor in this worker's arena: held there until somebody says otherwise. */
  readonly remote?: RemotePlace;
}

export interface RemotePlace {
  /** The node's name. */
  readonly node: string;
  /** Of the node's process: another one of its name has other objects. */
  readonly incarnation: number;
  /** Bytes from the start of its arena; in a client the number of the value. */
  readonly offset: number;
  /** Of the block (`ObjectStore.serialOf`): what lies there later has another. In a client 0: its numbers are used once. */
  readonly serial: number;
}

/** Blocks start on this boundary, so that every typed array may lie on one. */
export const blockAlignmentBytes = 64;

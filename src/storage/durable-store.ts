/**
 * The port to what outlives sessions: keys with bytes, on disk. Inputs and outputs of jobs, and what functions keep.
 *
 * Implemented in memory (below, for simulations), by LMDB (`durable-store-lmdb.ts`); all pass one conformance suite.
 *
 *   D1  A `put` or `delete` that has resolved is seen by every later call, and (but in memory) survives the process and the machine.
 *   D2  Bytes are taken as they are when `put` is called, and those that `get` returns belong to the caller.
 *   D3  Operations that fail reject with a DurableStoreError; the store stays usable.
 */
export interface DurableStore {
  /** The bytes last put under `key`; undefined if there are none. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Resolves when the bytes are on disk. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Deleting a key that is not there changes nothing. */
  delete(key: string): Promise<void>;
  /** All keys that start with `prefix`, in the order of their UTF-8 bytes. */
  keys(prefix: string): Promise<string[]>;
  /** Waits for what is under way. Afterwards every operation but `close` rejects. */
  close(): Promise<void>;
}

export type DurableOperation = 'open' | 'get' | 'put' | 'delete' | 'keys' | 'close';

/** What failed, on which key, and why. */
export class DurableStoreError extends Error {
  readonly code = 'DurableStoreFailed';
  readonly operation: DurableOperation;
  /** The key or prefix; null where there is none. */
  readonly key: string | null;

  constructor(operation: DurableOperation, key: string | null, reason: string, options?: ErrorOptions) {
    super(`durable store: ${operation}${key === null ? '' : ` of ${JSON.stringify(shortened(key))}`} failed: ${reason}`, options);
    this.name = 'DurableStoreError';
    this.operation = operation;
    this.key = key;
  }
}

/** In UTF-8. What LMDB holds in a page of 4 KiB, less some room. */
export const durableKeyBytesMax = 1_900;
const shownKeyLength = 80;

/** The key's UTF-8 bytes. Throws if it is empty, too long, or no text: two such keys could be one in UTF-8. */
export function durableKeyBytes(operation: DurableOperation, key: string): Buffer {
  const bytes = Buffer.from(key, 'utf8');
  if (bytes.length === 0) throw new DurableStoreError(operation, key, 'a key has at least one character');
  if (bytes.length > durableKeyBytesMax) {
    throw new DurableStoreError(operation, key, `the key has ${bytes.length} bytes, and a key has at most ${durableKeyBytesMax}`);
  }
  if (bytes.toString('utf8') !== key) throw new DurableStoreError(operation, key, 'the key has half a surrogate pair');
  return bytes;
}

/** Keeps everything in memory, and nothing beyond `close`. */
export class MemoryDurableStore implements DurableStore {
  readonly #values = new Map<string, Uint8Array>();
  #isClosed = false;

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#check('get', key);
    return this.#values.get(key)?.slice();
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    this.#check('put', key);
    this.#values.set(key, new Uint8Array(bytes));
  }

  async delete(key: string): Promise<void> {
    this.#check('delete', key);
    this.#values.delete(key);
  }

  async keys(prefix: string): Promise<string[]> {
    this.#checkOpen('keys', prefix);
    const keys = [...this.#values.keys()].filter((key) => key.startsWith(prefix));
    return keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#values.clear();
  }

  #check(operation: DurableOperation, key: string): void {
    this.#checkOpen(operation, key);
    durableKeyBytes(operation, key);
  }

  #checkOpen(operation: DurableOperation, key: string): void {
    if (this.#isClosed) throw new DurableStoreError(operation, key, 'the store is closed');
  }
}

function shortened(key: string): string {
  return key.length > shownKeyLength ? `${key.slice(0, shownKeyLength)}…` : key;
}

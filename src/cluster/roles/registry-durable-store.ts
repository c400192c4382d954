/** The durable store of a cluster: entries of its registry. */
import { createHash } from 'node:crypto';
import { durableKeyBytes, type DurableOperation, type DurableStore, DurableStoreError } from '../../storage/durable-store.ts';
import type { Registry } from '../registry/registry.ts';
import { decodeEntry, encodeEntry } from '../view.ts';

const prefix = 'durable/';

/** What an entry holds: its key as the user wrote it, which may be longer and of other characters than a registry's. */
type Kept = readonly [key: string, bytes: Uint8Array];

export class RegistryDurableStore implements DurableStore {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return told('get', key, async () => {
      const entry = await this.#registry.get(entryKey('get', key));
      return entry ? new Uint8Array(decodeEntry<Kept>(entry.value)[1]) : undefined;
    });
  }

  put(key: string, bytes: Uint8Array): Promise<void> {
    return told('put', key, async () => {
      await this.#registry.put(entryKey('put', key), encodeEntry([key, bytes] satisfies Kept), { expected: null, ttlMs: null });
    });
  }

  delete(key: string): Promise<void> {
    return told('delete', key, async () => {
      await this.#registry.delete(entryKey('delete', key), null);
    });
  }

  keys(start: string): Promise<string[]> {
    return told('keys', start, async () => {
      const entries = await this.#registry.list(prefix);
      const keys = entries.map(({ value }) => decodeEntry<Kept>(value)[0]).filter((key) => key.startsWith(start));
      return keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    });
  }

  /** The registry is closed by whoever opened it. */
  async close(): Promise<void> {}
}

function entryKey(operation: DurableOperation, key: string): string {
  return `${prefix}${createHash('sha256').update(durableKeyBytes(operation, key)).digest('hex')}`;
}

async function told<T>(operation: DurableOperation, key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof DurableStoreError) throw cause;
    throw new DurableStoreError(operation, key, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/**
 * The durable store in a directory, by LMDB: the default of a single machine.
 *
 * Reads are memory-mapped and at once; writes are batched, and resolve when their transaction has been flushed. Nothing is
 * loaded, and no directory made, before the first operation.
 */
import type { RootDatabase } from 'lmdb';
import type { DurableOperation, DurableStore } from './durable-store.ts';
import { DurableStoreError, durableKeyBytes } from './durable-store.ts';

type Database = RootDatabase<Buffer, Buffer>;

export class LmdbDurableStore implements DurableStore {
  readonly #directory: string;
  #database: Promise<Database> | null = null;
  #isClosed = false;

  /** `directory` is made, with its parents, at the first use. Two stores of one process must not share it. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const keyBytes = durableKeyBytes('get', key);
    return this.#run('get', key, (database) => {
      const bytes = database.getBinary(keyBytes);
      return bytes && new Uint8Array(bytes);
    });
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const keyBytes = durableKeyBytes('put', key);
    // LMDB reads them in its writing thread, later.
    const copy = Buffer.from(bytes);
    await this.#run('put', key, (database) => database.put(keyBytes, copy));
  }

  async delete(key: string): Promise<void> {
    const keyBytes = durableKeyBytes('delete', key);
    await this.#run('delete', key, (database) => database.remove(keyBytes));
  }

  async keys(prefix: string): Promise<string[]> {
    return this.#run('keys', prefix, (database) => {
      const keys: string[] = [];
      for (const keyBytes of database.getKeys(prefix === '' ? {} : { start: Buffer.from(prefix) })) {
        const key = keyBytes.toString('utf8');
        if (!key.startsWith(prefix)) break;
        keys.push(key);
      }
      return keys;
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // One that did not open has said so to whoever used it.
    const database = await this.#database?.catch(() => null);
    await database?.close();
  }

  async #run<T>(operation: DurableOperation, key: string, action: (database: Database) => T | Promise<T>): Promise<T> {
    if (this.#isClosed) throw new DurableStoreError(operation, key, 'the store is closed');
    this.#database ??= this.#open();
    const database = await this.#database;
    try {
      return await action(database);
    } catch (error) {
      throw new DurableStoreError(operation, key, messageOf(error), { cause: error });
    }
  }

  async #open(): Promise<Database> {
    try {
      const { open } = await import('lmdb');
      return open<Buffer, Buffer>({
        path: this.#directory,
        // Else a directory with a dot in its name is taken for a file.
        noSubdir: false,
        encoding: 'binary',
        keyEncoding: 'binary',
        // Else a write resolves before it is flushed.
        overlappingSync: false,
      });
    } catch (error) {
      // The next operation tries again.
      this.#database = null;
      throw new DurableStoreError('open', null, `${this.#directory}: ${messageOf(error)}`, { cause: error });
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

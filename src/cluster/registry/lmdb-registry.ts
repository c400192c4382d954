/**
 * A registry in a directory, by LMDB: that of a cluster whose coordinator holds it. One process at a time.
 *
 *     key               value
 *     ┌───┐             ┌────────────┐
 *     │ 0 │             │ revision 8 │                             of the last change
 *     └───┘             └────────────┘
 *     ┌───┬───────────┐ ┌────────────┬────────────┬──────────────┐
 *     │ 1 │ key       │ │ revision 8 │ ttlMs 4    │ sizeBytes 4  │   ttlMs 0: no lease. These are read into memory at the start
 *     └───┴───────────┘ └────────────┴────────────┴──────────────┘
 *     ┌───┬───────────┐ ┌───────────────┐
 *     │ 2 │ key       │ │ the value     │                          read when it is asked for
 *     └───┴───────────┘ └───────────────┘                          numbers: big-endian, their sizes in bytes
 *
 *   B1  A commit is one transaction, flushed before it resolves.
 *   B2  A commit that finds another revision than the last one here changes nothing: another process has written.
 */
import type { RootDatabase } from 'lmdb';
import { EmbeddedRegistry, type RegistryPorts, systemRegistryPorts } from './embedded-registry.ts';
import { RegistryError } from './registry-error.ts';
import { type Held, RegistryState } from './registry-state.ts';
import type { RegistryStorage, StoredChange } from './registry-storage.ts';

type Database = RootDatabase<Buffer, Buffer>;

const revisionKey = Buffer.of(0);
const heldMark = 1;
const valueMark = 2;
const heldBytes = 16;

export class LmdbRegistry extends EmbeddedRegistry {
  /** `directory` is made, with its parents. Rejects with `DurableStoreFailed` if it cannot be opened, or holds something else. */
  static async open(directory: string, ports: RegistryPorts = systemRegistryPorts): Promise<LmdbRegistry> {
    const database = await openDatabase(directory);
    try {
      const storage = new LmdbRegistryStorage(directory, database);
      return new LmdbRegistry(new RegistryState(storage.revision, storage.entries(), ports.nowMs()), storage, ports);
    } catch (cause) {
      await database.close();
      throw failed(directory, cause);
    }
  }
}

class LmdbRegistryStorage implements RegistryStorage {
  readonly #directory: string;
  readonly #database: Database;
  #revision: number;

  constructor(directory: string, database: Database) {
    this.#directory = directory;
    this.#database = database;
    this.#revision = this.#storedRevision();
  }

  get revision(): number {
    return this.#revision;
  }

  *entries(): Iterable<Held> {
    for (const { key, value } of this.#database.getRange({ start: Buffer.of(heldMark), end: Buffer.of(valueMark) })) {
      if (value.length !== heldBytes) throw new Error(`an entry has ${value.length} bytes, not ${heldBytes}`);
      const ttlMs = value.readUInt32BE(8);
      yield {
        key: key.toString('latin1', 1),
        revision: Number(value.readBigUInt64BE(0)),
        ttlMs: ttlMs === 0 ? null : ttlMs,
        sizeBytes: value.readUInt32BE(12),
      };
    }
  }

  read(key: string): Uint8Array | null {
    try {
      const bytes = this.#database.getBinary(marked(valueMark, key));
      return bytes ? new Uint8Array(bytes) : null;
    } catch (cause) {
      throw failed(this.#directory, cause);
    }
  }

  async commit(changes: readonly StoredChange[]): Promise<void> {
    const revision = changes.at(-1)?.revision ?? this.#revision;
    try {
      await this.#database.childTransaction(() => {
        const stored = this.#storedRevision();
        if (stored !== this.#revision)
          throw new Error(`it is at revision ${stored}, not ${this.#revision}: does another process write into it?`);
        for (const change of changes) this.#write(change);
        this.#database.putSync(revisionKey, bytesOfRevision(revision));
      });
    } catch (cause) {
      throw failed(this.#directory, cause);
    }
    this.#revision = revision;
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  #write(change: StoredChange): void {
    const [heldKey, valueKey] = [marked(heldMark, change.key), marked(valueMark, change.key)];
    if (change.kind === 'gone') {
      this.#database.removeSync(heldKey);
      this.#database.removeSync(valueKey);
      return;
    }
    const { revision, ttlMs, value } = change;
    const held = Buffer.alloc(heldBytes);
    held.writeBigUInt64BE(BigInt(revision), 0);
    held.writeUInt32BE(ttlMs ?? 0, 8);
    held.writeUInt32BE(value.byteLength, 12);
    this.#database.putSync(heldKey, held);
    this.#database.putSync(valueKey, Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  }

  #storedRevision(): number {
    const bytes = this.#database.getBinary(revisionKey);
    return bytes ? Number(bytes.readBigUInt64BE(0)) : 0;
  }
}

async function openDatabase(directory: string): Promise<Database> {
  try {
    const { open } = await import('lmdb');
    return open<Buffer, Buffer>({
      path: directory,
      // Else a directory with a dot in its name is taken for a file.
      noSubdir: false,
      encoding: 'binary',
      keyEncoding: 'binary',
      // Else a write resolves before it is flushed.
      overlappingSync: false,
    });
  } catch (cause) {
    throw failed(directory, cause);
  }
}

function marked(mark: number, key: string): Buffer {
  return Buffer.concat([Buffer.of(mark), Buffer.from(key, 'latin1')]);
}

function bytesOfRevision(revision: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(revision));
  return bytes;
}

function failed(directory: string, cause: unknown): RegistryError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RegistryError('DurableStoreFailed', `registry in ${directory}: ${reason}`, { directory }, { cause });
}

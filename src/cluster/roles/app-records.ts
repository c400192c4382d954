/**
 * What a cluster's registry knows of apps, so that they survive their coordinator: `apps/SHARD/HASH`, by the SHA-256 of the app's name.
 *
 *   Y2  A coordinator answers for a shard only when it knows the apps that were recorded there before its epoch.
 *   Y3  Records are written by compare-and-swap, with the writer's epoch: one that acts for a shard no more finds that its successor has
 *       written, and changes nothing; what it has written after its successor read is written over. Nobody is told of a record before it
 *       is certain that there was no successor yet, who would not have read it. One whose answer was lost may have been done: what is
 *       there then is known by its bytes. An app that was unregistered leaves a record of its revision: one that comes back must not have
 *       a revision twice.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppRecord } from '../../actors/protocol/coordinator.ts';
import { errorData, type ErrorData } from '../../actors/protocol/error.ts';
import { shardOf } from '../../actors/protocol/session-id.ts';
import type { LogLine } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import { asRegistryError, RegistryError } from '../registry/registry-error.ts';
import { type ClusterView, decodeEntry, encodeEntry, shardKey } from '../view.ts';

export interface AppRecordsOptions {
  readonly name: string;
  readonly registry: Pick<Registry, 'get' | 'list' | 'put'>;
  readonly view: Pick<ClusterView, 'shards' | 'ownerOf'>;
  /** One that was recorded before this node acted for its shard. */
  restored(record: AppRecord): void;
  /** An app's code is no longer this. */
  left(hash: string): void;
  readonly log: LogLine;
  readonly retryMs?: number;
}

/** As it is in the registry. Those of older versions have no epoch. */
type Entry = AppRecord & { readonly epoch?: number };

const retryMsDefault = 500;

export class AppRecords {
  readonly #options: AppRecordsOptions;
  /** The epoch since which the apps of a shard are known. */
  readonly #known = new Map<number, number>();
  readonly #reading = new Map<number, Promise<void>>();
  /** Of each record, what the registry has. */
  readonly #revisions = new Map<string, number>();
  /** Writes that have failed, but may have been done. */
  readonly #doubtful = new Map<string, Uint8Array>();
  /** The hash of each app's code, as it was recorded. */
  readonly #bundles = new Map<string, string>();
  #writing: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: AppRecordsOptions) {
    this.#options = options;
  }

  /** To be called whenever shards have changed hands. Resolves when the apps of all shards that are this node's are known. */
  async settle(): Promise<void> {
    const { name, view } = this.#options;
    const reading: Promise<void>[] = [];
    for (const shard of view.shards.keys()) {
      if (view.ownerOf(shard) !== name) this.#known.delete(shard);
      else reading.push(this.whenKnown(shard) ?? Promise.resolve());
    }
    await Promise.all(reading);
  }

  isKnown(shard: number): boolean {
    const epoch = this.#options.view.shards.get(shard)?.epoch;
    return epoch !== undefined && this.#known.get(shard) === epoch;
  }

  /** Resolves when the apps of the shard, which is this node's, are known; null: they are. */
  whenKnown(shard: number): Promise<void> | null {
    if (this.isKnown(shard) || this.#options.view.shards.get(shard) === undefined) return null;
    const under = this.#reading.get(shard);
    if (under) return under;
    const reading = this.#read(shard).finally(() => this.#reading.delete(shard));
    this.#reading.set(shard, reading);
    return reading;
  }

  /** Written behind what was to be written before. Resolves with why it could not be, else with null. */
  record(record: AppRecord): Promise<ErrorData | null> {
    const written = this.#writing.then(() => this.#write(record));
    this.#writing = written;
    return written;
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
  }

  async #read(shard: number): Promise<void> {
    const { registry, log, name, view, restored, retryMs = retryMsDefault } = this.#options;
    while (!this.#isClosed && view.ownerOf(shard) === name) {
      const epoch = view.shards.get(shard)?.epoch;
      try {
        const entries = await registry.list(`apps/${shard}/`);
        // Of an epoch that has ended meanwhile: what was done with them here would be in another's way.
        if (epoch === undefined || epoch !== view.shards.get(shard)?.epoch) continue;
        this.#known.set(shard, epoch);
        for (const { key, value, revision } of entries) {
          this.#revisions.set(key, revision);
          const record = decodeEntry<AppRecord>(value);
          this.#note(key, record);
          restored(record);
        }
        return;
      } catch (error) {
        log('warn', 'the apps of a shard could not be read', { shard, error: String(error) });
        await sleep(retryMs);
      }
    }
  }

  async #write(record: AppRecord): Promise<ErrorData | null> {
    const { log } = this.#options;
    const key = recordKey(record.name);
    const shard = shardOf(record.name);
    try {
      const epoch = this.#epochOf(shard);
      await this.#put(key, encodeEntry({ ...record, epoch } satisfies Entry), epoch);
      await this.#checkOwned(shard, epoch);
      this.#note(key, record);
      return null;
    } catch (error) {
      log('warn', 'an app could not be recorded: it will not survive this coordinator', { app: record.name, error: String(error) });
      const text = `app ${record.name} was changed, but that could not be recorded, and is lost with its coordinator: try again (${String(error)})`;
      return errorData('DurableStoreFailed', text, { app: record.name }, true);
    }
  }

  #epochOf(shard: number): number {
    const { name, view } = this.#options;
    if (view.ownerOf(shard) !== name) throw notOwned(shard, name);
    return view.shards.get(shard)?.epoch ?? 0;
  }

  /** Asks the registry: the view may not have heard of a successor yet. */
  async #checkOwned(shard: number, epoch: number): Promise<void> {
    const { name, registry } = this.#options;
    const held = await registry.get(shardKey(shard));
    if (held?.revision !== epoch) throw notOwned(shard, name);
  }

  async #put(key: string, value: Uint8Array, epoch: number): Promise<void> {
    const { registry } = this.#options;
    const doubtful = this.#doubtful.get(key);
    const expected = this.#revisions.get(key) ?? 0;
    try {
      this.#revisions.set(key, await registry.put(key, value, { expected, ttlMs: null }));
      this.#doubtful.delete(key);
    } catch (error) {
      if (asRegistryError(error).code !== 'RegistryConflict') {
        this.#doubtful.set(key, value);
        throw error;
      }
      const found = await registry.get(key);
      const isThis = found !== null && Buffer.compare(found.value, value) === 0;
      const isFormer = found !== null && doubtful !== undefined && Buffer.compare(found.value, doubtful) === 0;
      const isOfPredecessor = found !== null && (decodeEntry<Entry>(found.value).epoch ?? 0) < epoch;
      if (!isThis && !isFormer && !isOfPredecessor) throw error;
      this.#revisions.set(key, found.revision);
      this.#doubtful.delete(key);
      if (!isThis) await this.#put(key, value, epoch);
    }
  }

  #note(key: string, { app }: AppRecord): void {
    const before = this.#bundles.get(key);
    const hash = app?.bundle.hash;
    if (hash === undefined) this.#bundles.delete(key);
    else this.#bundles.set(key, hash);
    if (before !== undefined && before !== hash) this.#options.left(before);
  }
}

function notOwned(shard: number, name: string): RegistryError {
  return new RegistryError('RegistryConflict', `${name} acts for shard ${shard} no more`);
}

export function recordKey(app: string): string {
  return `apps/${shardOf(app)}/${createHash('sha256').update(app).digest('hex')}`;
}

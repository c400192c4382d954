/**
 * The registry of a cluster on NATS JetStream: each node talks to NATS itself, and none holds the registry.
 *
 *     NatsRegistry ─┬─ bucket    a key's last message, compare-and-swap, large values in pieces
 *                   ├─ feeds     what is watched, by consumers of the server
 *                   ├─ leases    whoever watches a leased key ends it when it is not renewed
 *                   └─ link      the connection: lost and found again, requests tried again
 *
 * A revision is the sequence number of a message of the stream. Beside the port's invariants:
 *
 *   J1  While NATS is away for less than `timeoutMs` operations wait for it; then they fail. A write is done once, however often it was sent.
 *   J2  Operations that are under way together take effect in any order; those of a caller who waits for each, in his.
 *   J3  What NATS has acknowledged survives its process. A machine that fails may take with it what its disk had not got: `replicas`.
 *   J4  The revision of a deletion is no revision that a key has; it must not be given as `expected`.
 */
import type { LogLine } from '../log.ts';
import { type RegistryPorts, systemRegistryPorts } from './embedded-registry.ts';
import { checkRevision, NatsBucket } from './nats/bucket.ts';
import { NatsFeed } from './nats/feed.ts';
import { NatsLeases } from './nats/leases.ts';
import { NatsLink } from './nats/link.ts';
import { listStored } from './nats/listing.ts';
import { goneHeaders, putHeaders, type Stored } from './nats/stored.ts';
import { filterOf } from './nats/subjects.ts';
import type { PutOptions, Registry, RegistryEntry, Watch, Watcher } from './registry.ts';
import { registryLimits } from './registry.ts';
import { asRegistryError, checkExpected, checkKey, checkPrefix, checkPut, registryClosed, RegistryError } from './registry-error.ts';
import { RemoteWatch } from './remote-watch.ts';

export interface NatsRegistryOptions {
  /** `nats://HOST:PORT[,…]`, also with credentials (`servers.ts`). */
  readonly servers: string;
  /** Of several clusters that share one NATS. */
  readonly clusterName: string;
  /** Servers of NATS that keep each entry, 1 to 5. Counts when the cluster's streams are made. */
  readonly replicas: number;
  /** Of this node, for NATS to show. */
  readonly node: string;
  readonly log: LogLine;
  readonly timeoutMs?: number;
  /** For leases. */
  readonly ports?: RegistryPorts;
}

const requestsMax = 1_024;
const requestBytesMax = 64 * 2 ** 20;
/** Of one that is replaced again and again while it is read. */
const readsMax = 8;
const deletionsMax = 64;
const empty = new Uint8Array();

export class NatsRegistry implements Registry {
  readonly #link: NatsLink;
  readonly #bucket: NatsBucket;
  readonly #leases: NatsLeases;
  /** By filter. */
  readonly #feeds = new Map<string, { readonly feed: NatsFeed; users: number }>();
  /** Filters of keys that were leased here. */
  readonly #leased = new Set<string>();
  readonly #underWay = new Set<Promise<unknown>>();
  #requests = 0;
  #bytes = 0;
  #watches = 0;
  #closing: Promise<void> | null = null;

  /** Rejects with a RegistryError within some twenty seconds if there is no NATS, no JetStream, or another's stream of that name. */
  static async open(options: NatsRegistryOptions): Promise<NatsRegistry> {
    const { servers, clusterName, replicas, node, log, timeoutMs } = options;
    const link = await NatsLink.open({ servers, name: `${clusterName}/${node}`, log, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
    try {
      const bucket = await NatsBucket.open(link, clusterName, replicas);
      return new NatsRegistry(link, bucket, options.ports ?? systemRegistryPorts);
    } catch (error) {
      await link.close();
      throw asRegistryError(error);
    }
  }

  private constructor(link: NatsLink, bucket: NatsBucket, ports: RegistryPorts) {
    this.#link = link;
    this.#bucket = bucket;
    this.#leases = new NatsLeases({ ports, end: (key, revision) => this.#track(this.#endLease(key, revision)) });
    link.listen({
      down: () => this.#leases.pause(),
      up: () => {
        for (const { feed } of this.#feeds.values()) feed.restart();
        this.#leases.resume();
      },
    });
  }

  async get(key: string): Promise<RegistryEntry | null> {
    checkKey(key);
    return this.#operate('get', 0, () => this.#get(key));
  }

  async list(prefix: string): Promise<readonly RegistryEntry[]> {
    checkPrefix(prefix);
    return this.#operate('list', 0, () => this.#list(prefix));
  }

  async put(key: string, value: Uint8Array, options: PutOptions): Promise<number> {
    checkPut(key, value.byteLength, options);
    return this.#operate('put', value.byteLength, () => this.#put(key, new Uint8Array(value), options));
  }

  async delete(key: string, expected: number | null): Promise<boolean> {
    checkKey(key);
    checkExpected(expected);
    return this.#operate('delete', 0, () => this.#delete(key, expected));
  }

  watch(prefix: string, watcher: Watcher): Watch {
    if (this.#closing) throw registryClosed('watch');
    checkPrefix(prefix);
    const { watchesMax } = registryLimits;
    if (this.#watches >= watchesMax)
      throw new RegistryError('Overloaded', `registry: ${this.#watches} watches are open already, and no more are taken (watchesMax)`);
    this.#watches++;
    const filter = filterOf(this.#bucket.name, prefix);
    const watch = new RemoteWatch(prefix, watcher);
    const feed = this.#useFeed(filter);
    void this.#track(feed.add(watch));
    return {
      stop: () => {
        if (watch.isStopped) return;
        watch.stop();
        this.#watches--;
        feed.remove(watch);
        this.#leaveFeed(filter);
      },
    };
  }

  /** Resolves when nothing that was begun here is under way: operations, watches' beginnings, ends of leases. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  /** While NATS is away, what is under way fails. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#leases.pause();
    for (const { feed } of this.#feeds.values()) feed.stop();
    this.#feeds.clear();
    this.#link.refuse();
    await this.settled();
    await this.#link.close();
  }

  async #get(key: string): Promise<RegistryEntry | null> {
    for (let read = 0; read < readsMax; read++) {
      const stored = await this.#bucket.last(key);
      if (!stored || stored.isGone) return null;
      const value = await this.#valueOf(stored);
      if (value) return { key, revision: stored.revision, value };
    }
    throw missing(key);
  }

  async #list(prefix: string): Promise<readonly RegistryEntry[]> {
    for (let read = 0; read < readsMax; read++) {
      const found = await listStored(this.#link, this.#bucket, prefix);
      const entries: RegistryEntry[] = [];
      for (const [key, stored] of found) {
        const value = await this.#valueOf(stored);
        if (value) entries.push({ key, revision: stored.revision, value });
      }
      if (entries.length === found.length) return entries;
    }
    throw missing(prefix);
  }

  /** Null: it has been replaced meanwhile. */
  async #valueOf({ pieces, data }: Stored): Promise<Uint8Array | null> {
    return pieces ? this.#bucket.getPieces(pieces) : data;
  }

  async #put(key: string, value: Uint8Array, { expected, ttlMs }: PutOptions): Promise<number> {
    if (ttlMs !== null) this.#followLeases(key);
    const isSmall = value.byteLength <= registryLimits.watchedBytesMax;
    // What is leased is small, and so is what it replaces.
    if (isSmall && ttlMs !== null)
      return (await this.#bucket.write(key, { headers: putHeaders(ttlMs, null), data: value }, expected)).revision;
    const before = await this.#bucket.last(key);
    checkRevision(key, before, expected);
    const pieces = isSmall ? null : await this.#bucket.putPieces(value);
    try {
      const message = { headers: putHeaders(ttlMs, pieces), data: pieces ? empty : value };
      const { revision, replaced } = await this.#bucket.write(key, message, expected, before);
      if (replaced?.pieces) await this.#bucket.removePieces(replaced.pieces);
      return revision;
    } catch (error) {
      // Nothing was changed, so nobody knows of them.
      if (pieces && asRegistryError(error).code === 'RegistryConflict') await this.#bucket.removePieces(pieces);
      throw error;
    }
  }

  async #delete(key: string, expected: number | null): Promise<boolean> {
    for (let attempt = 0; attempt < deletionsMax; attempt++) {
      const before = await this.#bucket.last(key);
      if (!before || before.isGone) return false;
      checkRevision(key, before, expected);
      try {
        await this.#bucket.write(key, { headers: goneHeaders(), data: empty }, before.revision);
      } catch (error) {
        // It has been changed since it was looked at.
        if (asRegistryError(error).code === 'RegistryConflict') continue;
        throw error;
      }
      if (before.pieces) await this.#bucket.removePieces(before.pieces);
      return true;
    }
    throw new RegistryError('Overloaded', `registry: ${key} was changed by others ${deletionsMax} times while it was to be deleted`, {
      key,
    });
  }

  async #endLease(key: string, revision: number): Promise<void> {
    await this.#bucket.write(key, { headers: goneHeaders(), data: empty }, revision);
  }

  /** Whoever leases keys also ends those of others beside them: also where nobody watches. */
  #followLeases(key: string): void {
    const filter = filterOf(this.#bucket.name, key);
    if (this.#leased.has(filter)) return;
    this.#leased.add(filter);
    void this.#track(this.#useFeed(filter).opened);
  }

  #useFeed(filter: string): NatsFeed {
    const known = this.#feeds.get(filter);
    if (known) {
      known.users++;
      return known.feed;
    }
    const feed = new NatsFeed({ link: this.#link, bucket: this.#bucket, leases: this.#leases }, filter);
    this.#feeds.set(filter, { feed, users: 1 });
    return feed;
  }

  #leaveFeed(filter: string): void {
    const used = this.#feeds.get(filter);
    if (!used || --used.users > 0) return;
    this.#feeds.delete(filter);
    used.feed.stop();
  }

  async #operate<T>(operation: string, sizeBytes: number, work: () => Promise<T>): Promise<T> {
    if (this.#closing) throw registryClosed(operation);
    if (this.#requests >= requestsMax || this.#bytes + sizeBytes > requestBytesMax) {
      const text = `registry: ${this.#requests} requests with ${this.#bytes} bytes are unanswered, at most ${requestsMax} and ${requestBytesMax}`;
      throw new RegistryError('Overloaded', text, { requestsMax, requestBytesMax });
    }
    this.#requests++;
    this.#bytes += sizeBytes;
    try {
      return await this.#track(work());
    } catch (error) {
      throw asRegistryError(error);
    } finally {
      this.#requests--;
      this.#bytes -= sizeBytes;
    }
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    const done = () => this.#underWay.delete(work);
    work.then(done, done);
    return work;
  }
}

function missing(key: string): RegistryError {
  return new RegistryError(
    'DurableStoreFailed',
    `registry: the value of ${key} was replaced or removed ${readsMax} times while it was read`,
    { key },
  );
}

/**
 * What is under a filter of subjects, kept up to date, for all who watch there: one consumer of the server for all of them.
 *
 *     opening ── all has been told ──► current ── lost, the registry was away ──► opening …
 *
 *   F1  A watcher that is added is told nothing older than what had been answered to anybody when he was added.
 *   F2  After a loss everything is listed anew, and each watcher hears what differs from what he knows (`RemoteWatch`).
 */
import type { RegistryChange } from '../registry.ts';
import { registryLimits } from '../registry.ts';
import type { RemoteWatch } from '../remote-watch.ts';
import type { NatsBucket } from './bucket.ts';
import { NatsConsumer, type StreamMessage } from './consumer.ts';
import type { NatsLeases } from './leases.ts';
import type { NatsLink } from './link.ts';
import { storedOf } from './stored.ts';
import { keyOf } from './subjects.ts';

export interface FeedPorts {
  readonly link: NatsLink;
  readonly bucket: NatsBucket;
  readonly leases: NatsLeases;
}

type Kept = Exclude<RegistryChange, { kind: 'gone' }>;

/** After an attempt to open it that has failed. */
const reopenMs = 500;
/** What was written before a watcher came is waited for so long: a message comes within a round trip, or has been replaced. */
const catchUpMs = 2_000;

export class NatsFeed {
  readonly #ports: FeedPorts;
  readonly #filter: string;
  readonly #watches = new Set<RemoteWatch>();
  readonly #waiting = new Set<{ readonly revision: number; wake(): void }>();
  #kept = new Map<string, Kept>();
  #revision = 0;
  #consumer: NatsConsumer | null = null;
  #opening: Promise<void> = Promise.resolve();
  #isCurrent = false;
  #isStopped = false;

  constructor(ports: FeedPorts, filter: string) {
    this.#ports = ports;
    this.#filter = filter;
    this.restart();
  }

  /** Resolves when it has been opened, or an attempt has failed. */
  get opened(): Promise<void> {
    return this.#opening;
  }

  /** Resolves when he has been told what there is, or will be with the others. */
  async add(watch: RemoteWatch): Promise<void> {
    const { bucket, link } = this.#ports;
    // While the registry cannot be asked nothing is told to anybody; when it is back all is told anew.
    const revision = await bucket.lastRevision(this.#filter).catch(() => 0);
    await this.#opening;
    if (link.isUp) await this.#caughtUp(revision);
    if (this.#isStopped || watch.isStopped) return;
    this.#watches.add(watch);
    watch.take({ kind: 'began' });
    for (const kept of [...this.#kept.values()].sort((a, b) => revisionOf(a) - revisionOf(b))) tell(watch, keyOfKept(kept), kept);
    if (this.#isCurrent) watch.take({ kind: 'current' });
  }

  remove(watch: RemoteWatch): void {
    this.#watches.delete(watch);
  }

  /** Everything is listed anew. */
  restart(): void {
    this.#consumer?.stop();
    if (this.#isStopped) return;
    this.#isCurrent = false;
    this.#kept = new Map();
    for (const watch of this.#watches) watch.take({ kind: 'began' });
    const consumer = new NatsConsumer(this.#ports.link, this.#ports.bucket.stream, {
      message: (message) => this.#take(message),
      current: () => this.#becomeCurrent(),
      lost: () => this.restart(),
    });
    this.#consumer = consumer;
    this.#opening = consumer.start(this.#filter).catch(() => {
      consumer.stop();
      setTimeout(() => void (this.#consumer === consumer && this.#ports.link.isUp && this.restart()), reopenMs).unref();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#consumer?.stop();
    this.#watches.clear();
    for (const { wake } of this.#waiting) wake();
  }

  #take({ subject, sequence, headers, data }: StreamMessage): void {
    const key = keyOf(this.#ports.bucket.name, subject);
    const { isGone, ttlMs, sizeBytes, pieces } = storedOf(sequence, headers, data);
    const { leases } = this.#ports;
    this.#revision = sequence;
    if (isGone) {
      leases.gone(key, sequence);
      this.#kept.delete(key);
      this.#tellAll(key, { kind: 'gone', key, revision: sequence });
    } else {
      leases.put(key, sequence, ttlMs);
      const isLarge = pieces !== null || sizeBytes > registryLimits.watchedBytesMax;
      const kept: Kept = isLarge
        ? { kind: 'large', key, revision: sequence, sizeBytes }
        : { kind: 'put', entry: { key, revision: sequence, value: new Uint8Array(data) } };
      this.#kept.set(key, kept);
      this.#tellAll(key, kept);
    }
    for (const { revision, wake } of this.#waiting) if (revision <= sequence) wake();
  }

  #becomeCurrent(): void {
    this.#isCurrent = true;
    for (const watch of this.#watches) watch.take({ kind: 'current' });
  }

  #tellAll(key: string, change: RegistryChange): void {
    for (const watch of this.#watches) tell(watch, key, change);
  }

  async #caughtUp(revision: number): Promise<void> {
    if (revision <= this.#revision || this.#isStopped) return;
    await new Promise<void>((resolve) => {
      const waiting = { revision, wake: () => wake() };
      const timer = setTimeout(() => wake(), catchUpMs);
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
        resolve();
      };
      this.#waiting.add(waiting);
    });
  }
}

function tell(watch: RemoteWatch, key: string, change: RegistryChange): void {
  if (key.startsWith(watch.prefix)) watch.take(change);
}

function keyOfKept(kept: Kept): string {
  return kept.kind === 'put' ? kept.entry.key : kept.key;
}

function revisionOf(kept: Kept): number {
  return kept.kind === 'put' ? kept.entry.revision : kept.revision;
}

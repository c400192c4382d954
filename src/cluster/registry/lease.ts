/**
 * A key that is held for as long as this process says so in time: a member's name, a shard.
 *
 *     put, expected 0 ─► held ──every ttlMs / 3: put, expected its last revision──► held …
 *                          │
 *                          ├─ nine tenths of ttlMs since the last put that succeeded was sent ─► lost
 *                          ├─ refused: the key is somebody else's, or gone ────────────────────► lost
 *                          └─ release ─► deleted
 *
 *   Y1  Of all holders of a key only one at a time has `isHeld`: it is false, and `lost` has been called, before the registry lets another
 *       have the key. By clocks that run alike to a tenth; beyond that there is `epoch`, which receivers compare.
 *   Y2  `lost` is called at most once, not after `release` was called, and nothing is renewed afterwards.
 *   Y3  A renewal whose answer was lost is found again by its value. So no two holders may put the same bytes: name an incarnation in it.
 */
import type { Timers } from '../../storage/timers.ts';
import { systemTimers } from '../../storage/timers.ts';
import type { Registry } from './registry.ts';
import { asRegistryError, RegistryError } from './registry-error.ts';

export interface LeaseOptions {
  /** Whoever acts by the lease stops now. */
  lost(error: RegistryError): void;
  /** The revision of the holder's own former key, to take it over; default 0: there must be none. */
  readonly formerRevision?: number;
  /** Monotonic; must go on while the process waits. Default: `performance.now`. */
  nowMs?(): number;
  readonly timers?: Timers;
}

export interface Lease {
  readonly key: string;
  /** The revision at which it was taken: greater than that of any holder before. Renewals do not change it. */
  readonly epoch: number;
  /** By the clock: also true to life when timers are late. To be asked before each act that only the holder may do. */
  readonly isHeld: boolean;
  /** How long a renewal has been due that is not done yet; null: it is not late. */
  readonly overdueMs: number | null;
  /** The key is anybody's; `isHeld` is false at once. If the registry cannot be told it rejects, and the key goes with its ttl. */
  release(): Promise<void>;
}

/** Of ttlMs: clocks differ, and timers are late. */
const marginShare = 1 / 10;
const renewalShare = 1 / 3;
/** Later than that is late, of ttlMs. */
const overdueShare = 1 / 10;
/** After a renewal that has failed, of ttlMs. */
const retryShare = 1 / 10;

/**
 * Takes the key, and keeps it. Rejects with `RegistryConflict` if somebody has it. If it rejects with anything else, the key may be taken
 * all the same: until its ttl has passed, or for who gives its revision as `formerRevision`.
 */
export async function holdLease(registry: Registry, key: string, value: Uint8Array, ttlMs: number, options: LeaseOptions): Promise<Lease> {
  const nowMs = () => (options.nowMs ? options.nowMs() : performance.now());
  const own = new Uint8Array(value);
  const sentMs = nowMs();
  const revision = await registry.put(key, own, { expected: options.formerRevision ?? 0, ttlMs });
  const held = new HeldLease(
    { registry, key, value: own, ttlMs, nowMs, timers: options.timers ?? systemTimers, lost: (error) => options.lost(error) },
    revision,
    sentMs,
  );
  if (held.isHeld) return held;
  await held.release().catch(() => undefined);
  throw new RegistryError('CallTimedOut', `lease: ${key} was taken, but the answer took longer than it lasts (${ttlMs} ms)`, {
    key,
    ttlMs,
  });
}

interface LeaseParts {
  readonly registry: Registry;
  readonly key: string;
  readonly value: Uint8Array;
  readonly ttlMs: number;
  readonly timers: Timers;
  nowMs(): number;
  lost(error: RegistryError): void;
}

class HeldLease implements Lease {
  readonly epoch: number;
  readonly #parts: LeaseParts;
  #state: 'held' | 'lost' | 'released' = 'held';
  #revision: number;
  /** When the last put that succeeded was sent, or earlier. */
  #sinceMs: number;
  /** When the first renewal was sent of those since then that may have been done without our knowing. */
  #openSinceMs: number | null = null;
  #failure: RegistryError | null = null;
  #renewing: Promise<void> | null = null;
  #renewTimer: unknown = null;
  #endTimer: unknown = null;

  constructor(parts: LeaseParts, revision: number, sentMs: number) {
    this.#parts = parts;
    this.epoch = revision;
    this.#revision = revision;
    this.#sinceMs = sentMs;
    this.#startRenewTimer(this.#renewalDueMs());
    this.#startEndTimer();
  }

  get key(): string {
    return this.#parts.key;
  }

  get isHeld(): boolean {
    return this.#state === 'held' && this.#parts.nowMs() < this.#endMs;
  }

  get overdueMs(): number | null {
    const { ttlMs, nowMs } = this.#parts;
    const lateMs = nowMs() - this.#sinceMs - ttlMs * renewalShare;
    return lateMs > ttlMs * overdueShare ? Math.round(lateMs) : null;
  }

  async release(): Promise<void> {
    if (this.#state !== 'held') return;
    this.#state = 'released';
    this.#stopTimers();
    await this.#renewing;
    const { registry, key } = this.#parts;
    try {
      await registry.delete(key, this.#revision);
    } catch (error) {
      if (asRegistryError(error).code !== 'RegistryConflict') throw error;
      const revision = this.#openSinceMs === null ? null : await this.#findOwn();
      if (revision !== null) await registry.delete(key, revision);
    }
  }

  get #endMs(): number {
    return this.#sinceMs + this.#parts.ttlMs * (1 - marginShare);
  }

  #renewalDueMs(): number {
    return Math.max(0, this.#sinceMs + this.#parts.ttlMs * renewalShare - this.#parts.nowMs());
  }

  #startRenewTimer(afterMs: number): void {
    if (this.#state !== 'held') return;
    this.#renewTimer = this.#parts.timers.setTimeout(() => {
      this.#renewing = this.#renew().finally(() => (this.#renewing = null));
    }, afterMs);
  }

  /** It is moved only when it is reached. */
  #startEndTimer(): void {
    const { timers, nowMs } = this.#parts;
    this.#endTimer = timers.setTimeout(() => this.#endReached(), Math.max(0, Math.ceil(this.#endMs - nowMs())));
  }

  #endReached(): void {
    if (this.#parts.nowMs() < this.#endMs) return this.#startEndTimer();
    const { key, ttlMs } = this.#parts;
    const why = this.#failure ? `: ${this.#failure.message}` : '';
    this.#lose(new RegistryError('CallTimedOut', `lease: ${key} could not be renewed within ${ttlMs} ms${why}`, { key, ttlMs }));
  }

  async #renew(): Promise<void> {
    const { registry, key, value, ttlMs, nowMs } = this.#parts;
    const sentMs = nowMs();
    try {
      this.#renewed(await registry.put(key, value, { expected: this.#revision, ttlMs }), sentMs);
    } catch (error) {
      await this.#refused(asRegistryError(error), sentMs);
    }
  }

  #renewed(revision: number, sinceMs: number): void {
    this.#revision = revision;
    this.#openSinceMs = null;
    this.#failure = null;
    // A later answer to an earlier renewal takes nothing back.
    this.#sinceMs = Math.max(this.#sinceMs, sinceMs);
    this.#startRenewTimer(this.#renewalDueMs());
  }

  /** Never rejects. */
  async #refused(error: RegistryError, sentMs: number): Promise<void> {
    this.#failure = error;
    if (error.code !== 'RegistryConflict') {
      this.#openSinceMs ??= sentMs;
      return this.#retryLater();
    }
    const openSinceMs = this.#openSinceMs;
    if (openSinceMs === null) return this.#lose(error);
    try {
      const revision = await this.#findOwn();
      if (revision === null) this.#lose(error);
      else this.#renewed(revision, openSinceMs);
    } catch (failure) {
      this.#failure = asRegistryError(failure);
      this.#retryLater();
    }
  }

  #retryLater(): void {
    this.#startRenewTimer(this.#parts.ttlMs * retryShare);
  }

  /** The revision of what is under the key if it is ours; else null. */
  async #findOwn(): Promise<number | null> {
    const { registry, key, value } = this.#parts;
    const entry = await registry.get(key);
    return entry && entry.revision > this.#revision && Buffer.compare(entry.value, value) === 0 ? entry.revision : null;
  }

  #lose(error: RegistryError): void {
    if (this.#state !== 'held') return;
    this.#state = 'lost';
    this.#stopTimers();
    this.#parts.lost(error);
  }

  #stopTimers(): void {
    const { timers } = this.#parts;
    if (this.#renewTimer !== null) timers.clearTimeout(this.#renewTimer);
    if (this.#endTimer !== null) timers.clearTimeout(this.#endTimer);
  }
}

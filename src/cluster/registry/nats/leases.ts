/**
 * Ends the leases that are renewed no more: NATS 2.9 ends none by itself. Every node that watches a key does this, and the first one succeeds.
 *
 *   W1  A lease ends when its revision has been seen for `ttlMs`, by the clock of who sees it: clocks of others do not matter.
 *   W2  It ends by compare-and-swap with that revision: a renewal that this node has not seen yet prevents it.
 *   W3  While the registry is away no lease ends; when it is back all begin anew, as their holders must find it, too.
 */
import { asRegistryError } from '../registry-error.ts';
import type { RegistryPorts } from '../embedded-registry.ts';

interface Seen {
  readonly revision: number;
  readonly ttlMs: number;
  endsMs: number;
  isEnding: boolean;
}

export interface NatsLeasesOptions {
  readonly ports: RegistryPorts;
  /** Deletes the key if it has this revision. Rejects with a RegistryError. */
  end(key: string, revision: number): Promise<unknown>;
}

/** After an attempt that has failed. */
const retryMs = 1_000;

export class NatsLeases {
  readonly #options: NatsLeasesOptions;
  readonly #seen = new Map<string, Seen>();
  #timer: { readonly timer: unknown; readonly dueMs: number } | null = null;
  #isPaused = false;

  constructor(options: NatsLeasesOptions) {
    this.#options = options;
  }

  /** A key has been put. `ttlMs` null: it is not leased. */
  put(key: string, revision: number, ttlMs: number | null): void {
    const before = this.#seen.get(key);
    if (before && before.revision >= revision) return;
    if (ttlMs === null) this.#seen.delete(key);
    else this.#seen.set(key, { revision, ttlMs, endsMs: this.#nowMs + ttlMs, isEnding: false });
    this.#startTimer();
  }

  gone(key: string, revision: number): void {
    const before = this.#seen.get(key);
    if (before && before.revision < revision) this.#seen.delete(key);
  }

  pause(): void {
    this.#isPaused = true;
    this.#stopTimer();
  }

  resume(): void {
    this.#isPaused = false;
    for (const seen of this.#seen.values()) seen.endsMs = this.#nowMs + seen.ttlMs;
    this.#startTimer();
  }

  get #nowMs(): number {
    return this.#options.ports.nowMs();
  }

  #startTimer(): void {
    if (this.#isPaused) return;
    let dueMs = Number.POSITIVE_INFINITY;
    for (const { endsMs, isEnding } of this.#seen.values()) if (!isEnding) dueMs = Math.min(dueMs, endsMs);
    // One that runs too early is put right when it is reached: renewals need not move it.
    if (this.#timer && this.#timer.dueMs <= dueMs) return;
    this.#stopTimer();
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const { timers } = this.#options.ports;
    this.#timer = { timer: timers.setTimeout(() => this.#reached(), Math.max(0, Math.ceil(dueMs - this.#nowMs))), dueMs };
  }

  #stopTimer(): void {
    if (this.#timer) this.#options.ports.timers.clearTimeout(this.#timer.timer);
    this.#timer = null;
  }

  #reached(): void {
    this.#timer = null;
    const nowMs = this.#nowMs;
    const ended = [...this.#seen].filter(([, { endsMs, isEnding }]) => !isEnding && endsMs <= nowMs);
    ended.sort(([, a], [, b]) => a.endsMs - b.endsMs || a.revision - b.revision);
    for (const [key, seen] of ended) void this.#end(key, seen);
    this.#startTimer();
  }

  async #end(key: string, seen: Seen): Promise<void> {
    seen.isEnding = true;
    try {
      await this.#options.end(key, seen.revision);
    } catch (error) {
      const { code } = asRegistryError(error);
      if (code !== 'RegistryConflict' && code !== 'RuntimeClosed') return this.#again(seen);
    }
    if (this.#seen.get(key) === seen) this.#seen.delete(key);
  }

  #again(seen: Seen): void {
    seen.isEnding = false;
    seen.endsMs = this.#nowMs + retryMs;
    this.#startTimer();
  }
}

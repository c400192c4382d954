/**
 * What a registry knows of its keys, but for their values: revisions, sizes, leases. Beneath the embedded registry; no I/O, no clock.
 *
 * Changes are made at once, and are good only when the storage has them: then `commit`; else `rollback`.
 *
 *   T1  After `rollback` everything is as it was at the last `commit`, but for the clock.
 *   T2  A lease runs from the `commit` of its put.
 */
import { conflict, RegistryError } from './registry-error.ts';
import { registryLimits } from './registry.ts';

export interface Held {
  readonly key: string;
  readonly revision: number;
  readonly ttlMs: number | null;
  readonly sizeBytes: number;
}

interface Lease {
  readonly held: Held;
  endsMs: number;
}

export class RegistryState {
  #revision: number;
  /** By the key up to its first slash, as most that is asked for is of one kind; then by key. */
  readonly #kinds = new Map<string, Map<string, Held>>();
  #size = 0;
  readonly #leases = new Map<string, Lease>();
  /** Since the last commit: what was there before. */
  #before: { readonly key: string; readonly held: Held | null }[] = [];
  #committedRevision: number;

  /** What was stored. All its leases begin anew. */
  constructor(revision: number, entries: Iterable<Held>, nowMs: number) {
    this.#revision = revision;
    this.#committedRevision = revision;
    for (const held of entries) this.#set(held);
    this.#startLeases(this.#leases.keys(), nowMs);
  }

  /** Of the last change. */
  get revision(): number {
    return this.#revision;
  }

  get size(): number {
    return this.#size;
  }

  find(key: string): Held | null {
    return this.#kinds.get(kindOf(key))?.get(key) ?? null;
  }

  within(prefix: string): Held[] {
    const kinds = prefix.includes('/') ? [this.#kinds.get(kindOf(prefix))] : [...this.#kinds.values()];
    return kinds.flatMap((kind) => [...(kind?.values() ?? [])].filter(({ key }) => key.startsWith(prefix)));
  }

  /** Throws `RegistryConflict`, `Overloaded`; then nothing has changed. */
  put(key: string, sizeBytes: number, expected: number | null, ttlMs: number | null): Held {
    const before = this.#expect(key, expected);
    if (!before && this.#size >= registryLimits.entriesMax) {
      const text = `registry: it has ${this.#size} keys already, and takes no others (entriesMax)`;
      throw new RegistryError('Overloaded', text, { key, entriesMax: registryLimits.entriesMax });
    }
    const held = { key, revision: ++this.#revision, ttlMs, sizeBytes };
    this.#before.push({ key, held: before });
    this.#set(held);
    return held;
  }

  /** The deletion's revision; null if there is nothing to delete. Throws `RegistryConflict`. */
  delete(key: string, expected: number | null): number | null {
    if (!this.find(key)) return null;
    this.#before.push({ key, held: this.#expect(key, expected) });
    this.#remove(key);
    return ++this.#revision;
  }

  commit(nowMs: number): void {
    this.#startLeases(
      this.#before.map(({ key }) => key),
      nowMs,
    );
    this.#before = [];
    this.#committedRevision = this.#revision;
  }

  /** Leases that it restores begin anew: that they end too late does no harm. */
  rollback(nowMs: number): void {
    const undone = this.#before;
    for (const { key, held } of undone.toReversed()) {
      if (held) this.#set(held);
      else this.#remove(key);
    }
    this.#startLeases(
      undone.map(({ key }) => key),
      nowMs,
    );
    this.#before = [];
    this.#revision = this.#committedRevision;
  }

  /** The keys whose leases have ended, in the order in which they did. */
  ended(nowMs: number): string[] {
    const ended = [...this.#leases.values()].filter(({ endsMs }) => endsMs <= nowMs);
    return ended.sort((a, b) => a.endsMs - b.endsMs || a.held.revision - b.held.revision).map(({ held }) => held.key);
  }

  /** When the next lease ends; null: there is none. */
  nextEndMs(): number | null {
    let next = Number.POSITIVE_INFINITY;
    for (const { endsMs } of this.#leases.values()) next = Math.min(next, endsMs);
    return next === Number.POSITIVE_INFINITY ? null : next;
  }

  /** No lease ends before then. */
  putOff(untilMs: number): void {
    for (const lease of this.#leases.values()) lease.endsMs = Math.max(lease.endsMs, untilMs);
  }

  #expect(key: string, expected: number | null): Held | null {
    const found = this.find(key);
    const actual = found?.revision ?? 0;
    if (expected !== null && expected !== actual) throw conflict(key, expected, actual);
    return found;
  }

  #set(held: Held): void {
    const kind = kindOf(held.key);
    let ofKind = this.#kinds.get(kind);
    if (!ofKind) {
      ofKind = new Map();
      this.#kinds.set(kind, ofKind);
    }
    if (!ofKind.has(held.key)) this.#size++;
    ofKind.set(held.key, held);
    if (held.ttlMs === null) this.#leases.delete(held.key);
    else this.#leases.set(held.key, { held, endsMs: Number.POSITIVE_INFINITY });
  }

  #remove(key: string): void {
    const kind = kindOf(key);
    const ofKind = this.#kinds.get(kind);
    if (!ofKind?.delete(key)) return;
    this.#size--;
    this.#leases.delete(key);
    if (ofKind.size === 0) this.#kinds.delete(kind);
  }

  #startLeases(keys: Iterable<string>, nowMs: number): void {
    for (const key of keys) {
      const lease = this.#leases.get(key);
      if (lease) lease.endsMs = nowMs + (lease.held.ttlMs ?? 0);
    }
  }
}

function kindOf(key: string): string {
  return key.slice(0, key.indexOf('/') + 1);
}

/** Those who watch an embedded registry, by prefix: there are many watchers, and few prefixes. */
import type { RegistryChange, RegistryEntry, Watcher } from './registry.ts';
import { registryLimits } from './registry.ts';
import type { Held } from './registry-state.ts';
import type { StoredChange } from './registry-storage.ts';

export class Watchers {
  readonly #byPrefix = new Map<string, Set<Watcher>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(prefix: string, watcher: Watcher): void {
    let same = this.#byPrefix.get(prefix);
    if (!same) {
      same = new Set();
      this.#byPrefix.set(prefix, same);
    }
    same.add(watcher);
    this.#size++;
  }

  remove(prefix: string, watcher: Watcher): void {
    const same = this.#byPrefix.get(prefix);
    if (!same?.delete(watcher)) return;
    this.#size--;
    if (same.size === 0) this.#byPrefix.delete(prefix);
  }

  clear(): void {
    this.#byPrefix.clear();
    this.#size = 0;
  }

  tell(change: StoredChange): void {
    for (const [prefix, same] of this.#byPrefix) {
      // Each gets bytes of his own. One that is stopped by another is not told; one that is added was told already.
      if (change.key.startsWith(prefix)) for (const watcher of [...same]) if (same.has(watcher)) watcher.changed(toldOf(change));
    }
  }
}

/** `value` null: it cannot be read now; `get` says why. */
export function toldOfEntry({ key, revision, sizeBytes }: Held, value: () => Uint8Array | null): RegistryChange {
  const bytes = sizeBytes <= registryLimits.watchedBytesMax ? value() : null;
  return bytes ? { kind: 'put', entry: { key, revision, value: bytes } } : { kind: 'large', key, revision, sizeBytes };
}

function toldOf(change: StoredChange): RegistryChange {
  const { kind, key, revision } = change;
  if (kind === 'gone') return { kind, key, revision };
  const { ttlMs, value } = change;
  return toldOfEntry({ key, revision, ttlMs, sizeBytes: value.byteLength }, () => new Uint8Array(value));
}

export function byKey(a: RegistryEntry, b: RegistryEntry): number {
  return a.key < b.key ? -1 : 1;
}

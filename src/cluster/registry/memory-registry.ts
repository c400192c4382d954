/** A registry that forgets everything with its process: for simulations and tests. */
import { EmbeddedRegistry, type RegistryPorts, systemRegistryPorts } from './embedded-registry.ts';
import { RegistryState } from './registry-state.ts';
import type { RegistryStorage, StoredChange } from './registry-storage.ts';

export class MemoryRegistry extends EmbeddedRegistry {
  constructor(ports: RegistryPorts = systemRegistryPorts) {
    super(new RegistryState(0, [], ports.nowMs()), new MemoryRegistryStorage(), ports);
  }
}

class MemoryRegistryStorage implements RegistryStorage {
  readonly #values = new Map<string, Uint8Array>();

  read(key: string): Uint8Array | null {
    const value = this.#values.get(key);
    return value ? new Uint8Array(value) : null;
  }

  async commit(changes: readonly StoredChange[]): Promise<void> {
    for (const change of changes) {
      if (change.kind === 'put') this.#values.set(change.key, change.value);
      else this.#values.delete(change.key);
    }
  }

  async close(): Promise<void> {
    this.#values.clear();
  }
}

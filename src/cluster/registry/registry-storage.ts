/** The port beneath the embedded registry: where values are, and everything else should the process end. */

export type StoredChange =
  | { readonly kind: 'put'; readonly key: string; readonly revision: number; readonly ttlMs: number | null; readonly value: Uint8Array }
  | { readonly kind: 'gone'; readonly key: string; readonly revision: number };

export interface RegistryStorage {
  /** Bytes of the caller's own; null if there are none. Not called during a `commit`. */
  read(key: string): Uint8Array | null;
  /** All of it, and that the last revision is now that of the last change, or nothing. Not called again before it has settled. */
  commit(changes: readonly StoredChange[]): Promise<void>;
  close(): Promise<void>;
}

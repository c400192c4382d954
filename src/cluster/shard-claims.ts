/**
 * Which shards a coordinator acts for. Those it is preferred for by rendezvous hashing over the members, as soon as nobody else has them;
 * it keeps what it has while apps are in it, and gives the rest to whom it would fall to now.
 *
 *   P1  A shard is acted for only while the registry names this node as its owner, since the revision of that entry: the epoch.
 *   P2  All changes are made by compare-and-swap: of several that want a shard, one gets it.
 */
import { shardsCount } from '../actors/protocol/session-id.ts';
import type { Registry } from './registry/registry.ts';
import { type ClusterView, encodeEntry, shardKey } from './view.ts';

export interface ShardClaimsOptions {
  readonly name: string;
  readonly registry: Registry;
  readonly view: ClusterView;
  /** Apps of the shard are registered here, as far as is known: while what is recorded of it is being read, there may be some. */
  inUse(shard: number): boolean;
  failed(error: unknown): void;
}

export class ShardClaims {
  readonly #options: ShardClaimsOptions;
  readonly #yielding = new Set<number>();
  #running: Promise<void> | null = null;
  #again = false;

  constructor(options: ShardClaimsOptions) {
    this.#options = options;
  }

  /** To be called whenever the view has changed. Resolves when this node has what it should. */
  settle(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#run().finally(() => (this.#running = null));
    return this.#running;
  }

  /** It is this node's, and is being given to another: an app that came now would be left behind. */
  isYielding(shard: number): boolean {
    return this.#yielding.has(shard);
  }

  async #run(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      await Promise.all(Array.from({ length: shardsCount }, (_, shard) => this.#settleOne(shard)));
    }
  }

  async #settleOne(shard: number): Promise<void> {
    const { name, registry, view, inUse, failed } = this.#options;
    const preferred = preferredFor(
      shard,
      view.coordinators().map((member) => member.name),
    );
    const current = view.shards.get(shard);
    const owner = view.ownerOf(shard);
    const wants = preferred === name && owner === null;
    const yields = owner === name && preferred !== null && preferred !== name && !inUse(shard);
    if (!wants && !yields) return;
    if (yields) this.#yielding.add(shard);
    try {
      await registry.put(shardKey(shard), encodeEntry({ owner: preferred }), { expected: current?.epoch ?? 0, ttlMs: null });
    } catch (error) {
      // Whoever was faster is heard of by the view.
      if ((error as { code?: string }).code !== 'RegistryConflict') failed(error);
    } finally {
      this.#yielding.delete(shard);
    }
  }
}

/** Rendezvous hashing: the name with the greatest hash beside the shard's. Who comes or goes moves only what is his. */
export function preferredFor(shard: number, names: readonly string[]): string | null {
  let best: string | null = null;
  let greatest = -1;
  for (const name of names) {
    const hash = hashOf(`${shard} ${name}`);
    if (hash > greatest || (hash === greatest && best !== null && name < best)) {
      best = name;
      greatest = hash;
    }
  }
  return best;
}

/** FNV-1a, then mixed: its low bits alone follow the last characters too closely. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * The cluster as a node sees it: who belongs to it, and which coordinator has which shard. Kept up to date by the registry.
 *
 *     members/NAME   a lease of that node: { role, address, incarnation, startedMs }
 *     shards/N       { owner }: the coordinator that acts for the shard; the entry's revision is the shard's epoch
 *     apps/NAME      what is registered, and its bundle's hash     bundles/HASH   code
 */
import { Decoder, Encoder } from 'cbor-x';
import { shardOf, shardsCount } from '../actors/protocol/session-id.ts';
import type { Registry, RegistryChange, Watch } from './registry/registry.ts';

export interface Member {
  readonly name: string;
  readonly role: 'coordinator' | 'worker';
  /** What others dial. */
  readonly address: string;
  readonly incarnation: number;
  readonly startedMs: number;
}

export interface Shard {
  readonly owner: string;
  readonly epoch: number;
}

export interface ViewListener {
  joined(member: Member): void;
  /** It has left, its lease has ended, or another one of its name has come. */
  left(member: Member): void;
  /** Shards have changed hands. */
  sharded(): void;
}

const membersPrefix = 'members/';
const shardsPrefix = 'shards/';
const codec = { encoder: new Encoder({ useRecords: false }), decoder: new Decoder({ useRecords: false }) };

export function memberKey(name: string): string {
  return `${membersPrefix}${name}`;
}

export function shardKey(shard: number): string {
  return `${shardsPrefix}${shard}`;
}

export function encodeEntry(value: unknown): Uint8Array {
  return new Uint8Array(codec.encoder.encode(value));
}

export function decodeEntry<T>(bytes: Uint8Array): T {
  return codec.decoder.decode(bytes) as T;
}

export class ClusterView {
  readonly members = new Map<string, Member>();
  readonly shards = new Map<number, Shard>();
  /** Resolves when it is known what there was. */
  readonly ready: Promise<unknown>;
  readonly #listener: ViewListener;
  readonly #watches: readonly Watch[];

  constructor(registry: Registry, listener: ViewListener) {
    this.#listener = listener;
    const watches: Watch[] = [];
    const watch = (prefix: string, changed: (change: RegistryChange) => void) =>
      new Promise<void>((current) => watches.push(registry.watch(prefix, { changed, current })));
    this.ready = Promise.all([
      watch(membersPrefix, (change) => this.#takeMember(change)),
      watch(shardsPrefix, (change) => this.#takeShard(change)),
    ]);
    this.#watches = watches;
  }

  coordinators(): readonly Member[] {
    return [...this.members.values()].filter(({ role }) => role === 'coordinator');
  }

  workers(): readonly Member[] {
    return [...this.members.values()].filter(({ role }) => role === 'worker');
  }

  /** The coordinator that acts for the shard; null: none now. */
  ownerOf(shard: number): string | null {
    const owner = this.shards.get(shard)?.owner;
    return owner !== undefined && this.members.has(owner) ? owner : null;
  }

  ownerOfApp(app: string): string | null {
    return this.ownerOf(shardOf(app));
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop();
  }

  #takeMember(change: RegistryChange): void {
    if (change.kind === 'large') return;
    const name = (change.kind === 'put' ? change.entry.key : change.key).slice(membersPrefix.length);
    const before = this.members.get(name);
    const now = change.kind === 'put' ? { name, ...decodeEntry<Omit<Member, 'name'>>(change.entry.value) } : null;
    if (before && before.incarnation === now?.incarnation) return;
    this.members.delete(name);
    if (before) this.#listener.left(before);
    if (!now) return;
    this.members.set(name, now);
    this.#listener.joined(now);
  }

  #takeShard(change: RegistryChange): void {
    if (change.kind === 'large') return;
    const shard = Number((change.kind === 'put' ? change.entry.key : change.key).slice(shardsPrefix.length));
    if (!(shard >= 0 && shard < shardsCount)) return;
    if (change.kind === 'put') {
      const { owner } = decodeEntry<{ owner: string }>(change.entry.value);
      this.shards.set(shard, { owner, epoch: change.entry.revision });
    } else this.shards.delete(shard);
    this.#listener.sharded();
  }
}

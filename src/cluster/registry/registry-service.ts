/**
 * A registry as a neighbour of the actors, under the address `registry`: for all nodes that have none of their own.
 *
 *   N1  What one owner sends takes effect in the order in which it came.
 *   N2  A watch lives until it is taken back, or its owner's node is buried. Whoever was buried too early asks again (`registryWatch`), and
 *       is told everything anew.
 *   N3  Nothing of a message is kept but copies.
 *   N4  An answer that cannot be sent is told (`unsent`), and concerns nobody else.
 */
import type { Address } from '../../actors/actor.ts';
import type { Message } from '../../actors/protocol/message.ts';
import type { RegistryEntry, RegistryRequest } from '../../actors/protocol/registry.ts';
import { answersOf } from './pieces.ts';
import type { Registry, Watch } from './registry.ts';
import { registryLimits } from './registry.ts';
import { asRegistryError, RegistryError } from './registry-error.ts';

export interface RegistryServiceOptions {
  readonly registry: Registry;
  send(to: Address, message: Message): void;
  unsent(to: Address, error: unknown): void;
}

type Request<K extends RegistryRequest['kind']> = Extract<RegistryRequest, { kind: K }>;

/** The put whose pieces an owner is sending. */
interface Coming {
  readonly request: number;
  /** Empty once they are too many. */
  pieces: Uint8Array[];
  sizeBytes: number;
  refusal: RegistryError | null;
}

/** A process has about three. Those beyond are not opened. */
export const watchesPerOwnerMax = 64;
/** Of puts that have not come as a whole, from all owners: a piece is followed by the next at once, so there are few at a time. */
const comingBytesMax = 128 * 2 ** 20;

export class RegistryService {
  readonly #registry: Registry;
  readonly #options: RegistryServiceOptions;
  readonly #watches = new Map<Address, Map<number, Watch>>();
  readonly #coming = new Map<Address, Coming>();
  #comingBytes = 0;

  constructor(options: RegistryServiceOptions) {
    this.#registry = options.registry;
    this.#options = options;
  }

  /** What is for no registry, or names nobody for its answer, changes nothing: it comes from other processes. */
  take(message: Message): void {
    if (!('owner' in message) || typeof message.owner !== 'string') return;
    switch (message.kind) {
      case 'registryGet':
        return void this.#answer(message, async () => ({ result: 0, entries: present(await this.#registry.get(message.key)) }));
      case 'registryList':
        return void this.#answer(message, async () => ({ result: 0, entries: await this.#registry.list(message.prefix) }));
      case 'registryPiece':
        return this.#addPiece(message);
      case 'registryPut':
        return void this.#answer(message, async () => ({ result: await this.#put(message), entries: [] }));
      case 'registryDelete': {
        const { key, expected } = message;
        return void this.#answer(message, async () => ({ result: Number(await this.#registry.delete(key, expected)), entries: [] }));
      }
      case 'registryWatch':
        return this.#watch(message);
      case 'registryUnwatch':
        return this.#unwatch(message);
    }
  }

  /** A node is no more, or not connected: what its owners watched, and were about to put, is dropped. */
  bury(node: string): void {
    const isThere = (owner: Address) => owner.endsWith(`@${node}`);
    for (const [owner, watches] of this.#watches) {
      if (!isThere(owner)) continue;
      this.#watches.delete(owner);
      for (const watch of watches.values()) watch.stop();
    }
    for (const owner of this.#coming.keys()) if (isThere(owner)) this.#forget(owner);
  }

  /** Watches that are open. */
  get watches(): number {
    let count = 0;
    for (const ofOwner of this.#watches.values()) count += ofOwner.size;
    return count;
  }

  async #answer(
    { owner, request }: { readonly owner: Address; readonly request: number },
    work: () => Promise<{ readonly result: number; readonly entries: readonly RegistryEntry[] }>,
  ): Promise<void> {
    const kind = 'registryAnswer';
    try {
      const { result, entries } = await work();
      const answers = answersOf(entries);
      for (const [i, parts] of answers.entries())
        if (!this.#send(owner, { kind, request, error: null, result, parts, isLast: i === answers.length - 1 })) return;
    } catch (error) {
      this.#send(owner, { kind, request, error: asRegistryError(error).toData(), result: 0, parts: [], isLast: true });
    }
  }

  /** Whether it could be. */
  #send(to: Address, message: Message): boolean {
    try {
      this.#options.send(to, message);
      return true;
    } catch (error) {
      this.#options.unsent(to, error);
      return false;
    }
  }

  #addPiece({ owner, request, bytes }: Request<'registryPiece'>): void {
    // What is no bytes has no length: the sum would be no number for good.
    if (!(bytes instanceof Uint8Array)) return;
    let coming = this.#coming.get(owner);
    if (coming?.request !== request) {
      this.#forget(owner);
      coming = { request, pieces: [], sizeBytes: 0, refusal: null };
      this.#coming.set(owner, coming);
    }
    if (coming.refusal) return;
    coming.pieces.push(new Uint8Array(bytes));
    coming.sizeBytes += bytes.byteLength;
    this.#comingBytes += bytes.byteLength;
    if (coming.sizeBytes <= registryLimits.valueBytesMax && this.#comingBytes <= comingBytesMax) return;
    const text = `registry: ${this.#comingBytes} bytes of values are on their way already, at most ${comingBytesMax} are taken`;
    this.#comingBytes -= coming.sizeBytes;
    this.#coming.set(owner, { request, pieces: [], sizeBytes: 0, refusal: new RegistryError('Overloaded', text, { comingBytesMax }) });
  }

  #put({ owner, request, key, sizeBytes, bytes, expected, ttlMs }: Request<'registryPut'>): Promise<number> {
    const coming = this.#coming.get(owner);
    this.#forget(owner);
    const { pieces, refusal } = coming?.request === request ? coming : { pieces: [], refusal: null };
    if (refusal) throw refusal;
    // Bytes of a single message are copied by the registry.
    const value = pieces.length === 0 ? bytes : Buffer.concat([...pieces, bytes]);
    if (value.byteLength !== sizeBytes) {
      const text = `registry: ${value.byteLength} of the ${sizeBytes} bytes of ${key} have come`;
      throw new RegistryError('PeerUnreachable', text, { key, sizeBytes });
    }
    return this.#registry.put(key, value, { expected, ttlMs });
  }

  #forget(owner: Address): void {
    this.#comingBytes -= this.#coming.get(owner)?.sizeBytes ?? 0;
    this.#coming.delete(owner);
  }

  /** One that cannot be opened now is asked for again. */
  #watch({ owner, watch, prefix }: Request<'registryWatch'>): void {
    const ofOwner = this.#watches.get(owner) ?? new Map<number, Watch>();
    if (ofOwner.has(watch) || ofOwner.size >= watchesPerOwnerMax) return;
    try {
      const opened = this.#registry.watch(prefix, {
        changed: (change) => void this.#send(owner, { kind: 'registryChanged', watch, change }),
        current: () => void this.#send(owner, { kind: 'registryChanged', watch, change: { kind: 'current' } }),
      });
      ofOwner.set(watch, opened);
    } catch {
      return;
    }
    this.#watches.set(owner, ofOwner);
    this.#send(owner, { kind: 'registryChanged', watch, change: { kind: 'began' } });
  }

  #unwatch({ owner, watch }: Request<'registryUnwatch'>): void {
    const ofOwner = this.#watches.get(owner);
    ofOwner?.get(watch)?.stop();
    ofOwner?.delete(watch);
    if (ofOwner?.size === 0) this.#watches.delete(owner);
  }
}

function present(entry: RegistryEntry | null): readonly RegistryEntry[] {
  return entry ? [entry] : [];
}

/**
 * What a worker says to others: refs of objects that lie in its arena say so, in place of an offset that means nothing elsewhere.
 *
 *   T9  What was pinned for a client is held until the client says that it has it, or is no more. For one that is no more nothing is held,
 *       unless it comes back. With a gateway all its clients are gone: it cannot say so of each.
 *   T10 What is said to lie here carries its block's serial. Who asks for another object than lies there now, or lets go of it, has come
 *       too late, and changes nothing.
 */
import type { Address } from '../../actors/actor.ts';
import type { Message } from '../../actors/protocol/message.ts';
import type { Ref } from '../../storage/object.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Outlet } from '../host.ts';
import { nodeOf } from '../routes.ts';
import type { Envelope } from '../wire/codec.ts';
import { mapRefs } from '../wire/refs.ts';

export interface DeparturesOptions {
  /** This node's name. */
  readonly node: string;
  readonly incarnation: number;
  outletOf(address: Address): Outlet | null;
  readonly store: Pick<ObjectStore, 'release' | 'serialOf'>;
}

/** More clients that are gone are not kept in mind: what is sent to others of them is held for nobody. */
const goneMax = 10_000;

export class Departures {
  /** Messages, since the start. */
  sent = 0;
  readonly #options: DeparturesOptions;
  /** By client: how often each block is held for it. */
  readonly #held = new Map<string, Map<number, number>>();
  /** Clients and gateways that are no more, though sessions that they have opened may go on: the one that went first is the first. */
  readonly #gone = new Set<string>();

  constructor(options: DeparturesOptions) {
    this.#options = options;
  }

  outletOf(address: Address): Outlet | null {
    const outlet = this.#options.outletOf(address);
    if (!outlet) return null;
    return {
      send: (to, message) => {
        this.sent++;
        outlet.send(to, this.#leaving(to, message));
      },
    };
  }

  /** What clients let go of, as far as it is held for them: one that was taken for gone may come back, and say so once more. */
  noteReleases(envelopes: readonly Envelope[]): readonly Envelope[] {
    return envelopes.map((envelope) => {
      const { to, message } = envelope;
      if (message.kind !== 'releaseBlocks') return envelope;
      const { kind, owner, serials } = message;
      return { to, message: { kind, owner, offsets: message.offsets.filter((offset, i) => this.#letGo(owner, offset, serials?.[i])) } };
    });
  }

  /** The client, or the gateway, is no more. */
  forget(node: string): void {
    for (const [holder, held] of this.#held) {
      if (holder !== node && gatewayOf(holder) !== node) continue;
      this.#held.delete(holder);
      for (const [offset, times] of held) for (let i = 0; i < times; i++) this.#options.store.release(offset);
    }
    this.#gone.add(node);
    for (const first of this.#gone) {
      if (this.#gone.size <= goneMax) break;
      this.#gone.delete(first);
    }
  }

  /** The client, and so its gateway, or the gateway is there again. */
  remember(node: string): void {
    this.#gone.delete(node);
    this.#gone.delete(gatewayOf(node));
  }

  #letGo(owner: Address, offset: number, serial: number | undefined): boolean {
    const node = nodeOf(owner);
    // It was let go of when the client was taken for gone, and what is held for the client there now is another.
    if (node === null || this.#options.store.serialOf(offset) !== serial) return false;
    // What was found by a search is held for the coordinator that searched (`roles/front.ts`).
    const holder = [node, gatewayOf(node)].find((name) => this.#held.get(name)?.has(offset));
    if (holder === undefined) return false;
    this.#count(holder, offset, -1);
    return true;
  }

  #leaving(to: Address, message: Message): Message {
    const isForClient = message.kind === 'sessionOutput' || message.kind === 'objectsFound';
    return mapRefs(message, (ref): Ref => {
      const { encoding, sizeBytes, offset } = ref;
      if (offset < 0) return ref;
      const { node, incarnation, store } = this.#options;
      // A block that is free by now has none, and nobody will read it.
      const serial = store.serialOf(offset);
      const client = isForClient ? nodeOf(to) : null;
      if (client !== null && this.#isGone(client)) store.release(offset);
      else if (client !== null) this.#count(client, offset, 1);
      return { encoding, sizeBytes, inline: null, offset: -1, remote: { node, incarnation, offset, serial } };
    });
  }

  #isGone(client: string): boolean {
    return this.#gone.has(client) || this.#gone.has(gatewayOf(client));
  }

  #count(node: string, offset: number, by: 1 | -1): void {
    const held = this.#held.get(node) ?? new Map<number, number>();
    const times = (held.get(offset) ?? 0) + by;
    if (times > 0) held.set(offset, times);
    else held.delete(offset);
    if (held.size > 0) this.#held.set(node, held);
    else this.#held.delete(node);
  }
}

/** Of a client's name, `~ID/GATEWAY`; of another node's, itself. */
function gatewayOf(node: string): string {
  return node.slice(node.indexOf('/') + 1);
}

/**
 * The way to every address: of this process, of a node that is connected, of one that can be dialled, or of a client by way of the
 * coordinator that it hangs on.
 *
 *     actor@NODE            a worker or a coordinator
 *     actor@~CLIENT/NODE    a client that is connected to the coordinator NODE
 *
 *   W1  What is for a node that is being dialled waits, `waitingMax` envelopes at most, and leaves in its order; what cannot be sent is
 *       told once (`lost`), never kept.
 */
import type { Address } from '../actors/actor.ts';
import type { Message } from '../actors/protocol/message.ts';
import type { Outlet } from './host.ts';
import type { PeerLink } from './transport/zmq/peer-link.ts';
import type { Mesh } from './transport/zmq/mesh.ts';
import type { Envelope } from './wire/codec.ts';

export interface RoutesOptions {
  /** This node, as others call it. */
  readonly name: string;
  readonly mesh: Pick<Mesh, 'outletTo' | 'connect'>;
  /** Where a node that is not connected can be dialled; null: nowhere. */
  dialled(node: string): string | null;
  /** For what has no other way: a client's coordinator. */
  readonly gateway: string | null;
  lost(envelope: Envelope, why: string): void;
}

const dialTimeoutMs = 5_000;
const waitingMax = 10_000;

export class Routes {
  readonly #options: RoutesOptions;
  readonly #dialling = new Map<string, Envelope[]>();

  constructor(options: RoutesOptions) {
    this.#options = options;
  }

  /** Null: it is of this process, or nobody knows it. */
  outletOf(address: Address): Outlet | null {
    const node = nodeOf(address);
    return node === null || node === this.#options.name ? null : this.outletTo(node);
  }

  /** A connection to the node itself, or to whom it hangs on; null: there is none now. */
  linkTo(node: string): PeerLink | null {
    const { mesh, gateway, name } = this.#options;
    const slash = node.indexOf('/');
    const direct = mesh.outletTo(slash === -1 ? node : node.slice(0, slash));
    if (direct) return direct;
    if (slash !== -1 && node.slice(slash + 1) !== name) return mesh.outletTo(node.slice(slash + 1));
    return gateway === null ? null : mesh.outletTo(gateway);
  }

  outletTo(node: string): Outlet {
    return this.linkTo(node) ?? { send: (to, message) => this.#dial(node, { to, message }) };
  }

  #dial(node: string, envelope: Envelope): void {
    const { mesh, dialled, lost, name } = this.#options;
    const slash = node.indexOf('/');
    const behind = slash === -1 ? node : node.slice(slash + 1);
    const waiting = this.#dialling.get(behind);
    if (waiting) {
      if (waiting.length >= waitingMax) return lost(envelope, `${waitingMax} messages wait for it already`);
      waiting.push(envelope);
      return;
    }
    const endpoint = behind === name ? null : dialled(behind);
    if (endpoint === null) return lost(envelope, 'no such node is known');
    const queue = [envelope];
    this.#dialling.set(behind, queue);
    const reached = () => this.#leave(behind, queue);
    mesh.connect(endpoint, dialTimeoutMs).then(reached, (error: Error) => {
      this.#dialling.delete(behind);
      for (const one of queue) lost(one, error.message);
    });
  }

  #leave(node: string, queue: readonly Envelope[]): void {
    this.#dialling.delete(node);
    const link = this.#options.mesh.outletTo(node);
    for (const { to, message } of queue) {
      if (link) link.send(to, message);
      else this.#options.lost({ to, message }, 'it went away at once');
    }
    link?.flush();
  }
}

/** The node of an address; null: none is named. */
export function nodeOf(address: Address): string | null {
  const at = address.indexOf('@');
  return at === -1 ? null : address.slice(at + 1);
}

export function atNode(actor: string, node: string): Address {
  return `${actor}@${node}`;
}

/** The message's own words for which app or session it is about: what a shard is found by. */
export function subjectOf(message: Message): { readonly app: string | null; readonly session: string | null } {
  const { spec, definition, app, session } = message as {
    spec?: { app: string };
    definition?: { name: string };
    app?: string;
    session?: string;
  };
  return { app: spec?.app ?? definition?.name ?? app ?? null, session: typeof session === 'string' ? session : null };
}

/**
 * The way to every address: of this process, of a node that is connected, of one that can be dialled, or of a client by way of the
 * coordinator that it hangs on.
 *
 *     actor@NODE            a worker or a coordinator
 *     actor@~CLIENT/NODE    a client that is connected to the coordinator NODE
 *
 *   W1  What is for a node that is being dialled waits, `waitingMax` envelopes at most, and leaves in its order; what cannot be sent is
 *       told once (`lost`), never kept. What is for it later never overtakes it.
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
    const link = this.linkTo(node);
    if (!link) return { send: (to, message) => this.#dial(node, { to, message }) };
    // It may have connected itself while it was being dialled: what waits goes first.
    if (this.#dialling.size > 0) this.#leave(behindOf(node), link);
    return link;
  }

  #dial(node: string, envelope: Envelope): void {
    const { mesh, dialled, lost, name } = this.#options;
    const behind = behindOf(node);
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
    const giveUp = (why: string) => {
      if (this.#dialling.get(behind) !== queue) return;
      this.#dialling.delete(behind);
      for (const one of queue) lost(one, why);
    };
    const reached = () => {
      const link = mesh.outletTo(behind);
      if (link) this.#leave(behind, link);
      else giveUp('it went away at once');
    };
    mesh.connect(endpoint, dialTimeoutMs).then(reached, (error: Error) => giveUp(error.message));
  }

  #leave(node: string, link: PeerLink): void {
    const queue = this.#dialling.get(node);
    if (!queue || link !== this.#options.mesh.outletTo(node)) return;
    this.#dialling.delete(node);
    for (const { to, message } of queue) link.send(to, message);
    link.flush();
  }
}

/** Of a client the coordinator that it hangs on, else itself. */
function behindOf(node: string): string {
  return node.slice(node.indexOf('/') + 1);
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

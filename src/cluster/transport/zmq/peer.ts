/**
 * A peer, as long as it is known: one incarnation of a node, its link, and the connections to it.
 *
 *   E1  Of the connections it is the dialled one that is sent on, unless only the other is heard on. Both are heard.
 */
import type { Connection } from './connection.ts';
import type { Greeting, PeerInfo } from './greeting.ts';
import type { PeerLink } from './peer-link.ts';

/** Another process that says that it is this node. */
export interface Challenger {
  readonly connection: Connection;
  readonly greeting: Greeting;
}

/** Silent for so many ticks, a connection is not sent on if there is another. */
const quietTicks = 3;

export class Peer {
  info: PeerInfo;
  readonly link: PeerLink;
  isUp = false;
  /** Something has come since the last tick. */
  heard = true;
  /** Ticks in a row in which nothing came. */
  silentTicks = 0;
  challenger: Challenger | null = null;
  #dialled: Connection | null = null;
  #inbound: Connection | null = null;
  #used: Connection | null = null;

  constructor(info: PeerInfo, link: PeerLink) {
    this.info = info;
    this.link = link;
  }

  get connections(): readonly Connection[] {
    return [this.#dialled, this.#inbound].filter((connection) => connection !== null);
  }

  /** Returns the one that it takes the place of. */
  attach(connection: Connection): Connection | null {
    const isDialled = connection.endpoint !== null;
    const former = isDialled ? this.#dialled : this.#inbound;
    if (isDialled) this.#dialled = connection;
    else this.#inbound = connection;
    connection.peer = this;
    this.#used = this.#best();
    this.link.use(this.#used);
    return former === connection ? null : former;
  }

  detach(connection: Connection): void {
    connection.peer = null;
    if (this.#dialled === connection) this.#dialled = null;
    if (this.#inbound === connection) this.#inbound = null;
    this.choose();
  }

  /** Returns those that it had. */
  detachAll(): readonly Connection[] {
    const { connections } = this;
    for (const connection of connections) connection.peer = null;
    this.#dialled = null;
    this.#inbound = null;
    this.choose();
    return connections;
  }

  /** Connections may have fallen silent, or speak again. */
  choose(): void {
    const best = this.#best();
    if (best === this.#used) return;
    this.#used = best;
    this.link.use(best);
  }

  tick(): void {
    this.silentTicks = this.heard ? 0 : this.silentTicks + 1;
    this.heard = false;
    if (this.isUp) this.choose();
  }

  #best(): Connection | null {
    const [dialled, inbound] = [this.#dialled, this.#inbound];
    if (dialled === null || inbound === null) return dialled ?? inbound;
    return dialled.silentTicks >= quietTicks && inbound.silentTicks < quietTicks ? inbound : dialled;
  }
}

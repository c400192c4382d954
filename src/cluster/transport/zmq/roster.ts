/**
 * Who the peers of a mesh are, from the handshake of each until it is forgotten.
 *
 *        admitted                    silent
 *     ──────────────► up ────────────────────────────► down ── peerKeptMs ──► forgotten
 *                     │ ▲                                │
 *                     │ └──── the same process again ────┘
 *                     └─ goodbye, restarted, takes nothing ─────────────────► forgotten
 *
 *   O1  A peer is up from its handshake on, and down when it says goodbye, is not heard of for `peerTimeoutMs`, has restarted, or does not
 *       take what is sent to it. Each `peerUp` is followed by one `peerDown`, but for `remove`.
 *   O2  Of a name there is one process. Another one with a greater incarnation takes its place when it is down, has no connection, or does
 *       not answer when it is asked; else it is refused.
 *   O3  A peer that comes back as the same process, within `peerKeptMs`, has lost nothing: its link outlives its connections. If one end has
 *       forgotten the other, the other is told `peerDown` and `peerUp` before it receives anything.
 */
import type { ErrorData } from '../../../actors/protocol/error.ts';
import type { LogLine } from '../../log.ts';
import type { Envelope } from '../../wire/codec.ts';
import type { Connection } from './connection.ts';
import type { MeshCounters } from './counters.ts';
import { writeBody, writeSign } from './datagram.ts';
import type { Greeting, PeerInfo } from './greeting.ts';
import type { MeshLimits } from './limits.ts';
import { Peer } from './peer.ts';
import { PeerLink } from './peer-link.ts';
import { nodeNameTaken, peerForgot, peerLeft, peerRestarted, peerUnreachable, tooManyPeers } from './transport-error.ts';

export interface RosterOptions {
  /** Of this node. */
  readonly name: string;
  readonly limits: MeshLimits;
  readonly counters: MeshCounters;
  readonly log: LogLine;
  received(from: PeerInfo, envelopes: readonly Envelope[]): void;
  /** Something waits on it to be flushed, where nothing did. */
  waiting(link: PeerLink): void;
  peerUp(peer: PeerInfo): void;
  peerDown(peer: PeerInfo, error: ErrorData): void;
  /** The handshake has succeeded. Called before anything is sent to the peer. */
  admitted(connection: Connection, peer: PeerInfo): void;
  refused(connection: Connection, error: ErrorData): void;
  /** The peer is not to be reached on it any more. `lingers`: what was said last is still to leave. */
  dropped(connection: Connection, lingers: boolean): void;
  /** Another connection to the same peer has taken its place. */
  retired(connection: Connection): void;
}

export class Roster {
  readonly #options: RosterOptions;
  readonly #peers = new Map<string, Peer>();
  #upPeers: readonly PeerInfo[] | null = null;
  #linkNumber = 0;

  constructor(options: RosterOptions) {
    this.#options = options;
  }

  get(name: string): Peer | null {
    return this.#peers.get(name) ?? null;
  }

  get all(): Iterable<Peer> {
    return this.#peers.values();
  }

  /** Those that are up. */
  get up(): readonly PeerInfo[] {
    this.#upPeers ??= [...this.#peers.values()].filter(({ isUp }) => isUp).map(({ info }) => info);
    return this.#upPeers;
  }

  tick(): void {
    const { heartbeatMs, peerTimeoutMs, peerKeptMs } = this.#options.limits;
    for (const peer of [...this.#peers.values()]) {
      peer.tick();
      const silentMs = peer.silentTicks * heartbeatMs;
      if (peer.isUp && silentMs >= peerTimeoutMs) {
        const why = `nothing was heard of it for ${silentMs} ms (peerTimeoutMs ${peerTimeoutMs})`;
        this.#down(peer, peerUnreachable(peer.info.name, why, { silentMs }));
        this.#replace(peer);
      } else if (!peer.isUp && silentMs >= peerTimeoutMs + peerKeptMs) this.#forget(peer);
    }
  }

  /** A process of the same version has introduced itself on this connection. */
  greeted(connection: Connection, greeting: Greeting): void {
    const { name, incarnation } = greeting;
    const known = this.#peers.get(name);
    if (connection.peer && connection.peer !== known) connection.peer.detach(connection);
    if (!known) return this.#admitNew(connection, greeting);
    if (known.info.incarnation === incarnation) return this.#admit(connection, known, greeting);
    if (name === this.#options.name || known.info.incarnation > incarnation) return this.#options.refused(connection, nodeNameTaken(name));
    known.challenger = { connection, greeting };
    if (connection.peer === known) known.detach(connection);
    if (!known.isUp || known.connections.length === 0) return this.#replace(known);
    for (const one of known.connections) one.transmit(writeSign('ping'));
  }

  /** The process that was asked whether it is still there has answered. */
  answered(peer: Peer | null): void {
    if (!peer?.challenger) return;
    const { connection } = peer.challenger;
    peer.challenger = null;
    this.#options.refused(connection, nodeNameTaken(peer.info.name));
  }

  /** The peer has said goodbye. */
  goneBy(peer: Peer, error: ErrorData): void {
    this.#down(peer, error);
    this.#discard(peer, error);
  }

  /** The connection is of no use any more. */
  left(connection: Connection): void {
    const { peer } = connection;
    if (!peer) return;
    peer.detach(connection);
    if (peer.connections.length === 0) this.#replace(peer);
  }

  /** Says goodbye. There is no `peerDown`. */
  remove(peer: Peer, error: ErrorData): void {
    sayBye(peer, error);
    peer.isUp = false;
    this.#discard(peer, error);
  }

  #admitNew(connection: Connection, greeting: Greeting): void {
    const { limits, name: ownName, refused } = this.#options;
    const { name } = greeting;
    if (name === ownName) return refused(connection, nodeNameTaken(name));
    if (this.#peers.size >= limits.peersMax) {
      const oldest = [...this.#peers.values()].find(({ isUp }) => !isUp);
      if (!oldest) return refused(connection, tooManyPeers(limits.peersMax));
      this.#forget(oldest);
    }
    const peer: Peer = new Peer(
      infoOf(connection, greeting),
      this.#createLink(name, () => peer),
    );
    this.#peers.set(name, peer);
    this.#admit(connection, peer, greeting);
  }

  #createLink(name: string, peer: () => Peer): PeerLink {
    const { limits, counters, log, received, waiting } = this.#options;
    // Not the incarnation of this process: it may have had a link to the same process before, and forgotten it.
    this.#linkNumber = Math.max(this.#linkNumber + 1, Date.now() * 1_000);
    return new PeerLink({
      peer: name,
      number: this.#linkNumber,
      limits,
      totals: counters,
      log,
      received: (envelopes) => this.#call('received', () => received(peer().info, envelopes)),
      waiting: () => waiting(peer().link),
      peerChanged: (framesLost) => this.#changed(peer(), framesLost),
      overflowed: (error) => this.#giveUp(peer(), error),
    });
  }

  #admit(connection: Connection, peer: Peer, greeting: Greeting): void {
    peer.info = infoOf(connection, greeting);
    this.#upPeers = null;
    peer.heard = true;
    peer.silentTicks = 0;
    this.#options.admitted(connection, peer.info);
    // A second hello on the same connection: nothing was lost on it.
    const former = connection.peer === peer ? null : peer.attach(connection);
    if (former) {
      former.peer = null;
      this.#options.retired(former);
    }
    if (peer.isUp) return;
    peer.isUp = true;
    this.#options.log('info', 'a peer is up', { ...peer.info });
    this.#call('peerUp', () => this.#options.peerUp(peer.info));
  }

  #replace(known: Peer): void {
    const { challenger } = known;
    if (!challenger) return;
    const { connection, greeting } = challenger;
    known.challenger = null;
    const error = peerRestarted(known.info.name);
    this.#down(known, error);
    this.#discard(known, error);
    if (!connection.isLost) this.#admitNew(connection, greeting);
  }

  /** The same process, but for it this one is new: what was under way to it may be lost, and something from it may be. */
  #changed(peer: Peer, framesLost: number): void {
    if (!peer.isUp) return;
    const error = peerForgot(peer.info.name, framesLost);
    this.#options.log('warn', 'a peer has begun anew', { ...peer.info, framesLost });
    this.#call('peerDown', () => this.#options.peerDown(peer.info, error));
    if (peer.isUp) this.#call('peerUp', () => this.#options.peerUp(peer.info));
  }

  /** It does not take what is sent to it: both ends begin anew, should it come back. */
  #giveUp(peer: Peer, error: ErrorData): void {
    sayBye(peer, peerUnreachable(peer.info.name, `${this.#options.name} has given it up: ${error.message}`));
    for (const connection of peer.detachAll()) this.#options.dropped(connection, true);
    this.#down(peer, error);
    this.#discard(peer, error);
  }

  #down(peer: Peer, error: ErrorData): void {
    peer.link.pause(error);
    this.#drop(peer);
    if (!peer.isUp) return;
    peer.isUp = false;
    this.#upPeers = null;
    this.#options.log(error.detail['reason'] === 'left' ? 'info' : 'warn', 'a peer is down', { ...peer.info, error: error.message });
    this.#call('peerDown', () => this.#options.peerDown(peer.info, error));
  }

  #forget(peer: Peer): void {
    this.#discard(peer, peerLeft(peer.info.name, 'it was away for too long'));
  }

  #discard(peer: Peer, error: ErrorData): void {
    const { frames, envelopes } = peer.link.load;
    if (frames > 0 || envelopes > 0)
      this.#options.log(error.detail['reason'] === 'left' ? 'info' : 'warn', 'what was held for a peer is dropped', {
        peer: peer.info.name,
        frames,
        envelopes,
      });
    peer.link.end(error);
    this.#drop(peer);
    if (this.#peers.get(peer.info.name) === peer) this.#peers.delete(peer.info.name);
    this.#upPeers = null;
  }

  #drop(peer: Peer): void {
    for (const connection of peer.detachAll()) this.#options.dropped(connection, false);
  }

  /** What the owner's functions throw is a bug of theirs, and no reason to forget what was being done. */
  #call(what: string, step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#options.log('error', `${what} has thrown`, { error: error instanceof Error ? error.stack : String(error) });
    }
  }
}

function sayBye(peer: Peer, error: ErrorData): void {
  for (const connection of peer.connections) connection.transmit(writeBody('bye', error));
}

function infoOf({ endpoint }: Connection, { name, role, incarnation, address }: Greeting): PeerInfo {
  return { name, role, incarnation, address: endpoint ?? address };
}

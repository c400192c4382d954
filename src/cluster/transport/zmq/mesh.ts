/**
 * The transport between processes: peers by their names, over ZeroMQ. A bound socket takes connections, one socket per endpoint dials; a
 * connection carries both directions.
 *
 *     outlets ─► PeerLink ─► Peer ─► Connection ─► Dial (DEALER) ═══► Listener (ROUTER) ─► Connection ─► Peer ─► PeerLink ─► received
 *
 *   H1  What is dialled stays dialled, until `disconnect` or `close`.
 *   H2  Nothing that comes from outside throws, or takes memory beyond the limits; it is counted.
 *   H3  One timer, each `heartbeatMs`, and one per link while something is to be acknowledged.
 *
 * Who is a peer, and when it is up: roster.ts. What is said: datagram.ts, greeting.ts.
 */
import type { ErrorData } from '../../../actors/protocol/error.ts';
import type { Keys } from '../../keys/keys.ts';
import type { LogLine } from '../../log.ts';
import type { Envelope } from '../../wire/codec.ts';
import type { Connection } from './connection.ts';
import { createCounters, type MeshCounters } from './counters.ts';
import { type Datagram, readDatagram, writeBody, writeSign } from './datagram.ts';
import { Dial } from './dial.ts';
import { parseEndpoint } from './endpoint.ts';
import { type Greeting, type PeerInfo, type PeerRole, protocolVersion, readError, readGreeting } from './greeting.ts';
import type { MeshLimits } from './limits.ts';
import { Listener } from './listener.ts';
import type { PeerLink } from './peer-link.ts';
import { Refusals } from './refusals.ts';
import { Roster } from './roster.ts';
import { meshClosed, nodeNotSealed, peerLeft, protocolMismatch, TransportError } from './transport-error.ts';

export type { PeerInfo, PeerRole } from './greeting.ts';
export { type MeshLimits, meshLimitsDefault } from './limits.ts';
export { TransportError } from './transport-error.ts';

export interface MeshOptions {
  /** This process, as peers know it. */
  readonly name: string;
  readonly role: PeerRole;
  /** Positive, and greater than that of any process of this name before: its start in milliseconds. */
  readonly incarnation: number;
  readonly limits: MeshLimits;
  readonly log: LogLine;
  /** Null, or none: everything in clear, from and to everybody. */
  readonly keys?: Keys | null;
  /** In the order in which the peer has sent them. What it throws is logged. */
  received(from: PeerInfo, envelopes: readonly Envelope[]): void;
  peerUp(peer: PeerInfo): void;
  peerDown(peer: PeerInfo, error: ErrorData): void;
  /** For tests: another version of the protocol. */
  readonly version?: string;
}

export class Mesh {
  readonly counters: MeshCounters = createCounters();
  readonly #options: MeshOptions;
  readonly #version: string;
  readonly #keys: Keys | null;
  readonly #refusals: Refusals;
  readonly #roster: Roster;
  readonly #dials = new Map<string, Dial>();
  /** Those with something to be flushed, in the order in which it came. */
  readonly #waiting = new Set<PeerLink>();
  readonly #ticker: NodeJS.Timeout;
  #listener: Listener | null = null;
  #address: string | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: MeshOptions) {
    this.#options = options;
    this.#version = options.version ?? protocolVersion;
    this.#keys = options.keys ?? null;
    this.#refusals = new Refusals(options.log);
    this.#roster = this.#createRoster();
    this.#ticker = setInterval(() => this.#tick(), options.limits.heartbeatMs);
    // It is the sockets that keep the process alive.
    this.#ticker.unref();
  }

  get name(): string {
    return this.#options.name;
  }

  get incarnation(): number {
    return this.#options.incarnation;
  }

  /** Takes connections at `tcp://host:port`, port 0: any that is free. Resolves with what to dial. Rejects with `AddressInUse`, `InvalidOption`. */
  async listen(endpoint: string): Promise<string> {
    this.#refuseClosed(endpoint);
    if (this.#listener) throw new Error(`bug: this mesh listens already, at ${this.#listener.endpoint}`);
    const listener = await Listener.open(endpoint, parseEndpoint('listen', endpoint), {
      limits: this.#options.limits,
      counters: this.counters,
      keys: this.#keys,
      turnedAway: (why, address) => this.#turnedAway(why, address),
      take: (connection, datagram) => this.#guard(() => this.#take(connection, null, datagram)),
      left: (connection) => this.#roster.left(connection),
    });
    if (this.#closing) listener.close();
    this.#refuseClosed(endpoint);
    this.#listener = listener;
    return listener.endpoint;
  }

  /** What peers may dial to reach this node; told in handshakes from now on. */
  advertise(address: string): void {
    this.#address = address;
  }

  /**
   * Dials, and resolves when the peer has said who it is. Rejects with a TransportError, and leaves nothing behind: `PeerUnreachable` after
   * `timeoutMs`, `ProtocolMismatch`, `NodeNameTaken`, `Overloaded`. Once it was connected, it is dialled again until `disconnect` or `close`.
   */
  async connect(endpoint: string, timeoutMs: number): Promise<PeerInfo> {
    this.#refuseClosed(endpoint);
    const dial = this.#dials.get(endpoint) ?? this.#dial(endpoint);
    try {
      return await dial.wait(timeoutMs);
    } catch (error) {
      if (dial.peerName === null && !dial.isAwaited) this.#undial(dial);
      throw error;
    }
  }

  /** Says goodbye. What is held for the peer is dropped, and it is not dialled any more. There is no `peerDown`. */
  disconnect(name: string): void {
    const peer = this.#roster.get(name);
    const dials = [...this.#dials.values()].filter(({ peerName }) => peerName === name);
    for (const dial of dials) if (dial.state === 'open') dial.rest();
    if (peer) this.#roster.remove(peer, peerLeft(this.name, 'it has disconnected'));
    for (const dial of dials) this.#undial(dial);
  }

  /** The way out to a peer that is up, or was so not long ago. It is for one incarnation: ask again instead of keeping it. */
  outletTo(name: string): PeerLink | null {
    return this.#roster.get(name)?.link ?? null;
  }

  /** Those that are up. */
  peers(): readonly PeerInfo[] {
    return this.#roster.up;
  }

  /** Sends what waits, first to whom something was sent first: a frame puts off those behind it by 0.1 ms and more, if a thread wakes for it. */
  flush(): void {
    for (const link of this.#waiting) link.flush();
    this.#waiting.clear();
  }

  /** Resolves when peers have all that was sent to them, or never will; or after `timeoutMs`. */
  async drained(timeoutMs: number): Promise<void> {
    const draining = [...this.#roster.all].filter(({ isUp }) => isUp).map(({ link }) => link.drained());
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([Promise.all(draining), new Promise((resolve) => (timer = setTimeout(resolve, timeoutMs)))]);
    clearTimeout(timer);
  }

  /** Waits at most `lingerMs` until peers have all that was sent to them, says goodbye, and ends everything. */
  close({ lingerMs }: { readonly lingerMs: number }): Promise<void> {
    this.#closing ??= this.#close(lingerMs);
    return this.#closing;
  }

  async #close(lingerMs: number): Promise<void> {
    await this.drained(lingerMs);
    clearInterval(this.#ticker);
    // One that greets still knows then that its hello must not leave.
    for (const dial of this.#dials.values()) if (dial.state === 'open') dial.rest();
    for (const peer of [...this.#roster.all]) this.#roster.remove(peer, peerLeft(this.name, 'it has closed'));
    for (const dial of [...this.#dials.values()]) this.#undial(dial);
    this.#listener?.close();
  }

  #createRoster(): Roster {
    const { name, limits, log, received, peerUp, peerDown } = this.#options;
    return new Roster({
      name,
      limits,
      counters: this.counters,
      log,
      received: (from, envelopes) => received.call(this.#options, from, envelopes),
      waiting: (link) => this.#waiting.add(link),
      peerUp: (peer) => peerUp.call(this.#options, peer),
      peerDown: (peer, error) => peerDown.call(this.#options, peer, error),
      admitted: (connection, peer) => this.#admitted(connection, peer),
      refused: (connection, error) => this.#refuse(connection, error),
      dropped: (connection, lingers) => this.#dropped(connection, lingers),
      // Nobody says goodbye: the peer is still there.
      retired: (connection) => this.#retire(connection),
    });
  }

  #greeting(): Greeting {
    const { name, role, incarnation } = this.#options;
    return { version: this.#version, name, role, incarnation, address: this.#address, seal: null };
  }

  #hello(): Greeting {
    return { ...this.#greeting(), seal: this.#keys?.sealOf(this.#options) ?? null };
  }

  #turnedAway(why: string, address: string | null): void {
    this.counters.refused++;
    this.#refusals.note(why, { address });
  }

  /** Who is dialled has shown by CURVE that it has the cluster's key. */
  #isWhoItSays({ endpoint }: Connection, greeting: Greeting): boolean {
    if (!this.#keys || endpoint !== null) return true;
    // A client may not be taken for a node: only its names begin so.
    if (greeting.role === 'client') return greeting.name.startsWith('~');
    return this.#keys.isSealOf(greeting, greeting.seal);
  }

  #refuseClosed(endpoint: string): void {
    if (this.#closing) throw new TransportError(meshClosed(endpoint));
  }

  #tick(): void {
    for (const dial of this.#dials.values()) dial.tick();
    this.#listener?.tick();
    this.#roster.tick();
  }

  #dial(endpoint: string): Dial {
    const dial: Dial = new Dial(endpoint, {
      limits: this.#options.limits,
      counters: this.counters,
      keys: this.#keys,
      hello: () => writeBody('hello', this.#hello()),
      take: (one, parts) => this.#guard(() => this.#takeDialled(one, parts)),
      left: (connection) => this.#roster.left(connection),
    });
    this.#dials.set(endpoint, dial);
    return dial;
  }

  #undial(dial: Dial): void {
    if (this.#dials.get(dial.endpoint) === dial) this.#dials.delete(dial.endpoint);
    dial.close(meshClosed(dial.endpoint));
  }

  #dialOf(connection: Connection): Dial | null {
    const dial = connection.endpoint === null ? undefined : this.#dials.get(connection.endpoint);
    return dial?.connection === connection ? dial : null;
  }

  /** A bug in here ends the message that shows it, and not the node: it may be of somebody's making. */
  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#options.log('error', 'a message could not be handled', { error: error instanceof Error ? error.stack : String(error) });
    }
  }

  #takeDialled(dial: Dial, parts: readonly Buffer[]): void {
    const datagram = readDatagram(parts, 0);
    if (datagram) this.#take(dial.connection, dial, datagram);
    else this.counters.malformed++;
  }

  /** `dial`: null if the other end has dialled. */
  #take(connection: Connection, dial: Dial | null, datagram: Datagram): void {
    connection.heard = true;
    const { peer } = connection;
    if (peer) peer.heard = true;
    if (datagram.kind === 'packet') {
      if (peer) peer.link.take(datagram.packet, datagram.sizeBytes);
      else this.counters.unknown++;
    } else if (datagram.kind === 'ping') connection.transmit(writeSign('pong'));
    else if (datagram.kind === 'pong') this.#roster.answered(peer);
    else if (datagram.kind === 'bye') {
      dial?.rest();
      if (peer) this.#roster.goneBy(peer, readError(datagram.body) ?? peerLeft(peer.info.name, 'it has said goodbye'));
    } else if (datagram.kind !== 'beat') this.#shakeHands(connection, dial, datagram);
  }

  #shakeHands(connection: Connection, dial: Dial | null, datagram: Datagram): void {
    if (datagram.kind === 'hello' && !dial) this.#greeted(connection, readGreeting(datagram.body));
    else if (datagram.kind === 'welcome' && dial) {
      if (dial.state === 'greeting') this.#greeted(connection, readGreeting(datagram.body));
    } else if (datagram.kind === 'refused' && dial) this.#refusedBy(dial, readError(datagram.body));
    else if (datagram.kind === 'who' && dial) dial.dropped();
    else this.counters.malformed++;
  }

  #greeted(connection: Connection, greeting: Greeting | null): void {
    if (this.#closing) return;
    if (!greeting) {
      this.counters.malformed++;
      if (connection.endpoint === null && !connection.peer) this.#listener?.forget(connection);
      return;
    }
    const { name, version, address } = greeting;
    if (!this.#isWhoItSays(connection, greeting)) return this.#refuse(connection, nodeNotSealed(name));
    if (version === this.#version) return this.#roster.greeted(connection, greeting);
    const error = protocolMismatch(connection.endpoint ?? address ?? name, this.#version, version);
    this.#refuse(connection, error, protocolMismatch(this.name, version, this.#version));
  }

  #admitted(connection: Connection, peer: PeerInfo): void {
    const dial = this.#dialOf(connection);
    if (dial) dial.opened(peer);
    else connection.transmit(writeBody('welcome', this.#greeting()));
  }

  /** `told`: what the other end reads, in its own words. */
  #refuse(connection: Connection, error: ErrorData, told = error): void {
    this.counters.refused++;
    this.#options.log('warn', 'a connection was refused', { error: error.message, endpoint: connection.endpoint });
    connection.transmit(writeBody(connection.endpoint === null ? 'refused' : 'bye', told));
    connection.peer?.detach(connection);
    if (connection.endpoint === null) this.#listener?.forget(connection);
    else this.#dialOf(connection)?.refused(error);
  }

  #refusedBy(dial: Dial, error: ErrorData | null): void {
    if (!error) {
      this.counters.malformed++;
      return;
    }
    this.#options.log('warn', 'the other end has refused the connection', { endpoint: dial.endpoint, error: error.message });
    dial.connection.peer?.detach(dial.connection);
    dial.refused(error);
  }

  #dropped(connection: Connection, lingers: boolean): void {
    if (connection.endpoint === null) return this.#listener?.forget(connection);
    const dial = this.#dialOf(connection);
    if (lingers) dial?.rest();
    else dial?.dropped();
  }

  #retire(connection: Connection): void {
    if (connection.endpoint === null) return this.#listener?.forget(connection);
    const dial = this.#dialOf(connection);
    if (dial) this.#undial(dial);
  }
}

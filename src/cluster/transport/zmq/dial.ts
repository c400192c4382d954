/**
 * An endpoint that is dialled: its socket, and where the handshake is. ZeroMQ connects again by itself; what it cannot see is done here.
 *
 *     greeting ── welcome ──► open ── who, silent ──► greeting, on a new socket
 *        └─ refused ─► resting ◄─ bye ─┘
 *                         └─ a while ──► greeting, on a new socket
 *
 *   A1  While greeting only hellos are sent, one each tick. A handshake that nobody answers is begun anew on a new socket.
 *   A2  Every `wait` settles within its time-out.
 */
import type { Dealer } from 'zeromq';
import type { ErrorData } from '../../../actors/protocol/error.ts';
import { Connection } from './connection.ts';
import type { MeshCounters } from './counters.ts';
import type { Parts } from './datagram.ts';
import { parseEndpoint } from './endpoint.ts';
import type { PeerInfo } from './greeting.ts';
import type { Keys } from '../../keys/keys.ts';
import type { MeshLimits } from './limits.ts';
import { closeSocket, type HandshakeFailure, openDealer, readSocket, watchHandshakes } from './socket.ts';
import { invalidEndpoint, keysRefused, peerUnreachable, TransportError } from './transport-error.ts';

export interface DialPorts {
  readonly limits: MeshLimits;
  readonly counters: MeshCounters;
  /** Null: in clear. */
  readonly keys: Keys | null;
  hello(): Parts;
  take(dial: Dial, parts: readonly Buffer[]): void;
  /** Nothing comes or goes on this connection any more. */
  left(connection: Connection): void;
}

interface Waiter {
  resolve(peer: PeerInfo): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

export class Dial {
  readonly endpoint: string;
  state: 'greeting' | 'open' | 'resting' | 'closed' = 'greeting';
  /** Who answered last; null: nobody ever did, and then it may be given up. */
  peerName: string | null = null;
  connection: Connection;
  readonly #ports: DialPorts;
  readonly #isIpv6: boolean;
  readonly #waiters = new Set<Waiter>();
  #socket: Dealer;
  #ticks = 0;
  /** Why the last handshake was refused. */
  #refusal: ErrorData | null = null;
  /** Somebody answers there, and hangs up before he has said anything. */
  #isHungUp = false;

  /** Throws a TransportError if the endpoint is none. */
  constructor(endpoint: string, ports: DialPorts) {
    this.endpoint = endpoint;
    this.#isIpv6 = parseEndpoint('connect', endpoint).isIpv6;
    this.#ports = ports;
    try {
      this.#socket = this.#openSocket();
    } catch (error) {
      throw new TransportError(peerUnreachable(endpoint, `this process can open no more sockets (${String(error)})`));
    }
    try {
      this.connection = this.#open();
    } catch (error) {
      this.#socket.close();
      throw new TransportError(invalidEndpoint('connect', endpoint, String(error)));
    }
  }

  /** Resolves when it is open. Rejects with a TransportError: `PeerUnreachable` after `timeoutMs`, else what the handshake was refused with. */
  wait(timeoutMs: number): Promise<PeerInfo> {
    const peer = this.state === 'open' ? this.connection.peer : null;
    if (peer) return Promise.resolve(peer.info);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new TransportError(this.#silence(timeoutMs)));
      }, timeoutMs);
      const waiter: Waiter = { resolve, reject, timer };
      this.#waiters.add(waiter);
    });
  }

  get isAwaited(): boolean {
    return this.#waiters.size > 0;
  }

  opened(peer: PeerInfo): void {
    this.#enter('open');
    this.peerName = peer.name;
    this.#refusal = null;
    this.#isHungUp = false;
    for (const { resolve, timer } of this.#takeWaiters()) {
      clearTimeout(timer);
      resolve(peer);
    }
  }

  /** Of one that was open before, the wish to be connected remains. */
  refused(error: ErrorData): void {
    this.#enter('resting');
    this.#refusal = error;
    if (this.peerName === null) this.#reject(error);
  }

  /** The other end has dropped us: it may be back after a while. */
  rest(): void {
    if (this.state !== 'closed') this.#enter('resting');
  }

  tick(): void {
    const { heartbeatMs, handshakeTimeoutMs, peerTimeoutMs, reconnectMsMax } = this.#ports.limits;
    this.connection.tick(this.state === 'open');
    this.#ticks++;
    const isOver =
      this.state === 'open'
        ? this.connection.silentTicks * heartbeatMs >= peerTimeoutMs
        : this.#ticks * heartbeatMs >= (this.state === 'greeting' ? handshakeTimeoutMs : reconnectMsMax);
    if (isOver) this.redial();
    // The connection may have been cut with the first one on it.
    else if (this.state === 'greeting') this.connection.transmit(this.#ports.hello());
  }

  /**
   * Of what was open nothing is left but the wish. Also when the other end asks who speaks to it: ZeroMQ has connected again by itself, and
   * what waits in the socket would go before a hello, to be dropped there.
   */
  dropped(): void {
    if (this.state === 'open') this.redial();
  }

  /** On a new socket: the former may be connected to nobody without knowing it. */
  redial(): void {
    if (this.state === 'closed') return;
    this.#leave(false);
    this.#enter('greeting');
    try {
      this.#socket = this.#openSocket();
      this.connection = this.#open();
    } catch {
      // The process has no file descriptors left: perhaps later.
      this.rest();
    }
  }

  close(error: ErrorData): void {
    if (this.state === 'closed') return;
    // A hello that has not left must not, or somebody would greet who is not there any more.
    const lingers = this.state !== 'greeting';
    this.#enter('closed');
    this.#leave(lingers);
    this.#reject(error);
  }

  #openSocket(): Dealer {
    const { limits, keys } = this.#ports;
    return openDealer(limits, this.#isIpv6, keys && keys.dialling());
  }

  #silence(timeoutMs: number): ErrorData {
    if (this.#refusal) return peerUnreachable(this.endpoint, this.#refusal.message, { timeoutMs });
    if (this.#isHungUp) return keysRefused(this.endpoint, 'cut', this.#ports.keys !== null);
    return peerUnreachable(this.endpoint, `nobody answered within ${timeoutMs} ms; see that a node listens there`, { timeoutMs });
  }

  /** Before either end could say anything. */
  #failed(how: HandshakeFailure): void {
    if (this.state !== 'greeting') return;
    if (how === 'cut') this.#isHungUp = true;
    else this.refused(keysRefused(this.endpoint, how, this.#ports.keys !== null));
  }

  #open(): Connection {
    const socket = this.#socket;
    const { limits, counters, take } = this.#ports;
    void watchHandshakes(socket, (how) => {
      if (this.#socket === socket) this.#failed(how);
    });
    socket.connect(this.endpoint);
    const connection: Connection = new Connection(this.endpoint, {
      counters,
      write: (parts) => socket.send(parts as Uint8Array[]),
      lost: () => this.#ports.left(connection),
    });
    connection.transmit(this.#ports.hello());
    void readSocket(socket, limits, (parts) => {
      if (this.connection === connection && this.state !== 'closed') take(this, parts);
    });
    return connection;
  }

  #leave(lingers: boolean): void {
    this.connection.end();
    this.#ports.left(this.connection);
    closeSocket(this.#socket, lingers);
  }

  #enter(state: Dial['state']): void {
    this.state = state;
    this.#ticks = 0;
  }

  #reject(error: ErrorData): void {
    for (const { reject, timer } of this.#takeWaiters()) {
      clearTimeout(timer);
      reject(new TransportError(error));
    }
  }

  #takeWaiters(): readonly Waiter[] {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    return waiters;
  }
}

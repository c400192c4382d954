/**
 * The bound socket, and the connections on it, by the routing ids that ZeroMQ gives them.
 *
 *   I1  A connection exists from the hello on: whoever says something else first is asked for it, once per tick, and costs nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Router } from 'zeromq';
import { Connection } from './connection.ts';
import type { MeshCounters } from './counters.ts';
import { type Datagram, type Parts, readDatagram, writeSign } from './datagram.ts';
import { bindingOf, type Endpoint } from './endpoint.ts';
import type { MeshLimits } from './limits.ts';
import type { Keys } from '../../keys/keys.ts';
import { closeSocket, openRouter, readSocket, watchHandshakes } from './socket.ts';
import { addressInUse, invalidEndpoint, TransportError } from './transport-error.ts';
import { type Door, openDoor } from './zap.ts';

export interface ListenerPorts {
  readonly limits: MeshLimits;
  readonly counters: MeshCounters;
  /** Null: everybody may connect. */
  readonly keys: Keys | null;
  /** Somebody was turned away before he could say anything. `address`: null if ZeroMQ does not tell. */
  turnedAway(why: string, address: string | null): void;
  take(connection: Connection, datagram: Datagram): void;
  /** Nothing can be sent on this connection any more. */
  left(connection: Connection): void;
}

/** ZeroMQ closes sockets in the background: the one that held the port may be closed already, and the port not free yet. */
const bindAttemptsMax = 6;
const bindAttemptMs = 50;
/** So many are asked for a hello in one tick. */
const askedMax = 1_024;

const unknownKey = 'a connection was turned away: its key is none of this cluster';
const wrongKeys = "a connection was turned away: it has no keys, or not those of this cluster's nodes";
const wrongProtocol = 'a connection was turned away: it has keys, and this node has none, or it is none of a node';

export class Listener {
  readonly #ports: ListenerPorts;
  readonly #socket: Router;
  readonly #door: Door | null;
  readonly #gone: Promise<void>;
  readonly #connections = new Map<string, Connection>();
  readonly #ids = new WeakMap<Connection, string>();
  readonly #asked = new Set<string>();

  /** Rejects with a TransportError: `AddressInUse`, `InvalidOption`. */
  static async open(text: string, endpoint: Endpoint, ports: ListenerPorts): Promise<Listener> {
    const { limits, keys } = ports;
    const door =
      keys && (await openDoor({ limits, admits: (key) => keys.admits(key), refused: (from) => ports.turnedAway(unknownKey, from) }));
    try {
      const socket = openRouter(limits, endpoint.isIpv6, keys && door && { ...keys.listening(), ...door.options });
      await bind(socket, text, endpoint);
      return new Listener(socket, door, ports);
    } catch (error) {
      door?.close(Promise.resolve());
      throw error;
    }
  }

  private constructor(socket: Router, door: Door | null, ports: ListenerPorts) {
    this.#socket = socket;
    this.#door = door;
    this.#ports = ports;
    const turnedAway = ports.keys ? wrongKeys : wrongProtocol;
    // Who sees first that the two do not fit together hangs up: that may be the other end.
    this.#gone = watchHandshakes(socket, (how) => {
      if (how !== 'key') ports.turnedAway(turnedAway, null);
    });
    void readSocket(socket, ports.limits, (parts) => this.#take(parts));
  }

  /** With the port that was taken. */
  get endpoint(): string {
    return this.#socket.lastEndpoint ?? '';
  }

  tick(): void {
    this.#asked.clear();
    const { heartbeatMs, peerTimeoutMs } = this.#ports.limits;
    for (const connection of this.#connections.values()) {
      connection.tick(connection.peer !== null);
      if (connection.silentTicks * heartbeatMs >= peerTimeoutMs) this.forget(connection);
    }
  }

  /** Should it speak again, it is asked who it is. */
  forget(connection: Connection): void {
    const id = this.#ids.get(connection);
    if (id === undefined || this.#connections.get(id) !== connection) return;
    this.#connections.delete(id);
    connection.end();
    this.#ports.left(connection);
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.end();
    this.#connections.clear();
    closeSocket(this.#socket, true);
    this.#door?.close(this.#gone);
  }

  #take(parts: readonly Buffer[]): void {
    const id = parts[0];
    const datagram = id === undefined || this.#socket.closed ? null : readDatagram(parts, 1);
    if (id === undefined || datagram === null) {
      this.#ports.counters.malformed++;
      return;
    }
    const name = id.toString('latin1');
    const known = this.#connections.get(name);
    if (known) return this.#ports.take(known, datagram);
    if (datagram.kind === 'hello') return this.#ports.take(this.#connect(id, name), datagram);
    this.#ports.counters.unknown++;
    if (datagram.kind !== 'bye') this.#ask(id, name);
  }

  #connect(id: Buffer, name: string): Connection {
    const connection: Connection = new Connection(null, {
      counters: this.#ports.counters,
      write: (parts) => this.#write(id, parts),
      lost: () => this.forget(connection),
    });
    this.#connections.set(name, connection);
    this.#ids.set(connection, name);
    return connection;
  }

  #ask(id: Buffer, name: string): void {
    if (this.#asked.has(name) || this.#asked.size >= askedMax) return;
    this.#asked.add(name);
    // Who does not hear it is asked again when he speaks again.
    this.#write(id, writeSign('who')).catch(() => undefined);
  }

  #write(id: Buffer, parts: Parts): Promise<void> {
    return this.#socket.send([id, ...(parts as Uint8Array[])]);
  }
}

async function bind(socket: Router, text: string, endpoint: Endpoint): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await socket.bind(bindingOf(endpoint));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE' || attempt === bindAttemptsMax) {
        socket.close();
        throw new TransportError(bindError(text, error as NodeJS.ErrnoException));
      }
      await sleep(bindAttemptMs);
    }
  }
}

function bindError(text: string, { code, message }: NodeJS.ErrnoException) {
  if (code === 'EADDRINUSE') return addressInUse(text);
  const rule = code === 'EACCES' ? 'this process may not listen on that port' : `this machine cannot listen there (${code ?? message})`;
  return invalidEndpoint('listen', text, rule);
}

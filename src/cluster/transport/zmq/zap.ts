/**
 * Whom CURVE lets in: the handler of ZeroMQ's authentication protocol (ZAP, RFC 27), one for all listeners of a process.
 *
 *     handshake ── domain, address, public key ──► inproc://zeromq.zap.01 ──► the door of that domain ──► 200, or 400
 *
 *   Z1  A listener with keys enforces its domain: without a handler, or a door, nobody is let in.
 *   Z2  Each request is answered at once; ZeroMQ has one under way per connection that shakes hands.
 *   Z3  The handler is read until the last listener with keys is gone, not just closed. ZeroMQ connects it to each session: a session
 *       whose request nobody reads does not end, and one that ends together with the handler aborts the process (`pipe.cpp`).
 */
import { Router } from 'zeromq';
import { encodeZ85 } from '../../keys/z85.ts';
import { readSocket } from './socket.ts';
import type { MeshLimits } from './limits.ts';

export interface DoorPorts {
  readonly limits: MeshLimits;
  admits(publicKey: string): boolean;
  refused(address: string): void;
}

/** What a listener needs to know of it, as options of its socket. */
export interface DoorOptions {
  readonly zapDomain: string;
  readonly zapEnforceDomain: true;
}

export interface Door {
  readonly options: DoorOptions;
  /** Nobody is let in any more. `gone`: resolves when ZeroMQ has ended the listener, and all its sessions. */
  close(gone: Promise<void>): void;
}

const handlerEndpoint = 'inproc://zeromq.zap.01';
const version = '1.0';

const doors = new Map<string, DoorPorts>();
let doorsMade = 0;
/** Also those that are closed, while their listeners end. */
let doorsWatched = 0;
let handler: Router | null = null;
/** It is opened and closed in turns. */
let turn: Promise<unknown> = Promise.resolve();

/** Resolves when it is watched. */
export async function openDoor(ports: DoorPorts): Promise<Door> {
  const domain = `pheromone-${++doorsMade}`;
  doors.set(domain, ports);
  doorsWatched++;
  try {
    await inTurn(() => openHandler(ports.limits));
  } catch (error) {
    doors.delete(domain);
    doorsWatched--;
    throw error;
  }
  return {
    options: { zapDomain: domain, zapEnforceDomain: true },
    close(gone) {
      doors.delete(domain);
      void gone.then(() => {
        doorsWatched--;
        return inTurn(closeHandler);
      });
    },
  };
}

function inTurn(step: () => Promise<void>): Promise<void> {
  const done = turn.then(step);
  turn = done.catch(() => undefined);
  return done;
}

async function openHandler(limits: MeshLimits): Promise<void> {
  if (handler) return;
  const socket = new Router({ linger: 0, sendTimeout: 0 });
  try {
    await socket.bind(handlerEndpoint);
  } catch (error) {
    socket.close();
    throw error;
  }
  handler = socket;
  void readSocket(socket, limits, (parts) => answer(socket, parts));
}

async function closeHandler(): Promise<void> {
  if (!handler || doorsWatched > 0) return;
  const socket = handler;
  handler = null;
  // The name is free at once; closing takes a while.
  await socket.unbind(handlerEndpoint);
  socket.close();
}

/** Who has asked, an empty part, version, request, domain, address, identity, mechanism, credentials. */
function answer(socket: Router, parts: readonly Buffer[]): void {
  const [asker, empty, , request, domain, address, , mechanism, key] = parts;
  if (asker === undefined || empty === undefined || request === undefined) return;
  const door = doors.get(String(domain));
  const isAdmitted = String(mechanism) === 'CURVE' && key?.byteLength === 32 && door?.admits(encodeZ85(key)) === true;
  if (!isAdmitted) door?.refused(String(address));
  const [code, text] = isAdmitted ? ['200', 'OK'] : ['400', 'the key is not known here'];
  // Whoever has gone meanwhile needs no answer.
  socket.send([asker, empty, version, request, code, text, '', '']).catch(() => undefined);
}

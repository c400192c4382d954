/** ZeroMQ sockets as a mesh needs them: how they are set up, how they are read, and what becomes of ZeroMQ's own handshakes. */
import { context, Dealer, type Event, Router } from 'zeromq';
import type { CurveClient, CurveServer } from '../../keys/keys.ts';
import type { MeshLimits } from './limits.ts';
import type { DoorOptions } from './zap.ts';

/** ZeroMQ's own default is 1,023 for the process, and cannot be changed once there is a socket. */
const socketsMax = 4_096;
/** What is still to leave when a socket is closed: a goodbye. The process ends no earlier. */
const closingLingerMs = 200;
const failurePauseMs = 10;

function settings({ framesUnderWayMax, frameBytesMax, reconnectMsMin, reconnectMsMax, handshakeTimeoutMs }: MeshLimits): object {
  return {
    // A send settles at once, so that a peer that takes nothing holds up nobody.
    sendTimeout: 0,
    // Room for what is under way, for the same once more after a reconnection, and for beats.
    sendHighWaterMark: framesUnderWayMax * 2 + 64,
    receiveHighWaterMark: framesUnderWayMax * 2 + 64,
    maxMessageSize: frameBytesMax + 1_024,
    reconnectInterval: reconnectMsMin,
    reconnectMaxInterval: reconnectMsMax,
    handshakeInterval: handshakeTimeoutMs,
    linger: 0,
    // A connection whose other end has vanished is noticed by the kernel.
    tcpKeepalive: 1,
    tcpKeepaliveIdle: 30,
    tcpKeepaliveInterval: 10,
    tcpKeepaliveCount: 3,
  };
}

/** `keys`: of CURVE; null: everything in clear, from everybody. */
export function openRouter(limits: MeshLimits, isIpv6: boolean, keys: (CurveServer & DoorOptions) | null): Router {
  context.maxSockets = Math.max(context.maxSockets, socketsMax);
  // Mandatory: what is for a connection that is gone fails, instead of vanishing.
  return new Router({ ...settings(limits), ipv6: isIpv6, mandatory: true, ...keys });
}

export function openDealer(limits: MeshLimits, isIpv6: boolean, keys: CurveClient | null): Dealer {
  context.maxSockets = Math.max(context.maxSockets, socketsMax);
  return new Dealer({ ...settings(limits), ipv6: isIpv6, ...keys });
}

/**
 * How a handshake has failed. `key`: the other end does not know our key. `protocol`: it has keys and this end none, or the reverse, or it
 * does not speak ZeroMQ's protocol, or holds another key than is expected. `cut`: it has hung up, which can be for all of these.
 */
export type HandshakeFailure = 'key' | 'protocol' | 'cut';

/**
 * Resolves when ZeroMQ has ended the socket and its connections. The observer must not be closed before: ZeroMQ's thread would wait for
 * somebody to read.
 */
export async function watchHandshakes(socket: Router | Dealer, failed: (how: HandshakeFailure) => void): Promise<void> {
  try {
    for await (const { type } of socket.events) {
      const how = handshakeFailures[type];
      if (how !== undefined) failed(how);
    }
  } catch {
    // Closed while it was read.
  }
}

const handshakeFailures: { readonly [T in Event['type']]?: HandshakeFailure } = {
  'handshake:error:auth': 'key',
  'handshake:error:protocol': 'protocol',
  'handshake:error:other': 'cut',
};

/** `lingers`: what was written last is to leave. */
export function closeSocket(socket: Router | Dealer, lingers: boolean): void {
  if (socket.closed) return;
  if (lingers) socket.linger = closingLingerMs;
  socket.close();
}

/**
 * Hands on what comes until the socket is closed. Timers and other sockets have their turn in between: a loop over `receive` alone
 * starves them as long as there is something to read.
 */
export async function readSocket(
  socket: Router | Dealer,
  { turnMsMax, turnMessagesMax }: MeshLimits,
  take: (parts: readonly Buffer[]) => void,
): Promise<void> {
  let taken = 0;
  let turnEndsMs = performance.now() + turnMsMax;
  while (!socket.closed) {
    let parts: readonly Buffer[];
    try {
      parts = await socket.receive();
    } catch {
      // Closed, or woken for nothing. Should it go on failing, it must not turn in circles.
      if (!socket.closed) await pause();
      continue;
    }
    take(parts);
    if (++taken < turnMessagesMax && performance.now() < turnEndsMs) continue;
    await nextTurn();
    taken = 0;
    turnEndsMs = performance.now() + turnMsMax;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, failurePauseMs));
}

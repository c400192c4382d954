/**
 * Where an invocation waits, and for what: for an executor here, for a place elsewhere, or for its inputs.
 *
 *   F1  An invocation waits here first. It is forwarded only when no executor has taken it for about as long as an attempt takes; at once if
 *       all have been busy for as long already, with what will obviously last.
 *   F2  Most of its inputs' bytes on another worker: it is placed there at once, if there is room.
 *   F3  Nobody has room: it stays where it was. Nothing is ever without an owner: until a host has it, it is in this queue.
 *   F4  What runs here has its inputs here: those that are far away are brought first, each once.
 */
import { type Address, send, type Out } from '../actor.ts';
import type { PlacementRequest } from '../protocol/lodging.ts';
import type { Input } from '../protocol/object.ts';
import { bringObjects } from './far-objects.ts';
import { type ClusterState, clusterOf, type Invocation, type SchedulerState, type SessionObject } from './state.ts';

const forwardTimer = 'forward';
const delayMsMin = 2;
const delayMsMax = 200;
/** Below so many bytes it does not matter where they are. */
const nearBytesMin = 64 * 1024;
export const placementTimeoutMs = 1_000;

/** To be called when something waits for an executor. */
export function watchQueue(state: SchedulerState, out: Out): void {
  const { cluster, queue, address } = state;
  if (!cluster || cluster.isForwarding) return;
  if (queue.length === 0) {
    cluster.fruitless = 0;
    return;
  }
  cluster.isForwarding = true;
  if (cluster.fruitless === 0 && isStuck(cluster, out.nowMs) && queue.some(1, isOwn).length > 0)
    return out.push(send(address, { kind: 'forwardDue' }));
  out.push({ kind: 'startTimer', id: forwardTimer, afterMs: forwardDelayMs(cluster), message: { kind: 'forwardDue' } });
}

/** How long an invocation waits before it is forwarded: twice as long each time that nobody had room. */
export function forwardDelayMs({ serviceMs, fruitless }: ClusterState): number {
  return Math.min(delayMsMax, Math.max(delayMsMin, serviceMs) * 2 ** fruitless);
}

/** Nothing has begun here for so long that nothing is likely to soon. */
export function isStuck(cluster: ClusterState, nowMs: number): boolean {
  return nowMs - cluster.beganMs >= forwardDelayMs(cluster);
}

/** Lodgers are not passed on: their homes know where they are. */
export function isOwn({ origin }: Invocation): boolean {
  return origin === null;
}

/** How long an attempt took here. Beyond the longest delay it does not matter, and would be long remembered. */
export function noteService({ cluster }: SchedulerState, tookMs: number): void {
  if (cluster) cluster.serviceMs += (Math.min(tookMs, delayMsMax) - cluster.serviceMs) / 16;
}

export function askPlaces(state: SchedulerState, invocations: readonly Invocation[], out: Out): void {
  const byCoordinator = new Map<Address, PlacementRequest[]>();
  for (const invocation of invocations) {
    const { coordinator } = invocation.session;
    const requests = byCoordinator.get(coordinator) ?? [];
    byCoordinator.set(coordinator, requests);
    requests.push(requestOf(state, invocation));
  }
  for (const [coordinator, requests] of byCoordinator)
    out.push(send(coordinator, { kind: 'placementAsked', home: state.address, requests }));
  awaitPlaces(clusterOf(state), out);
}

/** A timer for whoever is not answered; another question does not put it off. */
export function awaitPlaces(cluster: ClusterState, out: Out): void {
  if (cluster.isAsking) return;
  cluster.isAsking = true;
  out.push({ kind: 'startTimer', id: 'placement', afterMs: placementTimeoutMs, message: { kind: 'placementOverdue' } });
}

function requestOf(state: SchedulerState, { number, session, inputs }: Invocation): PlacementRequest {
  const held = [...bytesByNode(state, inputs)].map(([node, sizeBytes]) => ({ worker: `scheduler@${node}`, sizeBytes }));
  return { invocation: number, app: session.table.name, revision: session.table.revision, held };
}

/** Of large objects only. */
export function bytesByNode(state: SchedulerState, inputs: readonly Input[]): ReadonlyMap<string, number> {
  const { node } = clusterOf(state);
  const bytes = new Map<string, number>();
  for (const { ref } of inputs) {
    if (ref.inline) continue;
    const at = ref.remote?.node ?? node;
    bytes.set(at, (bytes.get(at) ?? 0) + ref.sizeBytes);
  }
  return bytes;
}

/** Where a new invocation begins: in the queue, unless its inputs are not here. */
export function place(state: SchedulerState, invocation: Invocation, out: Out): void {
  if (!state.cluster || !invocation.inputs.some(({ ref }) => ref.remote)) return enqueue(state, invocation, out);
  invocation.place = 'placing';
  invocation.queuedMs = out.nowMs;
  if (isBetterElsewhere(state, invocation.inputs)) return askPlaces(state, [invocation], out);
  bring(state, invocation, out);
}

function isBetterElsewhere(state: SchedulerState, inputs: readonly Input[]): boolean {
  const { node } = clusterOf(state);
  const bytes = bytesByNode(state, inputs);
  const here = bytes.get(node) ?? 0;
  return [...bytes].some(([other, held]) => other !== node && held > here && held >= nearBytesMin);
}

export function enqueue(state: SchedulerState, invocation: Invocation, out: Out): void {
  invocation.place = 'queued';
  invocation.queuedMs = out.nowMs;
  state.queue.add(invocation);
}

export function bring(state: SchedulerState, invocation: Invocation, out: Out): void {
  const { session, inputs } = invocation;
  const far = inputs.filter(({ ref }) => ref.remote).map((input) => input as SessionObject);
  if (far.length === 0) return enqueue(state, invocation, out);
  bringObjects(state, session, far, { kind: 'run', invocation }, out);
}

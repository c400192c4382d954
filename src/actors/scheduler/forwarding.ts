/**
 * What comes of looking for places on other workers, and of bringing objects from there (F1 to F4: `placing.ts`).
 *
 *   F5  A host says with a lodger's end whether it has room for another. For a moment that is an offer, and saves the round of questions; if
 *       it is no longer true, the host refuses, and after a while the coordinator is asked.
 */
import type { Address, Out } from '../actor.ts';
import type { LodgingMessage } from '../protocol/lodging.ts';
import type { Ref } from '../../storage/object.ts';
import { endAttempt, failInvocation, startAway } from './invocations.ts';
import {
  askPlaces,
  awaitPlaces,
  bring,
  bytesByNode,
  enqueue,
  forwardDelayMs,
  isOwn,
  isStuck,
  placementTimeoutMs,
  watchQueue,
} from './placing.ts';
import { failSession } from './session-end.ts';
import { settle } from './settle.ts';
import { type Bringing, clusterOf, type Invocation, type SchedulerState, type Session, type SessionObject } from './state.ts';

type Message<K extends LodgingMessage['kind']> = Extract<LodgingMessage, { kind: K }>;

/** Invocations for which a place is sought at a time. */
const batchMax = 64;
const fruitlessMax = 8;

/** How long a worker is taken to have room after it has said so. */
const offerMsMax = 50;

export function forwardSome(state: SchedulerState, out: Out): void {
  const cluster = clusterOf(state);
  const waiting = state.queue.some(batchMax, isOwn);
  // The queue is seldom empty; each of those in it may have come just now.
  const sinceMs = out.nowMs - forwardDelayMs(cluster);
  const late = isStuck(cluster, out.nowMs) ? waiting : waiting.filter(({ queuedMs }) => queuedMs <= sinceMs);
  const left = late.filter((invocation) => !useOffer(state, invocation, out));
  if (left.length > 0) return askPlaces(state, left, out);
  cluster.isForwarding = false;
  watchQueue(state, out);
}

/** F5: without a question, if a worker has had room a moment ago. Of those with large inputs the coordinator knows better. */
function useOffer(state: SchedulerState, invocation: Invocation, out: Out): boolean {
  const { offers } = clusterOf(state);
  if (offers.size === 0 || bytesByNode(state, invocation.inputs).size > 0) return false;
  for (const [worker, offer] of offers) {
    if (offer.app !== invocation.session.app || out.nowMs - offer.sinceMs > offerMsMax) {
      offers.delete(worker);
      continue;
    }
    if (--offer.free <= 0) offers.delete(worker);
    forward(state, invocation, worker, true, out);
    return true;
  }
  return false;
}

/** From the queue. */
function forward(state: SchedulerState, invocation: Invocation, worker: Address, ifFree: boolean, out: Out): void {
  state.queue.forget();
  clusterOf(state).totals.forwarded++;
  startAway(state, invocation, worker, ifFree, out);
}

/** What a host has said with the end of a lodger. After a refusal the next question waits, or they would follow each other without end. */
export function noteOffer(state: SchedulerState, { app }: Session, worker: Address, isRefused: boolean, free: number, out: Out): void {
  const cluster = clusterOf(state);
  if (isRefused) cluster.fruitless = Math.min(fruitlessMax, cluster.fruitless + 1);
  if (free > 0 && !isRefused) cluster.offers.set(worker, { app, free, sinceMs: out.nowMs });
  else cluster.offers.delete(worker);
}

export function takePlaces(state: SchedulerState, { places }: Message<'placed'>, out: Out): void {
  const cluster = clusterOf(state);
  cluster.isForwarding = false;
  const before = cluster.totals.forwarded;
  for (const { invocation: number, worker } of places) {
    const invocation = state.invocations.get(number);
    if (!invocation?.session.open) continue;
    const isPlacing = invocation.place === 'placing';
    if (!isPlacing && invocation.place !== 'queued') continue;
    if (worker === null || worker === state.address) {
      if (isPlacing) bring(state, invocation, out);
      continue;
    }
    if (!isPlacing) {
      forward(state, invocation, worker, false, out);
      continue;
    }
    cluster.totals.placedNear++;
    cluster.totals.forwarded++;
    startAway(state, invocation, worker, false, out);
  }
  // All are busy: asking as often as before would only keep them so.
  cluster.fruitless = cluster.totals.forwarded > before ? 0 : Math.min(fruitlessMax, cluster.fruitless + 1);
  watchQueue(state, out);
}

/** A coordinator that does not answer: what waits for it is run here. */
export function endPlacing(state: SchedulerState, out: Out): void {
  const cluster = clusterOf(state);
  cluster.isForwarding = false;
  cluster.isAsking = false;
  const sinceMs = out.nowMs - placementTimeoutMs;
  for (const invocation of state.invocations.values()) {
    if (invocation.place !== 'placing' || isComing(state, invocation)) continue;
    if (invocation.queuedMs <= sinceMs) bring(state, invocation, out);
    else awaitPlaces(cluster, out);
  }
  watchQueue(state, out);
}

function isComing(state: SchedulerState, invocation: Invocation): boolean {
  for (const { goal } of clusterOf(state).bringing.values()) if (goal.kind === 'run' && goal.invocation === invocation) return true;
  return false;
}

/** What they were needed for, as far as somebody still needs it. */
export function takeBrought(state: SchedulerState, { request, refs, error }: Message<'objectsBrought'>, out: Out): Bringing | null {
  const cluster = clusterOf(state);
  const bringing = cluster.bringing.get(request);
  cluster.bringing.delete(request);
  if (!bringing) return null;
  const { objects, session, goal } = bringing;
  for (const [i, ref] of refs.entries()) settleRef(session, objects[i], ref, out);
  // Whoever asked is answered, whatever has become of the session.
  if (!session.open) return goal.kind === 'again' ? bringing : null;
  if (goal.kind === 'run') {
    if (goal.invocation.place !== 'placing') return null;
    if (error) failInvocation(state, goal.invocation, error, out);
    else enqueue(state, goal.invocation, out);
  } else if (error) failSession(state, session, error, out);
  return bringing;
}

/** Another may have brought it meanwhile, or nobody needs it any more. */
function settleRef(session: Session, object: SessionObject | undefined, ref: Ref, out: Out): void {
  if (object?.ref.remote && session.open) object.ref = ref;
  else if (ref.offset >= 0) out.push({ kind: 'release', offset: ref.offset });
}

/** Its lodgers are lost, and so is what lies there. */
export function loseHost(state: SchedulerState, worker: Address, out: Out): void {
  clusterOf(state).offers.delete(worker);
  for (const invocation of [...state.invocations.values()]) {
    if (invocation.host !== worker) continue;
    const { number, attempt } = invocation;
    const text = `worker ${worker} is gone`;
    const session = endAttempt(state, number, attempt, -1, { kind: 'lost', reason: 'lost', culprit: false, text }, out);
    if (session) settle(state, session, out);
  }
}

/** What comes of looking for places on other workers, and of bringing objects from there (F1 to F4: `placing.ts`). */
import { type Address, type Out } from '../actor.ts';
import type { LodgingMessage } from '../protocol/lodging.ts';
import type { Ref } from '../../storage/object.ts';
import { endAttempt, failInvocation, startAway } from './invocations.ts';
import { askPlaces, awaitPlaces, bring, enqueue, forwardDelayMs, placementTimeoutMs, watchQueue } from './placing.ts';
import { failSession } from './session-end.ts';
import { settle } from './settle.ts';
import { type Bringing, clusterOf, type Invocation, type SchedulerState, type Session, type SessionObject } from './state.ts';

type Message<K extends LodgingMessage['kind']> = Extract<LodgingMessage, { kind: K }>;

/** Invocations for which a place is sought at a time. */
const batchMax = 64;
const fruitlessMax = 8;

export function forwardSome(state: SchedulerState, out: Out): void {
  const cluster = clusterOf(state);
  // Lodgers are not passed on: their homes know where they are.
  const waiting = state.queue.some(batchMax, ({ origin }) => origin === null);
  // The queue is seldom empty; each of those in it may have come just now.
  const sinceMs = out.nowMs - forwardDelayMs(cluster);
  const late = waiting.filter(({ queuedMs }) => queuedMs <= sinceMs);
  if (late.length === 0) {
    cluster.isForwarding = false;
    return watchQueue(state, out);
  }
  askPlaces(state, late, out);
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
    if (isPlacing) cluster.totals.placedNear++;
    else state.queue.forget();
    cluster.totals.forwarded++;
    startAway(state, invocation, worker, out);
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
  for (const invocation of [...state.invocations.values()]) {
    if (invocation.host !== worker) continue;
    const { number, attempt } = invocation;
    const text = `worker ${worker} is gone`;
    const session = endAttempt(state, number, attempt, -1, { kind: 'lost', reason: 'lost', culprit: false, text }, out);
    if (session) settle(state, session, out);
  }
}

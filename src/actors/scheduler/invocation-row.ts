/** The row of an invocation: from its firing until it is done. */
import type { AppFunction } from '../app.ts';
import type { Input } from '../protocol/object.ts';
import type { Invocation, SchedulerState, Session } from './state.ts';

export function createInvocation(
  state: SchedulerState,
  session: Session,
  fn: AppFunction,
  inputs: readonly Input[],
  near: number,
  origin: Invocation['origin'] = null,
): Invocation {
  session.invocationsMade++;
  // A lodger is counted at home.
  if (!origin) state.totals.invocations++;
  const counts = session.counts[fn.index];
  if (counts) counts.invocations++;
  return {
    number: state.nextInvocation++,
    session,
    fn,
    inputs,
    near,
    place: 'queued',
    queuedAs: -1,
    queuedMs: 0,
    host: null,
    origin,
    pinned: null,
    startedMs: 0,
    executor: -1,
    held: false,
    attempt: 0,
    spent: 0,
    losses: 0,
    reruns: 0,
    rerunDue: false,
    objectsArrived: 0,
    outputsArrived: 0,
    outputsDelivered: 0,
    seen: null,
    sent: [],
    borrowed: null,
    delivered: null,
  };
}

/** From here on it counts for its session. */
export function addInvocation(state: SchedulerState, invocation: Invocation): void {
  const { session, fn } = invocation;
  state.invocations.set(invocation.number, invocation);
  session.invocations.add(invocation);
  session.live[fn.index] = (session.live[fn.index] ?? 0) + 1;
  session.liveTotal++;
}

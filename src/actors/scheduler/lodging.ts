/**
 * Invocations of other workers' sessions: this worker runs an attempt of each, and says at their home what came of it.
 *
 *   G1  A lodger is one attempt: retries, reruns and all that its objects cause are its home's. Its end is told exactly once.
 *   G2  What lodgers have sent is held here, for their session, until their home checks it out.
 *   G3  A home that is gone takes its lodgers with it.
 */
import { send, type Out } from '../actor.ts';
import type { FromThread } from '../protocol/executor.ts';
import type { LodgingMessage } from '../protocol/lodging.ts';
import type { AttemptOutcome } from '../protocol/scheduler.ts';
import { retireRevision } from './apps.ts';
import { addInvocation, createInvocation } from './invocation-row.ts';
import { attemptOf } from './objects.ts';
import { retireLive } from './retire.ts';
import { createRow } from './session-row.ts';
import { type ClusterState, clusterOf, holdsBlock, type Invocation, type SchedulerState, type Session, threadAddress } from './state.ts';

type Message<K extends LodgingMessage['kind']> = Extract<LodgingMessage, { kind: K }>;
type FromThreadKind<K extends FromThread['kind']> = Extract<FromThread, { kind: K }>;

export function offerSlots(state: SchedulerState, { coordinator }: Message<'slotsAsked'>, out: Out): void {
  out.push(send(coordinator, { kind: 'slotsOffered', worker: state.address, free: freeSlots(state) }));
}

/** Executors with nothing to do, and nothing that waits for them. */
function freeSlots({ executors, queue }: SchedulerState): number {
  let free = 0;
  for (const { ready, ending, running } of executors.values()) if (ready && !ending && running === 0) free++;
  return Math.max(0, free - queue.length);
}

export function takeLodger(state: SchedulerState, message: Message<'lodge'>, out: Out): void {
  const cluster = clusterOf(state);
  const { invocation: number, attempt, owned, inputs } = message;
  const name = lodgerName(message);
  const app = state.apps.get(message.app)?.get(message.revision);
  const fn = app?.table.functions[message.function];
  if (cluster.lodgers.has(name) || !app || !fn || message.failure || (message.ifFree && freeSlots(state) === 0)) {
    for (const offset of owned) out.push({ kind: 'release', offset });
    if (!cluster.lodgers.has(name)) refuseLodger(state, message, out);
    return;
  }
  const session = guestOf(state, cluster, message, out.nowMs);
  const lodger = createInvocation(state, session, fn, inputs, -1, { invocation: number, attempt });
  // Let go of with the attempt.
  lodger.borrowed = owned.length > 0 ? [...owned] : null;
  cluster.lodgers.set(name, lodger);
  cluster.totals.lodged++;
  addInvocation(state, lodger);
  state.queue.add(lodger);
}

/** It has not begun. Without its inputs it cannot; without the app, or an executor, another worker may have it. */
function refuseLodger(state: SchedulerState, { home, session, invocation, attempt, failure }: Message<'lodge'>, out: Out): void {
  const outcome: AttemptOutcome = failure ? { kind: 'failed', error: failure } : { kind: 'refused' };
  out.push(send(home, { kind: 'lodgerEnded', session, invocation, attempt, outcome, free: failure ? freeSlots(state) : 0 }));
}

function guestOf(state: SchedulerState, cluster: ClusterState, message: Message<'lodge'>, nowMs: number): Session {
  const { home, session: id, app: name, revision, priority } = message;
  const key = guestName(home, id);
  const known = cluster.guests.get(key);
  if (known) return known;
  const app = state.apps.get(name)?.get(revision);
  if (!app) throw new Error(`bug: app ${name} revision ${revision} was not checked`);
  const guest = createRow({
    number: state.nextSession++,
    spec: { id, app: name, client: home, called: false, priority, retryOf: null },
    coordinator: home,
    app,
    firing: null,
    home,
    openedMs: nowMs,
    // Its home's business.
    dueMs: Number.POSITIVE_INFINITY,
  });
  app.sessions++;
  cluster.guests.set(key, guest);
  return guest;
}

/** What an attempt of a lodger has sent goes to its home; the bytes stay. */
export function passObject(state: SchedulerState, lodger: Invocation, message: FromThreadKind<'objectSent'>, out: Out): void {
  const { ref } = message;
  if (holdsBlock(ref)) {
    out.push({ kind: 'adopt', offset: ref.offset });
    if (!attemptOf(state, message)) return out.push({ kind: 'release', offset: ref.offset });
    lodger.session.owned.push(ref.offset);
  }
  if (attemptOf(state, message)) out.push(send(homeOf(lodger), { ...message, ...originOf(lodger) }));
}

/** The block passes to the home, which brings it there for the client. */
export function passOutput(state: SchedulerState, lodger: Invocation, message: FromThreadKind<'outputSent'>, out: Out): void {
  const { ref, ordinal } = message;
  if (holdsBlock(ref)) {
    out.push({ kind: 'adopt', offset: ref.offset });
    if (!attemptOf(state, message)) return out.push({ kind: 'release', offset: ref.offset });
    lodger.session.owned.push(ref.offset);
  }
  if (!attemptOf(state, message)) return;
  const session = lodger.session.spec.id;
  out.push(send(homeOf(lodger), { kind: 'lodgerOutput', session, ...originOf(lodger), ordinal, ref, failure: null }));
}

export function passQuestion(lodger: Invocation, message: FromThreadKind<'expectSent' | 'objectsAsked'>, out: Out): void {
  out.push(send(homeOf(lodger), { ...message, ...originOf(lodger) }));
}

export function passAnswer(state: SchedulerState, message: Message<'lodgerAnswer'>, out: Out): void {
  const lodger = clusterOf(state).lodgers.get(lodgerName(message));
  const { request, error, objects, owned } = message;
  if (!lodger?.held) {
    for (const offset of owned) out.push({ kind: 'release', offset });
    return;
  }
  const brought = new Set(owned);
  for (const { ref } of objects) {
    if (!holdsBlock(ref)) continue;
    // What lies here is its session's, which may end before the attempt.
    if (!brought.has(ref.offset)) out.push({ kind: 'pin', offset: ref.offset });
    (lodger.borrowed ??= []).push(ref.offset);
  }
  out.push(send(threadAddress(lodger.executor), { kind: 'answer', request, error, objects, ref: null }));
}

/** Nobody needs it any more. */
export function unlodge(state: SchedulerState, message: Message<'unlodge'>, out: Out): void {
  const lodger = clusterOf(state).lodgers.get(lodgerName(message));
  if (!lodger) return;
  const hadBegun = lodger.held;
  retireLive(state, lodger, message.graceMs, out);
  if (!hadBegun) endLodger(state, lodger, { kind: 'aborted' }, out);
}

/** Its attempt has ended, or will never begin. */
export function endLodger(state: SchedulerState, lodger: Invocation, outcome: AttemptOutcome, out: Out): void {
  const { session, origin } = lodger;
  if (!origin) throw new Error(`bug: invocation ${lodger.number} is no lodger`);
  for (const offset of lodger.borrowed ?? []) out.push({ kind: 'release', offset });
  lodger.borrowed = null;
  if (lodger.place !== 'done') {
    if (lodger.place !== 'stopping') {
      session.live[lodger.fn.index] = (session.live[lodger.fn.index] ?? 0) - 1;
      session.liveTotal--;
    }
    session.invocations.delete(lodger);
    lodger.place = 'done';
    state.invocations.delete(lodger.number);
  }
  clusterOf(state).lodgers.delete(lodgerName({ home: homeOf(lodger), session: session.spec.id, ...origin }));
  out.push(send(homeOf(lodger), { kind: 'lodgerEnded', session: session.spec.id, ...origin, outcome, free: freeSlots(state) }));
  forgetGuest(state, session, out);
}

export function checkOut(state: SchedulerState, home: string, id: string, out: Out): void {
  const guest = clusterOf(state).guests.get(guestName(home, id));
  if (!guest?.open) return;
  guest.open = false;
  for (const offset of guest.owned.splice(0)) out.push({ kind: 'release', offset });
  for (const lodger of [...guest.invocations]) {
    const hadBegun = lodger.held;
    retireLive(state, lodger, state.limits.abortGraceMs, out);
    if (!hadBegun) endLodger(state, lodger, { kind: 'aborted' }, out);
  }
  forgetGuest(state, guest, out);
}

/** Its home is no more: nobody will check it out. */
export function evictGuests(state: SchedulerState, home: string, out: Out): void {
  for (const guest of [...clusterOf(state).guests.values()]) if (guest.home === home) checkOut(state, home, guest.spec.id, out);
}

/** When its home is done with it, and its last lodger has ended. */
function forgetGuest(state: SchedulerState, guest: Session, out: Out): void {
  const cluster = clusterOf(state);
  if (guest.open || [...cluster.lodgers.values()].some(({ session }) => session === guest)) return;
  if (!cluster.guests.delete(guestName(guest.home ?? '', guest.spec.id))) return;
  guest.app.sessions--;
  retireRevision(state, guest.app, out);
}

function originOf({ origin }: Invocation): { readonly invocation: number; readonly attempt: number } {
  if (!origin) throw new Error('bug: it is no lodger');
  return origin;
}

function homeOf({ session }: Invocation): string {
  if (session.home === null) throw new Error(`bug: session ${session.spec.id} is homed here`);
  return session.home;
}

function guestName(home: string, session: string): string {
  return `${home} ${session}`;
}

/** With its session: a worker that is started anew under its name counts its invocations anew. */
function lodgerName({
  home,
  session,
  invocation,
  attempt,
}: {
  readonly home: string;
  readonly session: string;
  readonly invocation: number;
  readonly attempt: number;
}): string {
  return `${home} ${session} ${invocation} ${attempt}`;
}

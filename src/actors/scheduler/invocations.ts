/**
 * The life of an invocation: a firing makes it, the queue holds it, executors run its attempts, and it is done once.
 *
 *   I1  A firing makes exactly one invocation; `done` is reached once, and leaves no row, pin or timer behind.
 *   I2  Inputs are pinned from an attempt's start until the executor has let go of it, also when nobody needs it any more.
 *   I3  An invocation counts for its session (`live`) from its firing until it is `done` or `stopping`.
 */
import { type Address, send, type Out } from '../actor.ts';
import { type AppFunction, type AppTrigger, backoffMs } from '../app.ts';
import { errorData, type ErrorData } from '../protocol/error.ts';
import type { Input } from '../protocol/object.ts';
import type { AttemptOutcome } from '../protocol/scheduler.ts';
import { addInvocation, createInvocation } from './invocation-row.ts';
import { endLodger } from './lodging.ts';
import { noteService, place, watchQueue } from './placing.ts';
import { decideRerun, isDelivered, stopWatching, watchDelivery } from './reruns.ts';
import { retireLive, retryTimer } from './retire.ts';
import { failSession } from './session-end.ts';
import { bucketAddress, type ExecutorSlot, holdsBlock, type Invocation, type SchedulerState, type Session } from './state.ts';

export function makeInvocation(
  state: SchedulerState,
  session: Session,
  fn: AppFunction,
  inputs: readonly Input[],
  near: number,
  out: Out,
): void {
  const { invocationsPerSessionMax } = state.limits;
  if (session.invocationsMade >= invocationsPerSessionMax) {
    const detail = { app: session.table.name, session: session.spec.id, function: fn.name, invocationsMax: invocationsPerSessionMax };
    const text = `more than ${invocationsPerSessionMax} invocations in one session; the last was of ${fn.name}: does a loop of functions never end?`;
    return failSession(state, session, errorData('InvocationsExceeded', text, detail), out);
  }
  const invocation = createInvocation(state, session, fn, inputs, near);
  addInvocation(state, invocation);
  place(state, invocation, out);
}

/** Gives waiting invocations to executors that have room. */
export function dispatch(state: SchedulerState, out: Out): void {
  const executors = [...state.executors.values()];
  for (let next = state.queue.take(executors); next; next = state.queue.take(executors)) {
    startAttempt(next.invocation, next.executor, out);
    if (state.cluster) state.cluster.beganMs = out.nowMs;
  }
  watchQueue(state, out);
  const accepts = !state.retiring && state.queue.length <= state.limits.queuedInvocationsMax * (state.accepts ? 1 : 0.5);
  if (accepts === state.accepts) return;
  state.accepts = accepts;
  for (const coordinator of state.coordinators) out.push(send(coordinator, { kind: 'workerLoad', worker: state.address, accepts }));
}

function startAttempt(invocation: Invocation, executor: ExecutorSlot, out: Out): void {
  const { fn, session, inputs } = invocation;
  countAttempt(invocation);
  occupy(executor, invocation, out);
  watchDelivery(invocation, out);
  out.push(
    send(executor.address, {
      kind: 'invoke',
      timeoutMs: fn.timeoutMs,
      run: {
        kind: 'run',
        invocation: invocation.number,
        attempt: invocation.attempt,
        app: session.table.name,
        revision: session.table.revision,
        function: fn.index,
        session: session.spec.id,
        inputs,
      },
    }),
  );
}

function countAttempt(invocation: Invocation): void {
  const { session, fn } = invocation;
  invocation.attempt++;
  invocation.objectsArrived = 0;
  invocation.outputsArrived = 0;
  const counts = session.counts[fn.index];
  if (counts) counts.attempts++;
}

/** The executor has an attempt of it, whose inputs are held until `endAttempt`. */
export function occupy(executor: ExecutorSlot, invocation: Invocation, out: Out): void {
  const { fn } = invocation;
  invocation.executor = executor.number;
  executor.limit = executor.running === 0 ? fn.concurrency : Math.min(executor.limit, fn.concurrency);
  executor.running++;
  holdInputs(invocation, out);
}

function holdInputs(invocation: Invocation, out: Out): void {
  invocation.startedMs = out.nowMs;
  invocation.place = 'running';
  invocation.held = true;
  let pinned: number[] | null = null;
  for (const { ref } of invocation.inputs) {
    if (!holdsBlock(ref)) continue;
    out.push({ kind: 'pin', offset: ref.offset });
    (pinned ??= []).push(ref.offset);
  }
  invocation.pinned = pinned;
}

/** The same on another worker. `ifFree`: it may have no room by now. */
export function startAway(state: SchedulerState, invocation: Invocation, host: Address, ifFree: boolean, out: Out): void {
  const { fn, session, inputs, number } = invocation;
  countAttempt(invocation);
  invocation.executor = -1;
  invocation.host = host;
  session.hosts.add(host);
  holdInputs(invocation, out);
  watchDelivery(invocation, out);
  const { name: app, revision } = session.table;
  out.push(
    send(host, {
      kind: 'lodge',
      home: state.address,
      session: session.spec.id,
      invocation: number,
      attempt: invocation.attempt,
      app,
      revision,
      function: fn.index,
      priority: session.spec.priority,
      inputs,
      owned: [],
      failure: null,
      ifFree,
    }),
  );
}

/** The executor has let go of an attempt. */
export function endAttempt(
  state: SchedulerState,
  number: number,
  attempt: number,
  executor: number,
  outcome: AttemptOutcome,
  out: Out,
): Session | null {
  const invocation = state.invocations.get(number);
  if (!invocation || invocation.attempt !== attempt) return null;
  const slot = state.executors.get(executor);
  if (slot) slot.running--;
  invocation.held = false;
  invocation.host = null;
  if (executor !== -1 && outcome.kind !== 'refused') noteService(state, out.nowMs - invocation.startedMs);
  for (const offset of invocation.pinned ?? []) out.push({ kind: 'release', offset });
  invocation.pinned = null;
  if (invocation.origin) {
    endLodger(state, invocation, outcome, out);
    return null;
  }
  for (const offset of invocation.borrowed ?? []) out.push({ kind: 'release', offset });
  invocation.borrowed = null;
  if (invocation.place === 'stopping') {
    invocation.place = 'done';
    state.invocations.delete(number);
    return null;
  }
  settleAttempt(state, invocation, outcome, out);
  return invocation.session;
}

function settleAttempt(state: SchedulerState, invocation: Invocation, outcome: AttemptOutcome, out: Out): void {
  if (outcome.kind === 'refused') uncountAttempt(invocation);
  if (invocation.rerunDue) {
    invocation.rerunDue = false;
    return rest(invocation, rerunPauseMs(invocation), out);
  }
  switch (outcome.kind) {
    case 'returned':
      checkArrived(invocation, outcome);
      if (isDelivered(invocation)) complete(state, invocation, out);
      else invocation.place = 'watched';
      return;
    case 'failed':
      return failAttempt(state, invocation, outcome.error, out);
    case 'aborted':
    case 'refused':
      return place(state, invocation, out);
    case 'lost':
      return loseAttempt(state, invocation, outcome, out);
  }
}

/** It never began: the next one has its number. */
function uncountAttempt(invocation: Invocation): void {
  const counts = invocation.session.counts[invocation.fn.index];
  if (counts) counts.attempts--;
  invocation.attempt--;
}

/** All that the attempt sent was sent before its end, and links keep order: what is missing now is a bug. */
function checkArrived(invocation: Invocation, { objects, outputs }: { readonly objects: number; readonly outputs: number }): void {
  if (invocation.objectsArrived === objects && invocation.outputsArrived === outputs) return;
  const arrived = `${invocation.objectsArrived} objects and ${invocation.outputsArrived} outputs`;
  throw new Error(
    `bug: attempt ${invocation.attempt} of invocation ${invocation.number} sent ${objects} and ${outputs}, but ${arrived} arrived`,
  );
}

function failAttempt(state: SchedulerState, invocation: Invocation, error: ErrorData, out: Out): void {
  const { fn, session } = invocation;
  const counts = session.counts[fn.index];
  if (counts) counts.failures++;
  invocation.spent++;
  if (invocation.spent < fn.retry.attemptsMax) return rest(invocation, backoffMs(fn.retry.backoff, invocation.spent + 1), out);
  failInvocation(state, invocation, described(invocation, error), out);
}

function described(invocation: Invocation, error: ErrorData): ErrorData {
  const { fn, session, attempt, number } = invocation;
  const detail = { ...error.detail, app: session.table.name, session: session.spec.id, function: fn.name, invocation: number, attempt };
  return { ...error, message: `function ${fn.name}: ${error.message}`, detail };
}

function loseAttempt(state: SchedulerState, invocation: Invocation, lost: Extract<AttemptOutcome, { kind: 'lost' }>, out: Out): void {
  const crash = errorData('ExecutorCrashed', lost.text, { reason: lost.reason });
  if (lost.culprit) return failAttempt(state, invocation, crash, out);
  invocation.losses++;
  if (invocation.losses > state.limits.executorLossesMax) return failAttempt(state, invocation, crash, out);
  place(state, invocation, out);
}

function rest(invocation: Invocation, afterMs: number, out: Out): void {
  invocation.place = 'resting';
  stopWatching(invocation, out);
  const { number, attempt } = invocation;
  out.push({ kind: 'startTimer', id: retryTimer(invocation), afterMs, message: { kind: 'retryDue', invocation: number, attempt } });
}

function rerunPauseMs(invocation: Invocation): number {
  const pauses = (invocation.session.table.rerunsOf[invocation.fn.index] ?? []).map(({ rerun }) =>
    rerun ? backoffMs(rerun.backoff, invocation.reruns + 1) : 0,
  );
  return Math.max(0, ...pauses);
}

export function endRest(state: SchedulerState, number: number, attempt: number, out: Out): void {
  const invocation = state.invocations.get(number);
  if (invocation?.place === 'resting' && invocation.attempt === attempt) place(state, invocation, out);
}

/** A source is late with what a trigger expects of it. */
export function reachRerun(state: SchedulerState, number: number, attempt: number, index: number, out: Out): Session | null {
  const invocation = state.invocations.get(number);
  const trigger = invocation?.session.table.triggers[index];
  if (!invocation || invocation.attempt !== attempt || !trigger) return null;
  const decision = decideRerun(state, invocation, trigger, out);
  if (decision.kind === 'rest') rest(invocation, decision.afterMs, out);
  if (decision.kind === 'giveUp') failInvocation(state, invocation, decision.error, out);
  return invocation.session;
}

/** A watched invocation whose object has come is done: one that was held back comes after its source has returned. */
export function completeWatched(state: SchedulerState, invocation: Invocation, out: Out): void {
  if (invocation.place === 'watched' && isDelivered(invocation)) complete(state, invocation, out);
}

/** For good: a loss where a redundant trigger counts it, else the session's end. */
export function failInvocation(state: SchedulerState, invocation: Invocation, error: ErrorData, out: Out): void {
  const { session, fn } = invocation;
  const absorbers = session.table.lossAbsorbersOf[fn.index] ?? [];
  if (absorbers.length === 0) return failSession(state, session, error, out);
  for (const trigger of absorbers) loseSource(session, trigger, invocation, false, out);
  retireLive(state, invocation, state.limits.abortGraceMs, out);
}

function loseSource(session: Session, trigger: AppTrigger, source: Invocation, cancelled: boolean, out: Out): void {
  // What it has sent stays, and counts when its `delayMs` is over. The round that cancels it needs nothing of it any more.
  if (!cancelled && isHeldBack(session, source, trigger.bucketIndex)) return;
  session.stepping++;
  session.touched.add(trigger.bucketIndex);
  out.push(
    send(bucketAddress(session.table.name, trigger.bucket), {
      kind: 'sourceLost',
      session: session.number,
      revision: session.table.revision,
      trigger: trigger.index,
      source: source.number,
      cancelled,
    }),
  );
}

function isHeldBack({ delayed }: Session, source: Invocation, bucket: number): boolean {
  for (const object of delayed) if (object.source === source && object.bucket === bucket) return true;
  return false;
}

/** A redundant trigger has what it needs: the rest of its sources stop. */
export function cancelSources(
  state: SchedulerState,
  session: Session,
  trigger: AppTrigger,
  names: readonly string[],
  except: readonly number[],
  out: Out,
): void {
  const graceMs = (trigger.options as { readonly abortGraceMs?: number } | null)?.abortGraceMs ?? state.limits.abortGraceMs;
  for (const invocation of [...session.invocations]) {
    if (!names.includes(invocation.fn.name) || except.includes(invocation.number)) continue;
    // Another trigger that counts on the same source has lost it, too.
    for (const absorber of session.table.lossAbsorbersOf[invocation.fn.index] ?? [])
      loseSource(session, absorber, invocation, absorber === trigger, out);
    retireLive(state, invocation, graceMs, out);
  }
}

/** Its work is done. A source that has sent nothing to a trigger that counts its losses will send nothing any more. */
function complete(state: SchedulerState, invocation: Invocation, out: Out): void {
  const { session, fn, sent } = invocation;
  for (const trigger of session.table.lossAbsorbersOf[fn.index] ?? []) {
    if (!sent.some(({ bucket }) => bucket === trigger.bucketIndex)) loseSource(session, trigger, invocation, false, out);
  }
  retireLive(state, invocation, state.limits.abortGraceMs, out);
}

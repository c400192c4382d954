/**
 * Function-level re-execution: a started source that has not delivered what a trigger's `rerun` expects is run again, alone.
 *
 *   R1  One attempt of an invocation runs at a time: a rerun first aborts the one that is late.
 *   R2  A returned invocation stays `watched`, and holds its session open, until what is expected of it has come.
 */
import { type Effect, send, type Out } from '../actor.ts';
import { type AppTrigger, backoffMs } from '../app.ts';
import { errorData, type ErrorData } from '../protocol/error.ts';
import { executorAddress, type Invocation, type SchedulerState, type SessionObject } from './state.ts';

function rerunsOf(invocation: Invocation): readonly AppTrigger[] {
  return invocation.session.table.rerunsOf[invocation.fn.index] ?? [];
}

/** Starts the watch over an attempt that is starting; of a lodger's its home has one. */
export function watchDelivery(invocation: Invocation, out: Out): void {
  if (invocation.origin) return;
  for (const trigger of rerunsOf(invocation)) {
    if (!trigger.rerun || invocation.delivered?.has(trigger.index)) continue;
    const { number, attempt } = invocation;
    out.push({
      kind: 'startTimer',
      id: rerunTimer(invocation, trigger),
      afterMs: trigger.rerun.timeoutMs,
      message: { kind: 'rerunTimeoutReached', invocation: number, trigger: trigger.index, attempt },
    });
  }
}

/** An object of the invocation was admitted: perhaps the expected one. */
export function noteDelivered(invocation: Invocation, object: SessionObject, out: Out): void {
  for (const trigger of rerunsOf(invocation)) {
    const { rerun } = trigger;
    if (!rerun || trigger.bucketIndex !== object.bucket || (rerun.key !== null && rerun.key !== object.key)) continue;
    invocation.delivered ??= new Set();
    if (invocation.delivered.has(trigger.index)) continue;
    invocation.delivered.add(trigger.index);
    out.push({ kind: 'stopTimer', id: rerunTimer(invocation, trigger) });
  }
}

export function isDelivered(invocation: Invocation): boolean {
  return rerunsOf(invocation).every((trigger) => invocation.delivered?.has(trigger.index) === true);
}

export function stopWatching(invocation: Invocation, out: Out): void {
  for (const trigger of rerunsOf(invocation)) out.push({ kind: 'stopTimer', id: rerunTimer(invocation, trigger) });
}

/** What to do about a late source: nothing, wait `afterMs` and run it again (once its attempt has let go), or give up. */
export type RerunDecision =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'rest'; readonly afterMs: number }
  | { readonly kind: 'abortFirst' }
  | { readonly kind: 'giveUp'; readonly error: ErrorData };

export function decideRerun(state: SchedulerState, invocation: Invocation, trigger: AppTrigger, out: Out): RerunDecision {
  const { rerun } = trigger;
  if (!rerun || invocation.delivered?.has(trigger.index)) return { kind: 'nothing' };
  if (invocation.place !== 'running' && invocation.place !== 'watched') return { kind: 'nothing' };
  if (invocation.rerunDue) return { kind: 'nothing' };
  if (invocation.reruns + 1 >= rerun.attemptsMax) return { kind: 'giveUp', error: exhausted(invocation, trigger) };
  invocation.reruns++;
  const counts = invocation.session.counts[invocation.fn.index];
  if (counts) counts.reruns++;
  if (invocation.place === 'watched') return { kind: 'rest', afterMs: backoffMs(rerun.backoff, invocation.reruns + 1) };
  invocation.rerunDue = true;
  out.push(abort(state, invocation, state.limits.abortGraceMs));
  return { kind: 'abortFirst' };
}

export function abort({ address }: SchedulerState, { executor, host, session, number, attempt }: Invocation, graceMs: number): Effect {
  if (host !== null) return send(host, { kind: 'unlodge', home: address, session: session.spec.id, invocation: number, attempt, graceMs });
  return send(executorAddress(executor), { kind: 'abortInvocation', invocation: number, attempt, graceMs });
}

function exhausted({ fn, session, attempt }: Invocation, { rerun, name, bucket }: AppTrigger): ErrorData {
  const what = rerun?.key === null || !rerun ? 'an object' : `key ${rerun.key}`;
  return errorData(
    'RerunExhausted',
    `function ${fn.name} did not deliver ${what} to bucket ${bucket} within ${rerun?.timeoutMs} ms, in ${rerun?.attemptsMax} attempts (trigger ${name})`,
    { app: session.table.name, session: session.spec.id, function: fn.name, trigger: name, bucket, attempt },
  );
}

function rerunTimer(invocation: Invocation, trigger: AppTrigger): string {
  return `rerun/${invocation.number}/${trigger.index}`;
}

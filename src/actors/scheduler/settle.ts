/**
 * When a session is quiet: which late triggers are due, and whether it has ended.
 *
 * A late trigger fires when nothing can feed it any more: a `dynamicGroup` when its sources are finished, a partial batch
 * before its session ends. What can still feed it is read off the functions' declared `sends` (`AppTrigger.blockers`).
 *
 *   S1  Nothing is decided while a bucket still has to answer a step (`stepping`).
 *   S2  A late trigger is due when no live invocation, held-back object, timer or other late trigger can feed it; of those
 *       that feed each other, also by way of others, the one declared first goes first.
 *   S3  A session ends when it is quiet and no late trigger is left. Without output, its triggers are asked what they wait for.
 */
import { send, type Out } from '../actor.ts';
import type { AppTrigger } from '../app.ts';
import { errorData } from '../protocol/error.ts';
import type { PendingTrigger } from '../protocol/session.ts';
import { endSession, failSession } from './session-end.ts';
import { sleep } from './sleep.ts';
import { bucketAddress, type SchedulerState, type Session } from './state.ts';

/** To be called after whatever may have made the session quieter. */
export function settle(state: SchedulerState, session: Session, out: Out): void {
  if (!session.open || session.stepping > 0) return;
  if (session.late.size > 0) {
    fireLate(session, out);
    if (session.stepping > 0) return;
  }
  if (!isQuiet(session) || session.settling) return;
  if (session.touched.size === 0 || (session.outputs > 0 && !session.table.hasExternalBucket)) return finish(state, session, [], out);
  session.settling = { waiting: session.touched.size, pending: [] };
  for (const index of session.touched) {
    const bucket = session.table.buckets[index];
    if (bucket) out.push(send(bucketAddress(session.table.name, bucket.name), { kind: 'settleSession', session: session.number }));
  }
}

function isQuiet(session: Session): boolean {
  return session.liveTotal === 0 && session.delayed.size === 0 && session.timed.size === 0 && session.unacknowledged === 0;
}

export function takeSettled(state: SchedulerState, session: Session, pending: readonly PendingTrigger[], out: Out): void {
  const { settling } = session;
  if (!settling) return;
  settling.pending.push(...pending);
  settling.waiting--;
  if (settling.waiting > 0) return;
  session.settling = null;
  if (session.stepping > 0 || session.late.size > 0 || !isQuiet(session)) return;
  finish(state, session, settling.pending, out);
}

function finish(state: SchedulerState, session: Session, pending: readonly PendingTrigger[], out: Out): void {
  if (waitsOutside(session, pending)) return sleep(state, session, out);
  if (session.outputs > 0 || pending.length === 0) return endSession(state, session, 'ended', null, out);
  const waits = pending.map(({ trigger, bucket, has, lacks }) => `${trigger} on ${bucket} has ${spoken(has)} and lacks ${spoken(lacks)}`);
  failSession(
    state,
    session,
    errorData('SessionIncomplete', `the session ended without output while triggers wait: ${waits.join('; ')}`, { pending }),
    out,
  );
}

/** An external bucket that a trigger waits on, or that has had nothing while there is no output: events may still come from outside. Not to the session of a firing, which nobody outside knows. */
function waitsOutside({ table, objects, outputs, firing }: Session, pending: readonly PendingTrigger[]): boolean {
  if (!table.hasExternalBucket) return false;
  return table.buckets.some(
    (bucket) =>
      bucket.external &&
      bucket.hasSessionTriggers &&
      (pending.some((waiting) => waiting.bucket === bucket.name) ||
        (outputs === 0 && firing === null && !objects.some((object) => object.bucket === bucket.index))),
  );
}

function spoken(words: readonly string[]): string {
  return words.length === 0 ? 'nothing' : words.join(', ');
}

/** Those that are due now, decided before any of them has fired: what goes first must be answered before others are due. */
function fireLate(session: Session, out: Out): void {
  const due = [...session.late].map((index) => triggerAt(session, index)).filter((trigger) => isDue(session, trigger));
  for (const trigger of due) {
    const { index } = trigger;
    session.late.delete(index);
    session.stepping++;
    const to = bucketAddress(session.table.name, trigger.bucket);
    const kind = trigger.traits.followsCompletion ? 'sourcesDone' : 'flushTrigger';
    out.push(send(to, { kind, session: session.number, trigger: index }));
  }
}

function isDue(session: Session, trigger: AppTrigger): boolean {
  const { blockers } = trigger;
  // Its own timer will fire it; what it holds must not be flushed before.
  if (!trigger.traits.followsCompletion && session.timed.get(trigger.bucket)?.includes(trigger.index)) return false;
  for (const [fn, live] of session.live.entries()) if (live > 0 && blockers[fn] === true) return false;
  for (const { bucket } of session.delayed) if (bucket === trigger.bucketIndex || feeds(session, bucket, blockers)) return false;
  for (const timed of session.timed.values()) {
    for (const index of timed) if (index !== trigger.index && blockers[triggerAt(session, index).functionIndex] === true) return false;
  }
  for (const index of session.late) if (index !== trigger.index && goesFirst(session, triggerAt(session, index), trigger)) return false;
  return true;
}

function feeds(session: Session, bucket: number, blockers: readonly boolean[]): boolean {
  return (session.table.triggersOf[bucket] ?? []).some(
    (trigger) => trigger.traits.scope === 'session' && blockers[trigger.functionIndex] === true,
  );
}

function goesFirst(session: Session, other: AppTrigger, trigger: AppTrigger): boolean {
  if (!canFeed(session, other, trigger)) return false;
  return !canFeed(session, trigger, other) || other.index < trigger.index;
}

/** Directly, or by way of other late triggers: so that among any that wait, also in a circle, one is due. */
function canFeed(session: Session, from: AppTrigger, to: AppTrigger): boolean {
  const reached = new Set([from]);
  for (const { functionIndex } of reached) {
    if (to.blockers[functionIndex] === true) return true;
    for (const index of session.late) {
      const next = triggerAt(session, index);
      if (next.blockers[functionIndex] === true) reached.add(next);
    }
  }
  return false;
}

function triggerAt(session: Session, index: number): AppTrigger {
  const trigger = session.table.triggers[index];
  if (!trigger) throw new Error(`bug: app ${session.table.name} has no trigger ${index}`);
  return trigger;
}

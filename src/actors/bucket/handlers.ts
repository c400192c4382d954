/**
 * What a bucket does: it steps its triggers' evaluators, and tells its home what came of it.
 *
 * The same actor serves both scopes. In a scheduler it holds a state per session; at a coordinator one for all sessions
 * (`allSessions`), whose triggers change at once when the app gets a new revision.
 *
 *   B4  A trigger's state lives here and nowhere else, from the session's first object until `forgetSession`.
 *   B5  What a deleted trigger held is dropped as `released`, so that the home can let go of it.
 *   B6  The home lets a revision go only when its last session has ended: what still comes for such a session is passed over.
 */
import { type Effect, type HandlerTable, ignore, send, type Turn } from '../actor.ts';
import type { BucketMessage, SessionNumber } from '../protocol/bucket.ts';
import { errorData } from '../protocol/error.ts';
import type { PendingTrigger } from '../protocol/session.ts';
import { SparseMap } from '../sparse.ts';
import type { BucketPlace } from './machine.ts';
import { rest, sessionOf } from './rest.ts';
import { allSessions, type BucketState, type SessionTriggers, type TriggerRow, type TriggerState } from './state.ts';
import { Step, timerId } from './step.ts';

type Message<K extends BucketMessage['kind']> = Extract<BucketMessage, { kind: K }>;

function configureBucket(bucket: BucketState, message: Message<'configureBucket'>, turn: Turn): readonly Effect[] {
  const rows = message.triggers.map(({ index, definition }): TriggerRow => {
    const primitive = bucket.lookup(definition.primitive);
    if (!primitive) throw new Error(`bug: bucket ${bucket.bucket}: primitive ${definition.primitive} was not checked`);
    return { index, definition, primitive };
  });
  bucket.revisions.set(message.revision, rows);
  return bucket.scope === 'app' ? switchTriggers(bucket, rows, turn) : [];
}

/** App scope: triggers that stay keep their state, new ones start, deleted ones release what they held. */
function switchTriggers(bucket: BucketState, rows: readonly TriggerRow[], turn: Turn): readonly Effect[] {
  const step = new Step(bucket, allSessions, turn.nowMs);
  const before = bucket.sessions.get(allSessions)?.triggers ?? [];
  const triggers = rows.map((row): TriggerState => {
    const old = before.find((candidate) => isSameTrigger(candidate.row, row));
    if (old) return { ...old, row };
    const started = startTrigger(row, turn);
    step.take(started, row.primitive.start?.(started.state, row.definition.options, turn.nowMs) ?? []);
    return started;
  });
  for (const gone of before) {
    if (rows.some((row) => isSameTrigger(gone.row, row))) continue;
    step.stopTimers(gone);
    for (const input of gone.row.primitive.forget(gone.state)) step.drop(input, 'released');
  }
  const session = { triggers };
  bucket.sessions.set(allSessions, session);
  return step.end(session, false);
}

function isSameTrigger(a: TriggerRow, b: TriggerRow): boolean {
  return a.definition.name === b.definition.name && a.definition.primitive === b.definition.primitive;
}

function retireRevision(bucket: BucketState, message: Message<'retireRevision'>): readonly Effect[] {
  bucket.revisions.delete(message.revision);
  return [];
}

function admitObject(bucket: BucketState, message: Message<'objectReady'>, turn: Turn): readonly Effect[] {
  const step = new Step(bucket, message.session, turn.nowMs);
  const session = openSession(bucket, message.session, message.revision, turn);
  if (!session) return [];
  step.admitted = message.arrival.id;
  for (const trigger of session.triggers) {
    const { primitive, definition } = trigger.row;
    step.holders++;
    step.take(trigger, primitive.admit(trigger.state, message.arrival, definition.options, turn.nowMs));
  }
  return step.end(session, true);
}

function announceJoin(bucket: BucketState, message: Message<'announceJoin'>, turn: Turn): readonly Effect[] {
  const step = new Step(bucket, message.session, turn.nowMs);
  const session = openSession(bucket, message.session, message.revision, turn);
  if (!session) return [];
  const { by } = message.announcement;
  const detail = { app: bucket.app, bucket: bucket.bucket };
  let error = errorData('NoJoinTrigger', `expect: no dynamicJoin watches bucket ${bucket.bucket}`, detail);
  let accepted = false;
  for (const trigger of session.triggers) {
    const { primitive, definition } = trigger.row;
    const answer = primitive.announce?.(trigger.state, message.announcement, definition.options, turn.nowMs);
    if (!answer) continue;
    step.take(trigger, answer.actions);
    if (answer.refused === null) accepted = true;
    else error = errorData('JoinAlreadyAnnounced', answer.refused, { ...detail, trigger: definition.name });
  }
  step.joined = { by, request: message.request, error: accepted ? null : error };
  return step.end(session, true);
}

function finishSources(bucket: BucketState, message: Message<'sourcesDone'>, turn: Turn): readonly Effect[] {
  return stepOne(bucket, message.session, message.trigger, turn, ({ row, state }) =>
    row.primitive.sourcesDone?.(state, row.definition.options, turn.nowMs),
  );
}

function loseSource(bucket: BucketState, message: Message<'sourceLost'>, turn: Turn): readonly Effect[] {
  if (!openSession(bucket, message.session, message.revision, turn)) return [];
  return stepOne(bucket, message.session, message.trigger, turn, ({ row, state }) =>
    row.primitive.sourceLost?.(state, message.source, message.cancelled, row.definition.options, turn.nowMs),
  );
}

function flushTrigger(bucket: BucketState, message: Message<'flushTrigger'>, turn: Turn): readonly Effect[] {
  return stepOne(bucket, message.session, message.trigger, turn, ({ row, state }) =>
    row.primitive.flush?.(state, row.definition.options, turn.nowMs),
  );
}

type Evaluate = (trigger: TriggerState) => ReturnType<TriggerRow['primitive']['admit']> | undefined;

/** One trigger's step, or (-1) every trigger's. */
function stepOne(bucket: BucketState, number: SessionNumber, index: number, turn: Turn, evaluate: Evaluate): readonly Effect[] {
  const step = new Step(bucket, number, turn.nowMs);
  const session = sessionOf(bucket, number);
  for (const trigger of session?.triggers ?? []) {
    if (index === -1 || trigger.row.index === index) step.take(trigger, evaluate(trigger) ?? []);
  }
  return step.end(session, true);
}

function reachTimer(bucket: BucketState, message: Message<'triggerTimerReached'>, turn: Turn): readonly Effect[] {
  const session = bucket.sessions.get(message.session);
  const trigger = session?.triggers.find((candidate) => candidate.row.definition.name === message.trigger);
  const dueMs = trigger?.timers.get(message.timer);
  // It was stopped while its message was under way. (A session that rests has no timer.)
  if (!trigger || dueMs === undefined) return [];
  const step = new Step(bucket, message.session, turn.nowMs);
  const { primitive, definition } = trigger.row;
  if (dueMs > turn.nowMs) {
    // It was moved meanwhile, or the host's clock is a little fast.
    step.take(trigger, [{ kind: 'startTimer', id: message.timer, atMs: dueMs }]);
    return step.end(session, false);
  }
  trigger.timers.delete(message.timer);
  step.take(trigger, primitive.timer?.(trigger.state, message.timer, definition.options, turn.nowMs) ?? []);
  return step.end(session, false);
}

function settleSession(bucket: BucketState, message: Message<'settleSession'>): readonly Effect[] {
  const pending: PendingTrigger[] = [];
  for (const trigger of sessionOf(bucket, message.session)?.triggers ?? []) {
    const { definition, primitive } = trigger.row;
    const waits = primitive.pending(trigger.state, definition.options);
    if (!waits) continue;
    pending.push({
      trigger: definition.name,
      bucket: bucket.bucket,
      primitive: definition.primitive,
      function: definition.function,
      ...waits,
    });
  }
  return [send(bucket.home, { kind: 'bucketSettled', session: message.session, bucket: bucket.bucket, pending })];
}

function restSession(bucket: BucketState, { session, revision }: Message<'restSession'>): readonly Effect[] {
  rest(bucket, session, revision);
  return [];
}

function forgetSession(bucket: BucketState, message: Message<'forgetSession'>): readonly Effect[] {
  bucket.resting.delete(message.session);
  const session = bucket.sessions.get(message.session);
  if (!session) return [];
  bucket.sessions.delete(message.session);
  return stopAllTimers(message.session, session);
}

/** Its app is gone, and with it whoever held the objects. The host stops the timers. */
function closeBucket({ address }: BucketState): readonly Effect[] {
  return [
    { kind: 'become', event: 'close' },
    { kind: 'stopActor', address },
  ];
}

function stopAllTimers(session: SessionNumber, { triggers }: SessionTriggers): Effect[] {
  return triggers.flatMap((trigger) =>
    [...trigger.timers.keys()].map((id): Effect => ({ kind: 'stopTimer', id: timerId(session, trigger, id) })),
  );
}

/** Null: the session has ended (B6). */
function openSession(bucket: BucketState, number: SessionNumber, revision: number, turn: Turn): SessionTriggers | null {
  const open = sessionOf(bucket, number);
  if (open) return open;
  const rows = bucket.revisions.get(revision);
  if (!rows) return null;
  const session = { triggers: rows.map((row) => startTrigger(row, turn)) };
  bucket.sessions.set(number, session);
  return session;
}

function startTrigger(row: TriggerRow, turn: Turn): TriggerState {
  return { row, state: row.primitive.init(row.definition.options, turn.nowMs), timers: new SparseMap() };
}

export const bucketHandlers: HandlerTable<BucketPlace, BucketState, BucketMessage> = {
  open: {
    configureBucket,
    retireRevision,
    objectReady: admitObject,
    announceJoin,
    sourcesDone: finishSources,
    sourceLost: loseSource,
    flushTrigger,
    settleSession,
    restSession,
    forgetSession,
    triggerTimerReached: reachTimer,
    closeBucket,
  },
  closed: {
    configureBucket: ignore,
    retireRevision: ignore,
    objectReady: ignore,
    announceJoin: ignore,
    sourcesDone: ignore,
    sourceLost: ignore,
    flushTrigger: ignore,
    settleSession: ignore,
    restSession: ignore,
    forgetSession: ignore,
    triggerTimerReached: ignore,
    closeBucket: ignore,
  },
};

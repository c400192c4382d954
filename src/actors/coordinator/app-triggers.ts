/**
 * App-scoped triggers: the objects of all sessions meet here, and each firing opens a session of its own.
 *
 *   C7  An object is held, and its worker keeps its bytes, until every trigger of its bucket has fired or dropped it and the
 *       sessions that it was fired into have ended.
 */
import { send, type Out } from '../actor.ts';
import { allSessions } from '../bucket/state.ts';
import type { BucketStepped, Firing } from '../protocol/bucket.ts';
import type { CoordinatorMessage } from '../protocol/coordinator.ts';
import { makeSessionId } from '../protocol/session-id.ts';
import type { SessionSpec } from '../protocol/session.ts';
import { releaseObject, unhold } from './app-objects.ts';
import { checkDrained, noteActivity, noteFlushed } from './drain.ts';
import { openLinked } from './sessions.ts';
import type { AppRow, CoordinatorState } from './state.ts';

/** More linked sessions than these are not named. */
const linkedSessionsMax = 100;

export function admitAppObject(state: CoordinatorState, message: Extract<CoordinatorMessage, { kind: 'appObjectReady' }>, out: Out): void {
  const { worker, object, input, source, sourceFunction } = message;
  const app = state.apps.get(message.app);
  const bucket = app?.buckets.get(message.bucket);
  if (!app?.current || bucket === undefined) {
    out.push(send(worker, { kind: 'appObjectAdmitted', object }), send(worker, { kind: 'appObjectReleased', object }));
    return;
  }
  const id = state.nextObject++;
  state.objects.set(id, { app, worker, object, input, holders: 0 });
  app.objects++;
  noteActivity(app);
  const { key, group, session, ref } = input;
  const arrival = { id, key, group, session, source, sourceFunction, sizeBytes: ref.sizeBytes };
  const { revision } = app.current.table;
  out.push(send(bucket, { kind: 'objectReady', session: allSessions, revision, arrival }));
}

export function stepAppBucket(state: CoordinatorState, message: BucketStepped, out: Out): void {
  const app = state.apps.get(message.app);
  if (!app) return;
  const admitted = state.objects.get(message.admitted);
  if (admitted) {
    if (admitted.worker !== null) out.push(send(admitted.worker, { kind: 'appObjectAdmitted', object: admitted.object }));
    admitted.holders += message.holders;
  }
  for (const firing of message.firings) fire(state, app, firing, out);
  for (const { input } of message.dropped) unhold(state, input, out);
  tellReleased(message, out);
  if (admitted && message.holders === 0) releaseObject(state, message.admitted, out);
  if (message.failed) {
    const { message: text, detail } = message.failed.error;
    out.push({ kind: 'log', level: 'error', text, detail });
  }
  if (message.answers && message.admitted === -1) noteFlushed(app);
  checkDrained(state, app, out);
}

/** What a deleted trigger held will never fire: somebody should know. */
function tellReleased({ app, bucket, dropped }: BucketStepped, out: Out): void {
  const objects = dropped.filter(({ reason }) => reason === 'released').length;
  if (objects === 0) return;
  const text = `a deleted trigger on bucket ${bucket} held objects, which are released unfired: ${objects}`;
  out.push({ kind: 'log', level: 'warn', text, detail: { app, bucket, objects } });
}

/**
 * The trigger's hold on its inputs passes to the session that it opens. While the firing was on its way here, the app may have
 * changed: a trigger whose function is gone would have been deleted, and what it held released.
 */
function fire(state: CoordinatorState, app: AppRow, { name, function: fn, inputs }: Firing, out: Out): void {
  if (!app.current?.table.functionByName.has(fn)) {
    for (const id of inputs) unhold(state, id, out);
    return;
  }
  const sessions = new Set<string>();
  for (const id of inputs) {
    const session = state.objects.get(id)?.input.session;
    if (session !== undefined && sessions.size < linkedSessionsMax) sessions.add(session);
  }
  const spec: SessionSpec = {
    id: makeSessionId(state.ids, out.nowMs, app.name),
    app: app.name,
    requestId: null,
    client: app.client,
    called: false,
    entries: [],
    expects: [],
    priority: 5,
    deadlineMs: null,
    admitTimeoutMs: 0,
    retryOf: null,
  };
  openLinked(state, app, spec, { trigger: name, function: fn, sessions: [...sessions] }, inputs, out);
}

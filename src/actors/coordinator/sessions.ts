/**
 * How sessions are admitted and placed, and what is known of them.
 *
 *   C4  A session is admitted once: an `openSession` that comes twice, or with a known request id, joins the one there is.
 *   C5  At most `sessionsOpenMax` are open; at most `admissionsWaitingMax` wait, none longer than its `admitTimeoutMs`.
 *   C6  Sessions that triggers open are never refused: their objects were admitted before.
 *   C8  The blocks of a client's objects are held here from the message that brings them until their session's home takes the
 *       hold over, or they are refused: the client may let go of them, and that may be heard before the home has them.
 */
import { type Address, send, type Out } from '../actor.ts';
import type { CoordinatorRequest } from '../protocol/client.ts';
import { errorData, type ErrorData } from '../protocol/error.ts';
import type { Entry } from '../protocol/object.ts';
import type { LinkedFiring, SessionSpec, SessionSummary } from '../protocol/session.ts';
import { unknownApp } from './apps.ts';
import { unhold } from './app-objects.ts';
import { checkDrained, noteActivity } from './drain.ts';
import type { AppRow, CoordinatorState, SessionRow } from './state.ts';

type Request<K extends CoordinatorRequest['kind']> = Extract<CoordinatorRequest, { kind: K }>;

export function openSession(state: CoordinatorState, spec: SessionSpec, out: Out): void {
  const existing = state.sessions.has(spec.id) ? spec.id : state.requestIds.get(spec.requestId ?? '');
  // A retry of a call with an id takes the id over from the session that failed.
  if (existing !== undefined && existing !== spec.retryOf) return join(state, spec, existing, out);
  const app = state.apps.get(spec.app);
  const bad = checkSpec(state, app, spec);
  if (bad || !app) return refuse(spec, bad ?? unknownApp(state, spec.app), out);
  if (!isOpen(state) && state.waiting.size >= state.limits.admissionsWaitingMax) return refuse(spec, overloaded(state, spec), out);
  hold('pin', spec.entries, out);
  if (isOpen(state)) return admit(state, app, { spec, worker: null, linked: [] }, out);
  remember(state, app, { spec, worker: null, linked: [] });
  state.waiting.add(spec.id);
  out.push({
    kind: 'startTimer',
    id: admissionTimer(spec.id),
    afterMs: spec.admitTimeoutMs,
    message: { kind: 'admissionTimeoutReached', session: spec.id },
  });
}

function join(state: CoordinatorState, spec: SessionSpec, existing: string, out: Out): void {
  const app = state.sessions.get(existing)?.spec.app ?? state.summaries.get(existing)?.app;
  if (app === spec.app) out.push(opened(spec, existing));
  else refuse(spec, idTaken(spec.requestId, app), out);
}

/** Ids of users are for all apps, since `session(id)` names none. */
function idTaken(id: string | null, app: string | undefined): ErrorData {
  return errorData('InvalidOption', `options.id is ${id}: it is the id of a session of app ${app}`, {
    field: 'options.id',
    value: id,
    app,
  });
}

function hold(kind: 'pin' | 'release', entries: readonly Entry[], out: Out): void {
  for (const { ref } of entries) if (ref.offset >= 0) out.push({ kind, offset: ref.offset });
}

/** What is wrong with it for the app as it is now. */
function checkSpec(state: CoordinatorState, app: AppRow | undefined, { app: name, entries, expects }: SessionSpec): ErrorData | null {
  if (!app?.current) return unknownApp(state, name);
  const { current } = app;
  const unknown = [...entries, ...expects].find(({ bucket }) => !current.table.bucketByName.has(bucket));
  if (!unknown) return null;
  const known = current.table.buckets.map((bucket) => bucket.name).join(', ');
  return errorData('UnknownBucket', `app ${name} has no bucket ${unknown.bucket}; it has ${known}`, { app: name, bucket: unknown.bucket });
}

function isOpen(state: CoordinatorState): boolean {
  const running = state.sessions.size - state.waiting.size;
  return state.waiting.size === 0 && running < places(state) && placeFor(state) !== null;
}

function places({ limits }: CoordinatorState): number {
  return limits.sessionsOpenMax - limits.soloSlots;
}

function placeFor(state: CoordinatorState): Address | null {
  for (const [worker, { accepts }] of state.workers) if (accepts) return worker;
  return null;
}

function remember(state: CoordinatorState, app: AppRow, row: SessionRow): void {
  state.sessions.set(row.spec.id, row);
  app.sessions.add(row.spec.id);
  if (row.spec.requestId !== null) state.requestIds.set(row.spec.requestId, row.spec.id);
}

function admit(state: CoordinatorState, app: AppRow, row: SessionRow, out: Out): void {
  const worker = placeFor(state);
  if (!worker || !app.current) throw new Error('bug: a session was admitted with no place for it');
  remember(state, app, row);
  start(state, app, row, worker, null, out);
  out.push(opened(row.spec, row.spec.id));
}

function start(state: CoordinatorState, app: AppRow, row: SessionRow, worker: Address, firing: LinkedFiring | null, out: Out): void {
  if (!app.current) throw new Error(`bug: app ${app.name} is not installed`);
  row.worker = worker;
  const inputs = row.linked.flatMap((id) => state.objects.get(id)?.input ?? []);
  const { revision } = app.current.table;
  out.push(send(worker, { kind: 'startSession', coordinator: state.address, spec: row.spec, revision, firing, inputs }));
}

/** The session of an app-scoped firing, which holds the objects that it was fired with. */
export function openLinked(
  state: CoordinatorState,
  app: AppRow,
  spec: SessionSpec,
  firing: LinkedFiring,
  linked: readonly number[],
  out: Out,
): void {
  const worker = placeFor(state) ?? [...state.workers.keys()][0];
  if (worker === undefined) throw new Error('bug: a coordinator without workers');
  const row: SessionRow = { spec, worker, linked };
  remember(state, app, row);
  start(state, app, row, worker, firing, out);
}

/** It ran solo, and its home has it now. */
export function adoptSession(
  state: CoordinatorState,
  { worker, spec }: { readonly worker: Address; readonly spec: SessionSpec },
  out: Out,
): void {
  const app = state.apps.get(spec.app);
  if (app) return remember(state, app, { spec, worker, linked: [] });
  const error = errorData('SessionCancelled', `app ${spec.app} was unregistered`, { app: spec.app });
  out.push(send(worker, { kind: 'stopSession', session: spec.id, error }));
}

export function endWait(state: CoordinatorState, id: string, out: Out): void {
  const row = state.sessions.get(id);
  if (row && state.waiting.has(id)) refuseWaiting(state, row, overloaded(state, row.spec), out);
}

function refuseWaiting(state: CoordinatorState, row: SessionRow, error: ErrorData, out: Out): void {
  const { id, entries } = row.spec;
  state.waiting.delete(id);
  out.push({ kind: 'stopTimer', id: admissionTimer(id) });
  hold('release', entries, out);
  forget(state, row, out);
  refuse(row.spec, error, out);
}

export function closeSession(state: CoordinatorState, summary: SessionSummary, out: Out): void {
  const row = state.sessions.get(summary.id);
  for (const id of row?.linked ?? []) unhold(state, id, out);
  for (const { id, requestId } of state.summaries.keep(summary, row?.spec.requestId ?? null, out.nowMs)) {
    // A retry may have taken it over.
    if (state.requestIds.get(requestId) === id) state.requestIds.delete(requestId);
  }
  const app = state.apps.get(summary.app);
  if (app) noteActivity(app);
  if (row) forget(state, row, out);
  admitWaiting(state, out);
}

function forget(state: CoordinatorState, { spec }: SessionRow, out: Out): void {
  state.sessions.delete(spec.id);
  const app = state.apps.get(spec.app);
  app?.sessions.delete(spec.id);
  if (spec.requestId !== null && !state.summaries.get(spec.id)) state.requestIds.delete(spec.requestId);
  if (app) checkDrained(state, app, out);
}

export function noteLoad(state: CoordinatorState, worker: Address, accepts: boolean, out: Out): void {
  const row = state.workers.get(worker);
  if (row) row.accepts = accepts;
  admitWaiting(state, out);
}

function admitWaiting(state: CoordinatorState, out: Out): void {
  for (const id of state.waiting) {
    if (state.sessions.size - state.waiting.size >= places(state) || placeFor(state) === null) return;
    const row = state.sessions.get(id);
    if (!row) throw new Error(`bug: session ${id} waits and has no row`);
    const app = state.apps.get(row.spec.app);
    // The app may have changed while it waited.
    const bad = checkSpec(state, app, row.spec);
    if (bad || !app) {
      refuseWaiting(state, row, bad ?? unknownApp(state, row.spec.app), out);
      continue;
    }
    state.waiting.delete(id);
    out.push({ kind: 'stopTimer', id: admissionTimer(id) });
    admit(state, app, row, out);
  }
}

/** What a client asks of a session: its home answers while it is open, the summary afterwards. */
export function askSession(
  state: CoordinatorState,
  message: Request<'putObjects' | 'getObjects' | 'querySession' | 'cancelSession'>,
  out: Out,
): void {
  const { client, request } = message;
  const id = state.requestIds.get(message.session) ?? message.session;
  const row = state.sessions.get(id);
  if (row) return askHome(state, message, row, out);
  const summary = state.summaries.get(id);
  if (!summary) return out.push(send(client, { kind: 'requestRefused', request, error: unknownSession(message.session) }));
  if (message.kind === 'querySession') return out.push(send(client, { kind: 'requestDone', request, result: summary }));
  if (message.kind === 'cancelSession') return out.push(send(client, { kind: 'requestDone', request, result: null }));
  const text = `session ${id} is over (${summary.state}): nothing can be put into it or read from it`;
  out.push(
    send(client, { kind: 'requestRefused', request, error: errorData('SessionEnded', text, { session: id, state: summary.state }) }),
  );
}

function askHome(
  state: CoordinatorState,
  message: Request<'putObjects' | 'getObjects' | 'querySession' | 'cancelSession'>,
  row: SessionRow,
  out: Out,
): void {
  const { client, request } = message;
  const { worker, spec } = row;
  const session = spec.id;
  if (message.kind === 'cancelSession') return cancel(state, message, row, out);
  if (!worker) {
    const error = errorData('Overloaded', `session ${session} is not yet admitted`, { session, retryAfterMs: 100 }, true);
    return out.push(send(client, { kind: 'requestRefused', request, error }));
  }
  if (message.kind === 'putObjects') {
    hold('pin', message.entries, out);
    return out.push(send(worker, { kind: 'putIntoSession', session, client, request, entries: message.entries }));
  }
  if (message.kind === 'getObjects')
    return out.push(send(worker, { kind: 'getFromSession', session, client, request, bucket: message.bucket, key: message.key }));
  out.push(send(worker, { kind: 'describeSession', session, client, request }));
}

function cancel(state: CoordinatorState, { client, request, reason }: Request<'cancelSession'>, row: SessionRow, out: Out): void {
  const { id } = row.spec;
  const error = errorData('SessionCancelled', `session ${id} was cancelled: ${reason}`, { session: id, reason });
  if (row.worker) out.push(send(row.worker, { kind: 'stopSession', session: id, error }));
  else refuseWaiting(state, row, error, out);
  out.push(send(client, { kind: 'requestDone', request, result: null }));
}

function opened(spec: SessionSpec, existing: string) {
  return send(spec.client, { kind: 'sessionOpened', session: spec.id, existing });
}

function refuse(spec: SessionSpec, error: ErrorData, out: Out): void {
  out.push(send(spec.client, { kind: 'sessionRefused', session: spec.id, error }));
}

function overloaded(state: CoordinatorState, { app, admitTimeoutMs }: SessionSpec): ErrorData {
  const { sessionsOpenMax, admissionsWaitingMax } = state.limits;
  const open = state.sessions.size - state.waiting.size;
  const text = `not admitted within ${admitTimeoutMs} ms: ${open} sessions are open (sessionsOpenMax ${sessionsOpenMax}) and ${state.waiting.size} wait (at most ${admissionsWaitingMax})`;
  return errorData('Overloaded', text, { app, open, sessionsOpenMax, retryAfterMs: 1_000 }, true);
}

function unknownSession(session: string): ErrorData {
  return errorData('UnknownSession', `no session ${session}: it never was, or its summary is no longer kept`, { session });
}

function admissionTimer(session: string): string {
  return `admission/${session}`;
}

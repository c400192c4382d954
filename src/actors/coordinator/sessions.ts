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
import type { CoordinatorMessage } from '../protocol/coordinator.ts';
import { errorData, type ErrorData } from '../protocol/error.ts';
import type { Entry } from '../protocol/object.ts';
import type { LinkedFiring, SessionSpec, SessionSummary } from '../protocol/session.ts';
import { shardOfSession } from '../protocol/session-id.ts';
import { unhold } from './app-objects.ts';
import { checkDrained, noteActivity } from './drain.ts';
import { admitMs, cancelled, overloaded, unknownApp, unknownSession } from './refusals.ts';
import { type AppRow, type CoordinatorState, forgetIds, type SessionRow } from './state.ts';

type Message<K extends CoordinatorMessage['kind']> = Extract<CoordinatorMessage, { kind: K }>;
type Request<K extends CoordinatorRequest['kind']> = Extract<CoordinatorRequest, { kind: K }>;

/** Of `CoordinatorState.cancelledEarly`. */
const cancelledEarlyMax = 1_024;

export function openSession(state: CoordinatorState, spec: SessionSpec, out: Out): void {
  if (spec.requestId !== null) forgetIds(state, state.summaries.dropOld(out.nowMs));
  const existing = state.sessions.has(spec.id) ? spec.id : state.requestIds.get(spec.requestId ?? '');
  // A retry of a call with an id takes the id over from the session that failed.
  if (existing !== undefined && existing !== spec.retryOf) return join(state, spec, existing, out);
  const app = state.apps.get(spec.app);
  const bad = checkSpec(state, app, spec);
  if (bad || !app) return refuse(spec.client, spec.id, bad ?? unknownApp(state, spec.app), out);
  if (!isOpen(state, app) && state.waiting.size >= state.limits.admissionsWaitingMax)
    return refuse(spec.client, spec.id, overloaded(state, spec), out);
  hold('pin', spec.entries, out);
  if (isOpen(state, app)) return admit(state, app, spec, out);
  remember(state, app, spec, null, noObjects);
  state.waiting.set(spec.id, spec);
  out.push({
    kind: 'startTimer',
    id: admissionTimer(spec.id),
    afterMs: admitMs(state, spec),
    message: { kind: 'admissionTimeoutReached', session: spec.id },
  });
}

function join(state: CoordinatorState, spec: SessionSpec, existing: string, out: Out): void {
  const app = state.sessions.get(existing)?.app.name ?? state.summaries.get(existing)?.app;
  if (app === spec.app) out.push(opened(spec, existing));
  else refuse(spec.client, spec.id, idTaken(spec.requestId, app), out);
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

function isOpen(state: CoordinatorState, app: AppRow): boolean {
  const running = state.sessions.size - state.waiting.size;
  return state.waiting.size === 0 && running < places(state) && placeFor(state, app) !== null;
}

function places({ limits }: CoordinatorState): number {
  return limits.sessionsOpenMax - limits.soloSessions;
}

/** Of the workers that can run it and have room, the one with the fewest open sessions. */
function placeFor(state: CoordinatorState, { current }: AppRow): Address | null {
  let best: Address | null = null;
  let fewest = Number.POSITIVE_INFINITY;
  for (const worker of current?.workers ?? []) {
    const row = state.workers.get(worker);
    if (!row?.accepts || row.sessions >= fewest) continue;
    best = worker;
    fewest = row.sessions;
  }
  return best;
}

/** Of those, the one where most bytes of these objects are. */
function placeNear(state: CoordinatorState, app: AppRow, objects: readonly number[]): Address | null {
  const bytes = new Map<Address, number>();
  for (const id of objects) {
    const object = state.objects.get(id);
    if (!object || object.worker === null || object.input.ref.inline || !app.current?.workers.has(object.worker)) continue;
    if (state.workers.get(object.worker)?.accepts) bytes.set(object.worker, (bytes.get(object.worker) ?? 0) + object.input.ref.sizeBytes);
  }
  let best: Address | null = null;
  for (const [worker, held] of bytes) if (best === null || held > (bytes.get(best) ?? 0)) best = worker;
  return best;
}

/** `worker`: null if it has no place yet; when it has, it is remembered again. */
function remember(state: CoordinatorState, app: AppRow, spec: SessionSpec, worker: Address | null, linked: readonly number[]): void {
  const before = state.sessions.get(spec.id);
  if (before) before.app.sessions--;
  app.sessions++;
  state.sessions.set(spec.id, rowOf(app, spec, worker, linked));
  if (spec.requestId !== null) state.requestIds.set(spec.requestId, spec.id);
}

const noObjects: readonly number[] = [];

function rowOf(app: AppRow, { client, requestId, retryOf }: SessionSpec, worker: Address | null, linked: readonly number[]): SessionRow {
  const row = { app, client, requestId, retryOf, worker, linked };
  if (worker === null || requestId !== null || retryOf !== null || linked.length > 0) return row;
  const known = app.plainRows.get(worker);
  if (known?.client === client) return known;
  app.plainRows.set(worker, row);
  return row;
}

function admit(state: CoordinatorState, app: AppRow, spec: SessionSpec, out: Out): void {
  const worker = placeFor(state, app);
  if (!worker || !app.current) throw new Error('bug: a session was admitted with no place for it');
  start(state, app, spec, noObjects, worker, null, out);
  if (!isFarAway(spec) && !spec.called) out.push(opened(spec, spec.id));
}

/** Objects of it are still with the client, who may let go of them when he hears that it is open: its home tells him, when it has them. */
function isFarAway({ entries }: SessionSpec): boolean {
  return entries.some(({ ref }) => ref.remote !== undefined);
}

function start(
  state: CoordinatorState,
  app: AppRow,
  spec: SessionSpec,
  linked: readonly number[],
  worker: Address,
  firing: LinkedFiring | null,
  out: Out,
): void {
  if (!app.current) throw new Error(`bug: app ${app.name} is not installed`);
  remember(state, app, spec, worker, linked);
  countSession(state, worker, 1);
  const objects = linked.flatMap((id) => state.objects.get(id) ?? []);
  const isLost = objects.some((object) => object.worker === null && !object.input.ref.inline);
  const { revision } = app.current.table;
  const announces = firing === null && isFarAway(spec);
  out.push(
    send(worker, {
      kind: 'startSession',
      coordinator: state.address,
      spec,
      revision,
      firing,
      inputs: isLost ? [] : objects.map(({ input }) => input),
      owned: [],
      announces,
      failure: isLost ? errorData('InputsLost', 'the worker that had objects of its firing is gone', { app: app.name }) : null,
    }),
  );
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
  remember(state, app, spec, null, linked);
  house(state, app, spec, linked, firing, out);
}

function house(state: CoordinatorState, app: AppRow, spec: SessionSpec, linked: readonly number[], firing: LinkedFiring, out: Out): void {
  const worker = placeNear(state, app, linked) ?? placeFor(state, app) ?? [...(app.current?.workers ?? [])][0];
  if (worker === undefined) state.homeless.push({ spec, firing });
  else start(state, app, spec, linked, worker, firing, out);
}

/** There may be room now. */
export function placeWaiting(state: CoordinatorState, out: Out): void {
  for (const { spec, firing } of state.homeless.splice(0)) {
    const row = state.sessions.get(spec.id);
    if (row && state.apps.get(spec.app) === row.app) house(state, row.app, spec, row.linked, firing, out);
    else forget(state, spec.id, out);
  }
  admitWaiting(state, out);
}

function countSession(state: CoordinatorState, worker: Address | null, by: 1 | -1): void {
  const row = worker === null ? undefined : state.workers.get(worker);
  if (row) row.sessions += by;
}

/** Their worker is gone, and with it all that they had done. */
export function loseSessions(state: CoordinatorState, worker: Address, reason: string, out: Out): void {
  for (const [id, row] of [...state.sessions]) {
    if (row.worker !== worker) continue;
    const { client, retryOf } = row;
    const app = row.app.name;
    const error = errorData(
      'WorkerLost',
      `worker ${worker}, which ran session ${id}, is gone: ${reason}`,
      { session: id, app, worker },
      true,
    );
    const history = { objects: 0, outputs: 0, superseded: 0, late: 0, functions: [], linkedTo: [], retryOf };
    const revision = state.apps.get(app)?.current?.table.revision ?? 0;
    const summary: SessionSummary = { id, app, revision, state: 'failed', openedMs: out.nowMs, endedMs: out.nowMs, error, history };
    out.push(send(client, { kind: 'sessionEnded', summary }));
    closeSession(state, summary, out);
  }
}

/** It ran solo, and its home has it now. */
export function adoptSession(
  state: CoordinatorState,
  { worker, spec }: { readonly worker: Address; readonly spec: SessionSpec },
  out: Out,
): void {
  const { id } = spec;
  const app = state.apps.get(spec.app);
  if (!app) {
    const error = errorData('SessionCancelled', `app ${spec.app} was unregistered`, { app: spec.app });
    return out.push(send(worker, { kind: 'stopSession', session: id, error }));
  }
  countSession(state, worker, 1);
  remember(state, app, spec, worker, noObjects);
  if (!state.cancelledEarly.delete(id)) return;
  out.push(send(worker, { kind: 'stopSession', session: id, error: cancelled(id, 'its call was given up') }));
}

/** Its client was told that it is at home, and has heard it before this coordinator. */
function cancelEarly({ cancelledEarly }: CoordinatorState, session: string): void {
  // Anything else may be long, and no session will be called so.
  if (shardOfSession(session) === -1) return;
  cancelledEarly.add(session);
  const [oldest = ''] = cancelledEarly;
  if (cancelledEarly.size > cancelledEarlyMax) cancelledEarly.delete(oldest);
}

export function endWait(state: CoordinatorState, id: string, out: Out): void {
  const spec = state.waiting.get(id);
  if (spec) refuseWaiting(state, id, spec.client, overloaded(state, spec), out);
}

/** One that a trigger opened while there was no worker waits, too, but not for admission. */
function refuseWaiting(state: CoordinatorState, id: string, client: Address, error: ErrorData, out: Out): void {
  const spec = state.waiting.get(id);
  state.waiting.delete(id);
  out.push({ kind: 'stopTimer', id: admissionTimer(id) });
  hold('release', spec?.entries ?? [], out);
  forget(state, id, out);
  refuse(client, id, error, out);
}

export function closeSession(state: CoordinatorState, summary: SessionSummary, out: Out): void {
  const row = state.sessions.get(summary.id);
  // Given up for lost with its worker, which lives on.
  if (!row && state.summaries.get(summary.id)) return;
  forgetIds(state, state.summaries.keep(summary, row?.requestId ?? null, out.nowMs));
  const app = state.apps.get(summary.app);
  if (app) noteActivity(app);
  if (row) forget(state, summary.id, out);
  admitWaiting(state, out);
}

function forget(state: CoordinatorState, id: string, out: Out): void {
  const row = state.sessions.get(id);
  if (!row) return;
  state.sessions.delete(id);
  const { app, requestId, worker, linked } = row;
  for (const object of linked) unhold(state, object, out);
  countSession(state, worker, -1);
  app.sessions--;
  if (requestId !== null && !state.summaries.get(id)) state.requestIds.delete(requestId);
  checkDrained(state, app, out);
}

export function noteLoad(state: CoordinatorState, worker: Address, accepts: boolean, out: Out): void {
  const row = state.workers.get(worker);
  if (row) row.accepts = accepts;
  admitWaiting(state, out);
}

function admitWaiting(state: CoordinatorState, out: Out): void {
  if (![...state.workers.values()].some(({ accepts }) => accepts)) return;
  for (const [id, spec] of state.waiting) {
    if (state.sessions.size - state.waiting.size >= places(state)) return;
    const app = state.apps.get(spec.app);
    // The app may have changed while it waited.
    const bad = checkSpec(state, app, spec);
    if (bad || !app) {
      refuseWaiting(state, id, spec.client, bad ?? unknownApp(state, spec.app), out);
      continue;
    }
    if (placeFor(state, app) === null) continue;
    state.waiting.delete(id);
    out.push({ kind: 'stopTimer', id: admissionTimer(id) });
    admit(state, app, spec, out);
  }
}

/** What a client asks of a session: its home answers while it is open, the summary afterwards. */
export function askSession(
  state: CoordinatorState,
  message: Request<'putObjects' | 'getObjects' | 'querySession' | 'cancelSession'>,
  out: Out,
): void {
  const { client, request } = message;
  forgetIds(state, state.summaries.dropOld(out.nowMs));
  const id = state.requestIds.get(message.session) ?? message.session;
  const row = state.sessions.get(id);
  if (row) return askHome(state, message, id, row, out);
  const summary = state.summaries.get(id);
  if (!summary) {
    if (message.kind === 'cancelSession') cancelEarly(state, id);
    return out.push(send(client, { kind: 'requestRefused', request, error: unknownSession(message.session) }));
  }
  if (message.kind === 'querySession') return out.push(send(client, { kind: 'requestDone', request, result: summary }));
  if (message.kind === 'cancelSession') return out.push(send(client, { kind: 'requestDone', request, result: null }));
  const text = `session ${id} is over (${summary.state}): nothing can be put into it or read from it`;
  out.push(
    send(client, { kind: 'requestRefused', request, error: errorData('SessionEnded', text, { session: id, state: summary.state }) }),
  );
}

/** Its home says that it has ended there. If nothing is known of an end here, it is a worker that was started anew. */
export function describeClosed(state: CoordinatorState, { session, client, request }: Message<'sessionNotOpen'>, out: Out): void {
  const row = state.sessions.get(session);
  if (!row) return askSession(state, { kind: 'querySession', session, client, request }, out);
  const text = `worker ${row.worker}, which ran session ${session}, was started anew`;
  const error = errorData('WorkerLost', text, { session, worker: row.worker }, true);
  out.push(send(client, { kind: 'requestRefused', request, error }));
}

function askHome(
  state: CoordinatorState,
  message: Request<'putObjects' | 'getObjects' | 'querySession' | 'cancelSession'>,
  session: string,
  row: SessionRow,
  out: Out,
): void {
  const { client, request } = message;
  const { worker } = row;
  if (message.kind === 'cancelSession') return cancel(state, message, session, row, out);
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
  out.push(send(worker, { kind: 'describeSession', coordinator: state.address, session, client, request }));
}

function cancel(
  state: CoordinatorState,
  { client, request, reason }: Request<'cancelSession'>,
  id: string,
  row: SessionRow,
  out: Out,
): void {
  const error = cancelled(id, reason);
  if (row.worker) out.push(send(row.worker, { kind: 'stopSession', session: id, error }));
  else refuseWaiting(state, id, row.client, error, out);
  out.push(send(client, { kind: 'requestDone', request, result: null }));
}

function opened(spec: SessionSpec, existing: string) {
  return send(spec.client, { kind: 'sessionOpened', session: spec.id, existing });
}

function refuse(client: Address, session: string, error: ErrorData, out: Out): void {
  out.push(send(client, { kind: 'sessionRefused', session, error }));
}

function admissionTimer(session: string): string {
  return `admission/${session}`;
}

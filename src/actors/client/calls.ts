/**
 * Calls: who waits for which session, and what each is told.
 *
 *   K1  Each question is settled exactly once: with its answer, its failure, its time-out, or `RuntimeClosed`.
 *   K2  An output reaches a waiter at most once; retries happen only while there is none.
 *   K3  What ended with nobody waiting is kept while there is room; every session that failed for good is notified once.
 */
import { type Effect, type Out, send } from '../actor.ts';
import type { AskCall, ClientMessage } from '../protocol/client.ts';
import { errorData, type ErrorData } from '../protocol/error.ts';
import { makeSessionId } from '../protocol/session-id.ts';
import type { SessionSpec, SessionSummary } from '../protocol/session.ts';
import type { ClientState, SessionRecord, Waiter } from './state.ts';

type Message<K extends ClientMessage['kind']> = Extract<ClientMessage, { kind: K }>;

/** What a record takes beside its outputs: an estimate. */
const recordBytes = 512;

export function openCall(state: ClientState, call: AskCall, out: Out): void {
  const { requestId } = call;
  const known = requestId === null ? undefined : state.byRequestId.get(requestId);
  if (known?.call?.app === call.app) return waitFor(state, known, call.request, { until: call.until, owns: false }, call.timeoutMs, out);
  if (known) {
    const text = `options.id is ${requestId}: it is the id of a session of app ${known.call?.app}`;
    return out.push(
      refused(call.request, errorData('InvalidOption', text, { field: 'options.id', value: requestId, app: known.call?.app })),
    );
  }
  const record = createRecord(makeSessionId(state.ids, out.nowMs, call.app), call);
  state.records.set(record.id, record);
  if (requestId !== null) state.byRequestId.set(requestId, record);
  state.openSessions++;
  waitFor(state, record, call.request, { until: call.until, owns: true }, call.timeoutMs, out);
  out.push(send(state.coordinator, { kind: 'openSession', spec: specOf(state, record.id, call, null) }));
}

/** From here on it is a session like any other; its time-out is kept by whoever started it. */
export function reclaimCall(state: ClientState, { session, call, isAnswered }: Message<'reclaimCall'>, out: Out): void {
  const record = createRecord(session, call);
  record.retriesLeft = 0;
  record.isOpen = true;
  state.records.set(session, record);
  state.openSessions++;
  if (!isAnswered) waitFor(state, record, call.request, { until: call.until, owns: true }, null, out);
}

function createRecord(id: string, call: AskCall | null): SessionRecord {
  const retriesLeft = call?.retries ?? 0;
  return { id, call, retriesLeft, isOpen: call === null, outputs: [], outputsBytes: 0, summary: null, waiters: new Map() };
}

/** Of a session that this client has opened, and not forgotten. One that was quiet may be so no longer. */
function recordOf(state: ClientState, id: string): SessionRecord | undefined {
  if (!state.quiet.delete(id)) return state.records.get(id);
  const record = createRecord(id, null);
  state.records.set(id, record);
  return record;
}

/** After its last waiter was told: all that is to be kept of it may be its id. */
function quieten(state: ClientState, { id, call, isOpen, outputs, summary, waiters, retriesLeft }: SessionRecord): void {
  const isStarted = call === null || (call.until === 'open' && call.requestId === null);
  if (!isStarted || !isOpen || outputs.length > 0 || summary || waiters.size > 0 || retriesLeft > 0) return;
  state.records.delete(id);
  state.quiet.add(id);
}

function specOf(state: ClientState, id: string, call: AskCall, retryOf: string | null): SessionSpec {
  const { app, requestId, entries, expects, priority, deadlineMs, admitTimeoutMs } = call;
  const called = call.until !== 'open';
  return { id, app, requestId, client: state.address, called, entries, expects, priority, deadlineMs, admitTimeoutMs, retryOf };
}

export function askResult(state: ClientState, message: Message<'askResult'>, out: Out): void {
  const { request, session, until, timeoutMs } = message;
  const record = recordOf(state, session) ?? state.byRequestId.get(session);
  if (record) return waitFor(state, record, request, { until, owns: false }, timeoutMs, out);
  const text = `session ${session} was not opened by this client, or its result is no longer kept`;
  out.push(refused(request, errorData('UnknownSession', text, { session })));
}

function waitFor(state: ClientState, record: SessionRecord, request: number, waiter: Waiter, timeoutMs: number | null, out: Out): void {
  record.waiters.set(request, waiter);
  state.waiting.set(request, record);
  if (timeoutMs !== null)
    out.push({ kind: 'startTimer', id: `call/${request}`, afterMs: timeoutMs, message: { kind: 'callTimeoutReached', request } });
  answer(state, record, out);
}

export function noteOpened(state: ClientState, { session, existing }: Message<'sessionOpened'>, out: Out): void {
  const record = state.records.get(session);
  if (!record) return;
  if (existing === session) {
    record.isOpen = true;
    return answer(state, record, out);
  }
  // Who has started it joins the one that is there; for an output of that there is no way here.
  for (const [request, { until }] of [...record.waiters])
    if (until === 'open')
      tell(state, record, request, { kind: 'settle', request, reply: { kind: 'sessionReady', request, session: existing } }, out);
  const requestId = record.call?.requestId ?? null;
  const text = `a session with id ${requestId} exists (${existing}): another client has opened it, or its result is no longer kept here`;
  endUnopened(state, record, errorData('UnknownSession', text, { session: existing, id: requestId }), out);
}

export function noteRefused(state: ClientState, { session, error }: Message<'sessionRefused'>, out: Out): void {
  const record = recordOf(state, session);
  if (record) endUnopened(state, record, error, out);
}

/** The session never was: nobody can ask for it again. */
function endUnopened(state: ClientState, record: SessionRecord, error: ErrorData, out: Out): void {
  for (const request of [...record.waiters.keys()]) tell(state, record, request, refused(request, error), out);
  state.openSessions--;
  drop(state, record);
}

export function takeOutput(state: ClientState, message: Message<'sessionOutput'>, out: Out): void {
  const record = recordOf(state, message.session);
  if (!message.called) out.push({ kind: 'notify', message });
  if (!record) return;
  record.outputs.push(message.ref);
  record.outputsBytes += message.ref.sizeBytes;
  answer(state, record, out);
}

export function takeEnd(state: ClientState, message: Message<'sessionEnded'>, out: Out): void {
  const { summary } = message;
  const record = recordOf(state, summary.id);
  if (!record) {
    if (summary.state === 'failed') out.push(failureLog(summary), { kind: 'notify', message });
    return;
  }
  // It ends once.
  if (record.summary) return;
  if (summary.state === 'failed' && record.outputs.length === 0 && record.retriesLeft > 0 && record.waiters.size > 0 && record.call)
    return retry(state, record, record.call, out);
  record.summary = summary;
  state.openSessions--;
  if (summary.state === 'failed') {
    // Else its error goes to who waits.
    if (record.waiters.size === 0) out.push(failureLog(summary));
    out.push({ kind: 'notify', message });
  }
  answer(state, record, out);
  keep(state, record);
}

/** A failure that nobody waited for is not to be silent. */
function failureLog({ id, app, error }: SessionSummary): Effect {
  return { kind: 'log', level: 'error', text: 'session failed', detail: { session: id, app, code: error?.code, error: error?.message } };
}

/** A new session for the same call, linked to the one that failed. */
function retry(state: ClientState, record: SessionRecord, call: AskCall, out: Out): void {
  const before = record.id;
  record.retriesLeft--;
  state.records.delete(before);
  record.id = makeSessionId(state.ids, out.nowMs, call.app);
  record.isOpen = false;
  state.records.set(record.id, record);
  out.push(send(state.coordinator, { kind: 'openSession', spec: specOf(state, record.id, call, before) }));
}

/** Tells each waiter what it waits for, as far as it is known. */
function answer(state: ClientState, record: SessionRecord, out: Out): void {
  if (record.waiters.size === 0) return;
  for (const [request, waiter] of [...record.waiters]) {
    const reply = replyTo(record, request, waiter);
    if (reply) tell(state, record, request, reply, out);
  }
}

function replyTo({ id, isOpen, outputs, summary }: SessionRecord, request: number, { until }: Waiter): Effect | null {
  if (until === 'open')
    return isOpen || summary ? { kind: 'settle', request, reply: { kind: 'sessionReady', request, session: id } } : null;
  const first = outputs.slice(0, 1);
  if (until === 'output' && first.length > 0)
    return { kind: 'settle', request, reply: { kind: 'outputsReady', request, session: id, outputs: first } };
  if (!summary) return null;
  if (summary.error) return { kind: 'settle', request, reply: { kind: 'requestRefused', request, error: summary.error, outputs } };
  return { kind: 'settle', request, reply: { kind: 'outputsReady', request, session: id, outputs } };
}

function tell(state: ClientState, record: SessionRecord, request: number, reply: Effect, out: Out): void {
  record.waiters.delete(request);
  state.waiting.delete(request);
  out.push({ kind: 'stopTimer', id: `call/${request}` }, reply);
  quieten(state, record);
}

/** By its time-out or its signal. Who opened the session takes it with him; others only stop waiting. */
export function giveUp(state: ClientState, request: number, error: ErrorData, out: Out): void {
  const record = state.waiting.get(request);
  const waiter = record?.waiters.get(request);
  if (!record || !waiter) return;
  tell(state, record, request, refused(request, error), out);
  if (!waiter.owns || waiter.until === 'open' || record.summary) return;
  record.retriesLeft = 0;
  out.push(
    send(state.coordinator, { kind: 'cancelSession', request: -1, client: state.address, session: record.id, reason: error.message }),
  );
}

/** Ended. What nobody can ask for again goes at once; the rest while there is room. */
function keep(state: ClientState, record: SessionRecord): void {
  const { call } = record;
  if (call && call.until !== 'open' && call.requestId === null) return drop(state, record);
  state.ended.add(record);
  state.endedBytes += recordBytes + record.outputsBytes;
  for (const oldest of state.ended) {
    if (state.endedBytes <= state.limits.resultsBytesMax) return;
    state.ended.delete(oldest);
    state.endedBytes -= recordBytes + oldest.outputsBytes;
    drop(state, oldest);
  }
}

function drop(state: ClientState, record: SessionRecord): void {
  state.records.delete(record.id);
  const requestId = record.call?.requestId ?? null;
  if (requestId !== null && state.byRequestId.get(requestId) === record) state.byRequestId.delete(requestId);
}

export function refused(request: number, error: ErrorData): Effect {
  return { kind: 'settle', request, reply: { kind: 'requestRefused', request, error } };
}

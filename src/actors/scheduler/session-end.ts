/**
 * How a session ends, for whatever reason: once, and with nothing of it left but what still runs.
 *
 *   E1  `endSession` runs once per session: its client and its coordinator are told once.
 *   E2  After it the session has no timer, no queued invocation, no trigger state, and holds no block.
 *   E3  Running invocations are aborted; their rows and pins stay until their executors have let go of them.
 */
import { send, type Out } from '../actor.ts';
import type { ErrorData } from '../protocol/error.ts';
import type { SessionState, SessionSummary } from '../protocol/session.ts';
import { retireRevision } from './apps.ts';
import { forgetDeadline } from './deadlines.ts';
import { delayTimer } from './objects.ts';
import { retireLive } from './retire.ts';
import { bucketAddress, holdsBlock, type SchedulerState, type Session } from './state.ts';

export function failSession(state: SchedulerState, session: Session, error: ErrorData, out: Out): void {
  const detail = { ...error.detail, session: session.spec.id, app: session.table.name };
  endSession(state, session, error.code === 'SessionCancelled' ? 'cancelled' : 'failed', { ...error, detail }, out);
}

export function endSession(state: SchedulerState, session: Session, how: SessionState, error: ErrorData | null, out: Out): void {
  if (!session.open) return;
  session.open = false;
  session.endedMs = out.nowMs;
  for (const invocation of [...session.invocations]) retireLive(state, invocation, state.limits.abortGraceMs, out);
  for (const object of session.delayed) out.push({ kind: 'stopTimer', id: delayTimer(object, session) });
  for (const index of session.touched) {
    const bucket = session.table.buckets[index];
    if (bucket) out.push(send(bucketAddress(session.table.name, bucket.name), { kind: 'forgetSession', session: session.number }));
  }
  for (const { ref } of session.objects) if (holdsBlock(ref)) out.push({ kind: 'release', offset: ref.offset });
  for (const offset of session.owned) out.push({ kind: 'release', offset });
  state.sessions.delete(session.number);
  state.sessionById.delete(session.spec.id);
  forgetDeadline(state, out);
  session.app.sessions--;
  const summary = summarize(session, how, error);
  out.push(send(session.spec.client, { kind: 'sessionEnded', summary }), send(session.coordinator, { kind: 'sessionClosed', summary }));
  // Last: nobody waits for it.
  for (const host of session.hosts) out.push(send(host, { kind: 'checkOut', home: state.address, session: session.spec.id }));
  retireRevision(state, session.app, out);
}

export function summarize(session: Session, state: SessionState, error: ErrorData | null): SessionSummary {
  const functions = session.table.functions.flatMap(({ name, index }) => {
    const counts = session.counts[index];
    return counts && counts.invocations > 0 ? [{ function: name, ...counts }] : [];
  });
  return {
    id: session.spec.id,
    app: session.table.name,
    revision: session.table.revision,
    state,
    openedMs: session.openedMs,
    endedMs: session.endedMs,
    error,
    history: {
      objects: session.objects.length,
      outputs: session.outputs,
      superseded: session.superseded,
      late: session.tooLate,
      functions,
      linkedTo: session.firing?.sessions ?? [],
      retryOf: session.spec.retryOf,
    },
  };
}

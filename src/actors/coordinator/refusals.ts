/** Why a coordinator refuses what it is asked. */
import type { AppDefinition } from '../app.ts';
import { errorData, type ErrorData } from '../protocol/error.ts';
import type { SessionSpec } from '../protocol/session.ts';
import type { AppRow, CoordinatorState } from './state.ts';

export function unknownApp(state: CoordinatorState, name: string): ErrorData {
  const known = [...state.apps.values()].filter((app) => app.current).map((app) => app.name);
  return errorData(
    'UnknownApp',
    `no app named ${name} is registered; there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ') || 'none'}`,
    { app: name },
  );
}

export function noWorker(app: string): ErrorData {
  return errorData('Overloaded', `app ${app} cannot be installed: no worker has joined the cluster`, { app, retryAfterMs: 1_000 }, true);
}

export function nameTaken(app: AppRow, { module }: AppDefinition): ErrorData {
  const taken = `an app named ${app.name} is registered from ${app.module}, and the one from ${module} is another`;
  const next = `give it another name, or, if it is to take the place of that one, call unregisterApp('${app.name}') first (its open sessions are cancelled)`;
  const text = `${taken}: ${next}`;
  return errorData('AppNameTaken', text, { app: app.name, module });
}

export function cancelled(session: string, reason: string): ErrorData {
  return errorData('SessionCancelled', `session ${session} was cancelled: ${reason}`, { session, reason });
}

export function unknownSession(session: string): ErrorData {
  return errorData('UnknownSession', `no session ${session}: it never was, or its summary is no longer kept`, { session });
}

/** So long it may wait for admission. */
export function admitMs({ limits }: CoordinatorState, { admitTimeoutMs }: SessionSpec): number {
  return Math.min(admitTimeoutMs, limits.admitTimeoutMs);
}

export function overloaded(state: CoordinatorState, spec: SessionSpec): ErrorData {
  const { app } = spec;
  const { sessionsOpenMax, admissionsWaitingMax } = state.limits;
  const open = state.sessions.size - state.waiting.size;
  const text = `not admitted within ${admitMs(state, spec)} ms: ${open} sessions are open (sessionsOpenMax ${sessionsOpenMax}) and ${state.waiting.size} wait (at most ${admissionsWaitingMax})`;
  return errorData('Overloaded', text, { app, open, sessionsOpenMax, retryAfterMs: 1_000 }, true);
}

/** Draining an app: what is partial in its app-scoped triggers fires, and all its sessions end. */
import { type Address, send, type Out } from '../actor.ts';
import { allSessions } from '../bucket/state.ts';
import type { AppRow, CoordinatorState, Drain } from './state.ts';

export function startDrain(state: CoordinatorState, app: AppRow, client: Address, request: number, out: Out): void {
  if (app.drain) {
    app.drain.requests.push({ client, request });
    return;
  }
  app.drain = { requests: [{ client, request }], flushing: 0, stale: false };
  flush(app, app.drain, out);
  checkDrained(state, app, out);
}

function flush(app: AppRow, drain: Drain, out: Out): void {
  drain.flushing = app.buckets.size;
  drain.stale = false;
  for (const bucket of app.buckets.values()) out.push(send(bucket, { kind: 'flushTrigger', session: allSessions, trigger: -1 }));
}

export function noteFlushed(app: AppRow): void {
  if (app.drain) app.drain.flushing--;
}

/** Objects have come, or a session has ended: another flush may fire more. */
export function noteActivity(app: AppRow): void {
  if (app.drain) app.drain.stale = true;
}

/** Drained: no session is open, and what triggers still hold they kept when they were last flushed. */
export function checkDrained(state: CoordinatorState, app: AppRow, out: Out): void {
  const { drain } = app;
  if (!drain) return;
  if (state.apps.get(app.name) === app) {
    if (drain.flushing > 0 || app.sessions > 0) return;
    if (app.objects > 0 && drain.stale) return flush(app, drain, out);
  }
  app.drain = null;
  for (const { client, request } of drain.requests) out.push(send(client, { kind: 'requestDone', request, result: null }));
}

/** How an invocation stops counting for its session, whatever the reason: done, failed, cancelled, or its session over. */
import type { Out } from '../actor.ts';
import { abort, stopWatching } from './reruns.ts';
import { type Invocation, isLive, type SchedulerState } from './state.ts';

/** The invocation stops counting. What still runs is aborted, and its row stays until the executor has let go. */
export function retireLive(state: SchedulerState, invocation: Invocation, graceMs: number, out: Out): void {
  if (!isLive(invocation)) return;
  const { session, fn } = invocation;
  session.invocations.delete(invocation);
  session.live[fn.index] = (session.live[fn.index] ?? 0) - 1;
  session.liveTotal--;
  if (invocation.place === 'queued') state.queue.forget();
  if (invocation.place === 'resting') out.push({ kind: 'stopTimer', id: retryTimer(invocation) });
  stopWatching(invocation, out);
  if (invocation.held) {
    invocation.place = 'stopping';
    out.push(abort(state, invocation, graceMs));
    return;
  }
  invocation.place = 'done';
  state.invocations.delete(invocation.number);
}

/** The timer of its rest before the next attempt. */
export function retryTimer(invocation: Invocation): string {
  return `retry/${invocation.number}`;
}

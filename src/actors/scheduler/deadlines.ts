/**
 * When open sessions have to be over: a heap, and one timer for the earliest, however many there are.
 *
 *   T1  While a session is open the timer is set, for the earliest deadline in the heap or before it; else there is none.
 *   T2  A session that ends leaves its deadline in the heap: it is passed over when it is due, or swept out with others before they are
 *       more than the open ones.
 */
import type { Out } from '../actor.ts';
import type { DeadlineHeap } from './deadline-heap.ts';
import { countOpen, isOpen } from './sleep.ts';
import type { SchedulerState, Session } from './state.ts';

const timer = 'deadline';
/** So few are not worth a sweep. */
const strayMax = 64;

export function addDeadline({ deadlines }: SchedulerState, { spec, dueMs }: Session, out: Out): void {
  deadlines.add(spec.id, dueMs);
  setTimer(deadlines, out);
}

/** Sessions whose deadline may have passed: those that are still open, and whose it is. */
export function takeDue({ deadlines }: SchedulerState, out: Out): readonly string[] {
  const due: string[] = [];
  deadlines.timerMs = Number.POSITIVE_INFINITY;
  while (deadlines.earliestMs <= out.nowMs) due.push(deadlines.take() ?? '');
  setTimer(deadlines, out);
  return due;
}

/** A session has ended. */
export function forgetDeadline(state: SchedulerState, out: Out): void {
  const { deadlines } = state;
  const open = countOpen(state);
  if (open === 0) {
    deadlines.keep(() => false);
    deadlines.timerMs = Number.POSITIVE_INFINITY;
    out.push({ kind: 'stopTimer', id: timer });
  } else if (deadlines.size > 2 * open + strayMax) deadlines.keep((id) => isOpen(state, id));
}

function setTimer(deadlines: DeadlineHeap, out: Out): void {
  const { earliestMs, timerMs } = deadlines;
  if (earliestMs >= timerMs) return;
  deadlines.timerMs = earliestMs;
  out.push({ kind: 'startTimer', id: timer, afterMs: Math.max(0, earliestMs - out.nowMs), message: { kind: 'deadlineReached' } });
}

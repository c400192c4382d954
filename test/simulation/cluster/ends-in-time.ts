/**
 * Nothing hangs: a session that waits for nobody outside, and reaches the deadline that all have, has something that runs, that waits for
 * an executor, or that a timer waits for.
 */
import type { Invocation, Session } from '../../../src/actors/scheduler/state.ts';
import { type Checker, insist } from '../checkers/checker.ts';
import type { WorldEvent } from '../events.ts';
import type { SimulatedWorker } from './worker.ts';

type Part = Pick<SimulatedWorker, 'name' | 'scheduler'> & { readonly nowMs: number; readonly others: readonly SimulatedWorker[] };

export class EndsInTime implements Checker<Part> {
  readonly name = 'ends in time';

  see(event: WorldEvent, worker: Part): void {
    if (event.kind !== 'handled' || event.message.kind !== 'deadlineReached') return;
    const { scheduler, nowMs } = worker;
    for (const session of scheduler.sessions.values()) {
      const { table, openedMs, dueMs, spec } = session;
      if (dueMs > nowMs || dueMs - openedMs !== scheduler.limits.deadlineMs || table.hasExternalBucket) continue;
      const { id, app } = spec;
      insist(isBusy(session, worker), this, () => `session ${id} of ${app} at ${worker.name} waits for nothing, and has not ended`);
    }
  }
}

function isBusy({ invocations, delayed, timed }: Session, { name, others }: Part): boolean {
  if (delayed.size > 0 || timed.size > 0) return true;
  for (const invocation of invocations) {
    if (invocation.place === 'placing') continue;
    if (invocation.host === null || lodges(invocation, `scheduler@${name}`, others)) return true;
  }
  return false;
}

function lodges({ host, number, attempt }: Invocation, home: string, workers: readonly SimulatedWorker[]): boolean {
  const { scheduler } = workers.find(({ name }) => host === `scheduler@${name}`) ?? {};
  for (const { session, origin } of scheduler?.cluster?.lodgers.values() ?? [])
    if (session.home === home && origin?.invocation === number && origin.attempt === attempt) return true;
  return false;
}

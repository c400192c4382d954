/** Workers come and go. What a worker that is gone had begun is lost; what waits is placed elsewhere. */
import type { Out } from '../actor.ts';
import type { CoordinatorMessage } from '../protocol/coordinator.ts';
import { errorData } from '../protocol/error.ts';
import { loseObjects } from './app-objects.ts';
import { failInstall, installAt } from './apps.ts';
import { takeOffer } from './placement.ts';
import { loseSessions, placeWaiting } from './sessions.ts';
import type { CoordinatorState } from './state.ts';

type Message<K extends CoordinatorMessage['kind']> = Extract<CoordinatorMessage, { kind: K }>;

export function addWorker(state: CoordinatorState, { worker }: Message<'workerJoined'>, out: Out): void {
  if (state.workers.has(worker)) return;
  state.workers.set(worker, { accepts: true, sessions: 0 });
  for (const { current, installing } of state.apps.values()) {
    if (current) installAt(state, current, worker, out);
    if (!installing) continue;
    installing.asked.add(worker);
    installAt(state, installing.revision, worker, out);
  }
}

export function removeWorker(state: CoordinatorState, { worker, reason }: Message<'workerLeft'>, out: Out): void {
  if (!state.workers.delete(worker)) return;
  for (const app of state.apps.values()) {
    app.current?.workers.delete(worker);
    app.plainRows.delete(worker);
    if (!app.installing?.asked.has(worker)) continue;
    const error = errorData('WorkerLost', `worker ${worker} is gone: ${reason}`, { worker }, true);
    failInstall(state, { kind: 'appInstallFailed', worker, app: app.name, revision: app.installing.revision.table.revision, error }, out);
  }
  loseObjects(state, worker);
  loseSessions(state, worker, reason, out);
  takeOffer(state, { kind: 'slotsOffered', worker, free: 0 }, out);
  placeWaiting(state, out);
}

/** The objects of app-scoped triggers: held for triggers and for the sessions that these open. */
import { type Address, type Out, send } from '../actor.ts';
import type { CoordinatorState } from './state.ts';

/** One holder less; after the last its worker may free it. */
export function unhold(state: CoordinatorState, id: number, out: Out): void {
  const object = state.objects.get(id);
  if (!object) return;
  object.holders--;
  if (object.holders <= 0) releaseObject(state, id, out);
}

/** Its worker may free it. */
export function releaseObject(state: CoordinatorState, id: number, out: Out): void {
  const object = state.objects.get(id);
  if (!object) return;
  state.objects.delete(id);
  object.app.objects--;
  if (object.worker !== null) out.push(send(object.worker, { kind: 'appObjectReleased', object: object.object }));
}

/** Their numbers mean nothing to a worker that is started anew under the same name. */
export function loseObjects(state: CoordinatorState, worker: Address): void {
  for (const object of state.objects.values()) if (object.worker === worker) object.worker = null;
}

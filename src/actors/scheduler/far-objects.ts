/** Objects of a session that lie on other workers, and are needed here. */
import { type Address, type Out, send } from '../actor.ts';
import { type Bringing, clusterOf, type SchedulerState, type Session, type SessionObject } from './state.ts';

/** Of the services beside the actors: it brings objects of other nodes. */
const importsAddress: Address = 'imports';

/** They are held by the session when they are here; then what they are needed for goes on. */
export function bringObjects(
  state: SchedulerState,
  session: Session,
  objects: readonly SessionObject[],
  goal: Bringing['goal'],
  out: Out,
): void {
  const cluster = clusterOf(state);
  const request = cluster.nextRequest++;
  cluster.bringing.set(request, { session, objects, goal });
  out.push(send(importsAddress, { kind: 'bringObjects', request, refs: objects.map(({ ref }) => ref) }));
}

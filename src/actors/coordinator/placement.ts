/**
 * Where invocations go that their homes cannot run soon: asked for when it is needed, so that nothing is said while all is well.
 *
 *   C9   The worker that holds most bytes of the inputs and has an executor free; else the one with the most executors free; else none,
 *        and the invocation stays where it is.
 *   C10  One round of questions is under way at a time; what comes meanwhile is placed with it, or in the next.
 */
import { type Address, send, type Out } from '../actor.ts';
import type { PlacementMessage, PlacementRequest } from '../protocol/lodging.ts';
import type { CoordinatorState } from './state.ts';

type Message<K extends PlacementMessage['kind']> = Extract<PlacementMessage, { kind: K }>;

/** A worker that does not answer has no room. */
const offerTimeoutMs = 100;
const timer = 'placement';

export function askForPlaces(state: CoordinatorState, { home, requests }: Message<'placementAsked'>, out: Out): void {
  const { placement, workers, address } = state;
  placement.asked.push({ home, requests });
  if (placement.asked.length > 1) return;
  placement.offers.clear();
  for (const worker of workers.keys()) {
    placement.awaited.add(worker);
    out.push(send(worker, { kind: 'slotsAsked', coordinator: address }));
  }
  out.push({ kind: 'startTimer', id: timer, afterMs: offerTimeoutMs, message: { kind: 'placementTimeoutReached' } });
}

export function takeOffer(state: CoordinatorState, { worker, free }: Message<'slotsOffered'>, out: Out): void {
  const { placement } = state;
  if (!placement.awaited.delete(worker)) return;
  placement.offers.set(worker, free);
  if (placement.awaited.size === 0) placeAll(state, out);
}

export function placeAll(state: CoordinatorState, out: Out): void {
  const { placement } = state;
  out.push({ kind: 'stopTimer', id: timer });
  placement.awaited.clear();
  for (const { home, requests } of placement.asked.splice(0)) {
    const places = requests.map((request) => ({ invocation: request.invocation, worker: choose(state, home, request) }));
    out.push(send(home, { kind: 'placed', places }));
  }
}

function choose(
  { apps, placement: { offers } }: CoordinatorState,
  home: Address,
  { app, revision, held }: PlacementRequest,
): Address | null {
  const current = apps.get(app)?.current;
  if (current?.table.revision !== revision) return null;
  const hasRoom = (worker: Address) => current.workers.has(worker) && (offers.get(worker) ?? 0) > 0;
  let best: Address | null = null;
  let most = 0;
  for (const { worker, sizeBytes } of held) {
    if (sizeBytes <= most || !hasRoom(worker)) continue;
    best = worker;
    most = sizeBytes;
  }
  if (best === null) {
    for (const [worker, free] of offers) {
      if (!hasRoom(worker) || free < most || (free === most && worker !== home)) continue;
      best = worker;
      most = free;
    }
  }
  if (best !== null) offers.set(best, (offers.get(best) ?? 1) - 1);
  return best;
}

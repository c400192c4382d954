/** Where invocations are placed that their homes cannot run soon (`coordinator/placement.ts`). */
import test from 'ava';
import type { PlacementRequest } from '../../../src/actors/protocol/lodging.ts';
import { type Coordinator, serving, single } from './coordinator-workers-driver.ts';

const [w1, w2, w3, w4] = ['scheduler@w1', 'scheduler@w2', 'scheduler@w3', 'scheduler@w4'] as const;

function requestOf(invocation: number, held: Readonly<Record<string, number>> = {}): PlacementRequest {
  return { invocation, app: 'app', revision: 1, held: Object.entries(held).map(([worker, sizeBytes]) => ({ worker, sizeBytes })) };
}

function ask(coordinator: Coordinator, home: string, ...requests: readonly PlacementRequest[]): void {
  coordinator.tell({ kind: 'placementAsked', home, requests });
}

function offer(coordinator: Coordinator, offers: Readonly<Record<string, number>>): void {
  for (const [worker, free] of Object.entries(offers)) coordinator.tell({ kind: 'slotsOffered', worker, free });
}

/** What homes were told: the workers, in the order of what they had asked for. */
function places(coordinator: Coordinator): readonly (string | null)[][] {
  return coordinator.sentOf('placed').map((placed) => placed.places.map(({ worker }) => worker));
}

test('placement: C9: where most bytes are that has an executor free; of the same bytes none is better than another', (t) => {
  const coordinator = serving([w1, w2, w3]);
  ask(coordinator, w1, requestOf(1, { [w1]: 10, [w2]: 300, [w3]: 200 }));
  offer(coordinator, { [w1]: 5, [w2]: 1, [w3]: 4 });
  ask(coordinator, w1, requestOf(1, { [w1]: 10, [w2]: 300, [w3]: 200 }));
  offer(coordinator, { [w1]: 5, [w2]: 0, [w3]: 4 });
  ask(coordinator, w1, requestOf(1, { [w1]: 10, [w2]: 300, [w3]: 200 }));
  offer(coordinator, { [w1]: 5, [w2]: 0, [w3]: 0 });
  t.deepEqual(places(coordinator), [[w2], [w3], [w1]]);
});

test('placement: C9: without bytes that with the most executors free; at home, if it has as many', (t) => {
  const coordinator = serving([w1, w2, w3]);
  ask(coordinator, w1, requestOf(1));
  offer(coordinator, { [w1]: 0, [w2]: 2, [w3]: 3 });
  ask(coordinator, w3, requestOf(1));
  offer(coordinator, { [w1]: 3, [w2]: 3, [w3]: 3 });
  ask(coordinator, w1, requestOf(1));
  offer(coordinator, { [w1]: 3, [w2]: 3, [w3]: 3 });
  t.deepEqual(places(coordinator), [[w3], [w3], [w1]]);
});

test('placement: C9: nobody has room: nowhere', (t) => {
  const coordinator = serving([w1, w2]);
  ask(coordinator, w1, requestOf(1, { [w2]: 1_000 }), requestOf(2));
  offer(coordinator, { [w1]: 0, [w2]: 0 });
  t.deepEqual(places(coordinator), [[null, null]]);
});

test('placement: an executor is given once in a round, and others are spread over those that are left', (t) => {
  const coordinator = serving([w1, w2, w3]);
  ask(coordinator, w1, ...[1, 2, 3, 4, 5].map((number) => requestOf(number)));
  offer(coordinator, { [w1]: 0, [w2]: 2, [w3]: 2 });
  const [placed = []] = places(coordinator);
  t.deepEqual(
    [w2, w3, null].map((worker) => placed.filter((one) => one === worker).length),
    [2, 2, 1],
  );
  t.is(placed[4], null);
});

test('placement: C10: of one round all workers are asked once, and whoever asks meanwhile is placed with it', (t) => {
  const coordinator = serving([w1, w2, w3]);
  ask(coordinator, w1, requestOf(1));
  ask(coordinator, w2, requestOf(1), requestOf(2));
  t.is(coordinator.sentOf('slotsAsked').length, 3);
  offer(coordinator, { [w1]: 0, [w2]: 0 });
  t.deepEqual(places(coordinator), []);
  offer(coordinator, { [w3]: 2 });
  t.deepEqual(
    coordinator.sent.filter(({ message }) => message.kind === 'placed').map(({ to }) => to),
    [w1, w2],
  );
  t.deepEqual(places(coordinator), [[w3], [w3, null]]);
  ask(coordinator, w1, requestOf(3));
  t.is(coordinator.sentOf('slotsAsked').length, 6);
});

test('placement: who does not answer in time has no room, and what he says later is for no round', (t) => {
  const coordinator = serving([w1, w2, w3]);
  const [, , , started] = coordinator.tell({ kind: 'placementAsked', home: w1, requests: [requestOf(1)] });
  t.like(started, { kind: 'startTimer', afterMs: 100, message: { kind: 'placementTimeoutReached' } });
  offer(coordinator, { [w1]: 0 });
  const effects = coordinator.tell({ kind: 'placementTimeoutReached' });
  t.true(effects.some((effect) => effect.kind === 'stopTimer'));
  t.deepEqual(places(coordinator), [[null]]);
  offer(coordinator, { [w2]: 5 });
  t.deepEqual(places(coordinator), [[null]]);
  ask(coordinator, w1, requestOf(1));
  coordinator.tell({ kind: 'placementTimeoutReached' });
  t.deepEqual(places(coordinator), [[null], [null]], 'what was offered in another round is not counted on');
});

test('placement: an answer that comes twice counts once', (t) => {
  const coordinator = serving([w1, w2, w3]);
  ask(coordinator, w1, requestOf(1), requestOf(2));
  offer(coordinator, { [w2]: 1 });
  offer(coordinator, { [w2]: 5 });
  offer(coordinator, { [w1]: 0, [w3]: 0 });
  t.deepEqual(places(coordinator), [[w2, null]]);
});

test('placement: only where the revision can be run; sessions of a former one stay at home', (t) => {
  const coordinator = serving([w1, w2, w3]);
  coordinator.join(w4);
  ask(coordinator, w1, requestOf(1, { [w4]: 10_000 }));
  offer(coordinator, { [w1]: 0, [w2]: 1, [w3]: 0, [w4]: 9 });
  t.deepEqual(places(coordinator), [[w2]]);
  coordinator.register(single, 2);
  coordinator.installed(2, w1, w2);
  ask(coordinator, w1, requestOf(1), { ...requestOf(2), revision: 2 });
  offer(coordinator, { [w1]: 0, [w2]: 2, [w3]: 5, [w4]: 5 });
  t.deepEqual(places(coordinator)[1], [null, w2]);
});

test('placement: an app that is no more has no place', (t) => {
  const coordinator = serving([w1, w2]);
  ask(coordinator, w1, requestOf(1));
  coordinator.tell({ kind: 'unregisterApp', request: 2, client: 'client', app: 'app' });
  offer(coordinator, { [w1]: 1, [w2]: 1 });
  t.deepEqual(places(coordinator), [[null]]);
});

test('placement: a worker that leaves during the round gets nothing, and one that joins holds nobody up', (t) => {
  const coordinator = serving([w1, w2, w3]);
  ask(coordinator, w1, requestOf(1));
  offer(coordinator, { [w2]: 5 });
  coordinator.leave(w2);
  coordinator.join(w4);
  offer(coordinator, { [w1]: 0, [w3]: 1 });
  t.deepEqual(places(coordinator), [[w3]]);
});

test('placement: a worker that leaves without an answer holds nobody up', (t) => {
  const coordinator = serving([w1, w2, w3]);
  ask(coordinator, w1, requestOf(1));
  offer(coordinator, { [w1]: 0, [w3]: 1 });
  coordinator.leave(w2);
  t.deepEqual(places(coordinator), [[w3]]);
});

test('placement: without workers nobody waits for ever', (t) => {
  const coordinator = serving([w1]);
  coordinator.leave(w1);
  ask(coordinator, w1, requestOf(1));
  coordinator.tell({ kind: 'placementTimeoutReached' });
  t.deepEqual(places(coordinator), [[null]]);
});

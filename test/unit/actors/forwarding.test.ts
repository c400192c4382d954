/** When and where an invocation is run away from home (`scheduler/forwarding.ts`), by real schedulers and a real coordinator. */
import test from 'ava';
import { LodgingDriver, type LodgingOptions } from './lodging-driver.ts';
import { inlineRef } from './lodging-worker.ts';
import { appOf, on } from './scheduler-driver.ts';

const single = appOf({ work: [] }, [on('in', 'immediate', null, 'work')]);

function driverOf(definition = single, options: LodgingOptions = {}): LodgingDriver {
  return new LodgingDriver(definition, options);
}

test('forwarding: F1: an invocation waits at home first, for about as long as an attempt takes', (t) => {
  const driver = driverOf();
  driver.open('w1', 's', ['in', 'in']);
  t.deepEqual(driver.at('w1').functions, ['work']);
  driver.advance(1);
  t.deepEqual(driver.saidOf('placementAsked'), []);
  driver.advance(1);
  t.is(driver.saidOf('placementAsked').length, 1);
  t.deepEqual(driver.at('w2').functions, ['work']);
  t.deepEqual(driver.at('w1').state.cluster?.totals, { forwarded: 1, lodged: 0, placedNear: 0 });
  t.deepEqual(driver.at('w2').state.cluster?.totals, { forwarded: 0, lodged: 1, placedNear: 0 });
});

test('forwarding: F1: nothing is said while there are executors', (t) => {
  const driver = driverOf(single, { executors: 2 });
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(50);
  driver.at('w1').finish();
  driver.at('w1').finish();
  driver.advance(1_000);
  t.deepEqual([...new Set(driver.said.map(({ message }) => message.kind))], ['sessionEnded', 'sessionClosed']);
});

/** How long an invocation has waited when a place is asked for. */
function waitedMs(driver: LodgingDriver): number {
  driver.said.splice(0);
  driver.open('w1', 'next', ['in', 'in']);
  let ms = 0;
  for (; driver.saidOf('placementAsked').length === 0 && ms < 1_000; ms++) driver.advance(1);
  return ms;
}

test('forwarding: F1: the longer attempts take, the longer an invocation waits; no longer than 200 ms', (t) => {
  const waits: number[] = [];
  for (const tookMs of [0, 20, 100, 1_000]) {
    const driver = driverOf(single, { workers: ['w1'] });
    for (let i = 0; i < 100; i++) {
      driver.open('w1', `s${i}`, ['in']);
      driver.advance(tookMs);
      driver.at('w1').finish();
      driver.carry();
    }
    waits.push(waitedMs(driver));
  }
  t.deepEqual(waits, [2, 20, 100, 200]);
});

test('forwarding: F1: what an attempt took that began solo counts from when it came home', (t) => {
  const driver = driverOf(single, { workers: ['w1'] });
  const { state } = driver.at('w1');
  const sent = [{ source: 0, bucket: 0, key: 'k', group: null, ref: inlineRef }];
  const solo = { keeper: 'client@~u/c1', client: 'client@~u/c1', install: 1, openedMs: 1_000_000, slot: 0, generation: 1, given: [] };
  driver.at('w1').tell({ kind: 'adoptSession', ...solo, session: 's', sent, begun: [{ trigger: 0, inputs: [0] }], executor: 0 });
  const [invocation = -1] = state.invocations.keys();
  driver.advance(17);
  const outcome = { kind: 'returned', objects: 0, outputs: 0 } as const;
  driver.at('w1').tell({ kind: 'attemptEnded', executor: 0, invocation, attempt: 1, outcome });
  driver.carry();
  t.like(driver.ended, [{ state: 'ended' }]);
  t.is(state.cluster?.serviceMs, 2);
});

test('forwarding: F1: what never began has taken no time, however long it lay with an executor', (t) => {
  const driver = driverOf(single, { workers: ['w1'] });
  driver.open('w1', 's', ['in']);
  const { state } = driver.at('w1');
  driver.advance(170);
  driver.at('w1').finish('work', { kind: 'refused' });
  t.is(state.cluster?.serviceMs, 1);
  t.deepEqual(driver.at('w1').functions, ['work'], 'it was given out again');
});

test('forwarding: F3: nobody has room: it stays, is asked for again, and runs at home when an executor is free', (t) => {
  const driver = driverOf();
  driver.open('w2', 'other', ['in']);
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(2);
  t.deepEqual(
    driver.saidOf('placed').map(({ places }) => places.map(({ worker }) => worker)),
    [[null]],
  );
  driver.advance(4);
  t.is(driver.saidOf('placed').length, 2);
  driver.at('w1').finish();
  driver.carry();
  t.deepEqual(driver.at('w1').functions, ['work']);
  driver.advance(100);
  t.is(driver.saidOf('placed').length, 2);
  t.deepEqual(driver.saidOf('lodge'), []);
});

test('forwarding: F3: it stays, and goes when another worker has room', (t) => {
  const driver = driverOf();
  driver.open('w2', 'other', ['in']);
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(10);
  driver.at('w2').finish();
  driver.advance(10);
  t.deepEqual(driver.at('w2').functions, ['work']);
  t.deepEqual(driver.at('w1').functions, ['work']);
});

test('forwarding: F1: it is each invocation’s own wait that counts, not that of the queue', (t) => {
  const driver = driverOf(single, { workers: ['w1', 'w2', 'w3'] });
  driver.open('w1', 's', ['in', 'in', 'in']);
  driver.advance(1);
  driver.at('w1').finish();
  driver.open('w1', 'y', ['in']);
  driver.advance(1);
  t.deepEqual([driver.at('w2').functions.length + driver.at('w3').functions.length, driver.at('w1').state.queue.length], [1, 1]);
  driver.advance(2);
  t.deepEqual([driver.at('w2').functions, driver.at('w3').functions], [['work'], ['work']]);
});

test('forwarding: while nobody has room it is asked less and less often, and as before when the queue has been empty', (t) => {
  const driver = driverOf();
  driver.open('w2', 'other', ['in']);
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(1_000);
  t.true(driver.saidOf('placementAsked').length < 15);
  driver.at('w1').finish();
  driver.at('w1').finish();
  driver.at('w2').finish();
  driver.advance(1_000);
  const { cluster } = driver.at('w1').state;
  // What the last attempts took is not the matter here.
  if (cluster) cluster.serviceMs = 1;
  t.is(waitedMs(driver), 2);
});

test('forwarding: one that an executor takes while a place is sought stays where it is', (t) => {
  const driver = driverOf();
  driver.held.add('c1>w1');
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(110);
  t.is(driver.saidOf('placed').length, 1);
  driver.at('w1').finish();
  t.deepEqual(driver.at('w1').functions, ['work']);
  driver.held.clear();
  driver.carry();
  t.deepEqual(driver.saidOf('lodge'), []);
  driver.at('w1').finish();
  driver.carry();
  t.like(driver.ended[0], { state: 'ended' });
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('forwarding: who is answered late, or not at all, asks again after a second, and one message to the coordinator is enough for many', (t) => {
  const driver = driverOf(single, { workers: ['w1', 'w2', 'w3'] });
  driver.held.add('c1>w1');
  driver.open('w1', 's', ['in', 'in', 'in']);
  driver.advance(900);
  t.deepEqual(
    driver.saidOf('placementAsked').map(({ requests }) => requests.length),
    [2],
  );
  driver.advance(110);
  t.is(driver.saidOf('placementAsked').length, 2);
  driver.held.clear();
  driver.carry();
  t.deepEqual([driver.at('w2').functions, driver.at('w3').functions], [['work'], ['work']]);
  t.is(driver.saidOf('lodge').length, 2, 'an answer that comes twice lodges nothing twice');
});

test('forwarding: a worker that is silent has no room, and holds nobody up for longer than 100 ms', (t) => {
  const driver = driverOf(single, { workers: ['w1', 'w2', 'w3'] });
  driver.held.add('w2>c1');
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(101);
  t.is(driver.saidOf('placed').length, 0);
  driver.advance(2);
  t.deepEqual(driver.at('w3').functions, ['work']);
});

test('forwarding: lodgers are not passed on', (t) => {
  const driver = driverOf(single, { workers: ['w1', 'w2', 'w3'] });
  driver.open('w3', 'x', ['in']);
  driver.open('w1', 's', ['in', 'in']);
  driver.held.add('w1>w2');
  driver.advance(2);
  t.is(driver.saidOf('lodge').length, 1);
  // Somebody else is faster there.
  driver.open('w2', 'y', ['in']);
  driver.held.clear();
  driver.carry();
  t.is(driver.at('w2').state.queue.length, 1);
  driver.at('w3').finish();
  driver.advance(200);
  t.is(driver.saidOf('lodge').length, 1);
  t.deepEqual(driver.at('w3').functions, []);
  driver.at('w2').finish();
  t.deepEqual(driver.at('w2').functions, ['work']);
});

test('forwarding: lodgers that wait, however many, do not keep the worker’s own invocations from others', (t) => {
  const driver = driverOf(single, { workers: ['w1', 'w2', 'w3'] });
  driver.open('w2', 'x', ['in']);
  const lodge = {
    kind: 'lodge',
    home: 'scheduler@w1',
    session: 's',
    attempt: 1,
    app: 'app',
    revision: 1,
    function: 0,
    priority: 5,
  } as const;
  for (let invocation = 1; invocation <= 70; invocation++)
    driver.at('w2').tell({ ...lodge, invocation, inputs: [], owned: [], failure: null, ifFree: false });
  driver.open('w2', 'y', ['in']);
  driver.advance(5);
  t.is(driver.saidOf('placed').length > 0, true);
  t.is(driver.at('w1').functions.length + driver.at('w3').functions.length, 1);
});

test('forwarding: F1: at once, when all executors at home have been busy for as long as an attempt takes', (t) => {
  const driver = driverOf();
  driver.open('w1', 'long', ['in']);
  driver.advance(1);
  driver.open('w1', 's', ['in']);
  t.deepEqual(driver.saidOf('placementAsked'), []);
  driver.advance(5);
  t.deepEqual(driver.at('w2').functions, ['work']);
  driver.at('w2').finish();
  driver.carry();
  driver.said.splice(0);
  driver.open('w1', 'y', ['in']);
  t.deepEqual(driver.at('w2').functions, ['work']);
});

test('forwarding: F1: who has only lodgers waiting does not ask, however long its executors are busy', (t) => {
  const driver = driverOf();
  driver.open('w2', 'long', ['in']);
  driver.open('w1', 's', ['in']);
  driver.advance(10);
  const guest = {
    kind: 'lodge',
    home: 'scheduler@w1',
    session: 's',
    invocation: 9,
    attempt: 1,
    app: 'app',
    revision: 1,
    function: 0,
  } as const;
  driver.at('w2').tell({ ...guest, priority: 5, inputs: [], owned: [], failure: null, ifFree: false });
  driver.advance(500);
  t.deepEqual(driver.saidOf('placementAsked'), []);
});

/** `w1` is kept by a long function, and `w2` has just run a lodger of it. */
function offered(): LodgingDriver {
  const driver = driverOf();
  driver.open('w1', 'long', ['in']);
  driver.advance(5);
  driver.open('w1', 's', ['in']);
  driver.at('w2').finish();
  driver.carry();
  driver.said.splice(0);
  return driver;
}

test('forwarding: F5: a host that has ended a lodger and has room gets the next one without a question', (t) => {
  const driver = offered();
  driver.open('w1', 'y', ['in']);
  t.deepEqual(driver.at('w2').functions, ['work']);
  t.deepEqual(driver.saidOf('placementAsked'), []);
  driver.open('w1', 'z', ['in']);
  t.is(driver.saidOf('placementAsked').length, 1);
});

test('forwarding: F5: what a host has said is forgotten after a moment', (t) => {
  const driver = offered();
  driver.advance(60);
  driver.open('w1', 'y', ['in']);
  t.is(driver.saidOf('placementAsked').length, 1);
  t.deepEqual(driver.at('w2').functions, ['work']);
});

test('forwarding: F5: a host that has no room any more refuses; the invocation is home’s again, and after a while the coordinator is asked', (t) => {
  const driver = offered();
  driver.open('w2', 'own', ['in']);
  driver.open('w1', 'y', ['in']);
  t.like(driver.saidOf('lodgerEnded'), [{ session: 'y', outcome: { kind: 'refused' }, free: 0 }]);
  t.deepEqual(driver.saidOf('placementAsked'), []);
  driver.advance(5);
  t.is(driver.saidOf('placementAsked').length, 1);
  driver.at('w1').finish();
  driver.carry();
  t.deepEqual(driver.at('w1').functions, ['work']);
  driver.at('w1').finish();
  driver.at('w2').finish();
  driver.carry();
  t.like(driver.ended.at(-1), { state: 'ended' });
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

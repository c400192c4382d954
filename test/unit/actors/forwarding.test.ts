/** When and where an invocation is run away from home (`scheduler/forwarding.ts`), by real schedulers and a real coordinator. */
import test from 'ava';
import { LodgingDriver, type LodgingOptions } from './lodging-driver.ts';
import { inlineRef } from './lodging-worker.ts';
import { appOf, on } from './scheduler-driver.ts';

const single = appOf({ work: [] }, [on('in', 'immediate', null, 'work')]);
const pair = appOf({ make: ['made'], use: [] }, [on('in', 'immediate', null, 'make'), on('made', 'immediate', null, 'use')]);
/** What was made is used when all of it is there. */
const group = appOf({ make: ['made'], use: [] }, [
  on('in', 'immediate', null, 'make'),
  on('made', 'dynamicGroup', { sources: ['make'] }, 'use'),
]);
const large = 100_000;

function driverOf(definition = single, options: LodgingOptions = {}): LodgingDriver {
  return new LodgingDriver(definition, options);
}

/** A session at w1, of which a large object of so many fives is made on w2; then all waits for `use` to be placed. */
function madeAway(driver: LodgingDriver): void {
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(2);
  w2.send('make', 'made', 'k', w2.block(large, 5));
  w2.finish('make');
  driver.carry();
  w1.finish('make');
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
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(1);
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
    driver.at('w2').tell({ ...lodge, invocation, inputs: [], owned: [], failure: null });
  driver.open('w2', 'y', ['in']);
  driver.advance(5);
  t.is(driver.saidOf('placed').length > 0, true);
  t.is(driver.at('w1').functions.length + driver.at('w3').functions.length, 1);
});

test('forwarding: F2: an invocation goes at once to where its inputs are, if there is room', (t) => {
  const driver = driverOf(group);
  madeAway(driver);
  driver.carry();
  t.deepEqual([driver.at('w1').functions, driver.at('w2').functions], [[], ['use']]);
  t.deepEqual(driver.at('w2').read('use'), { k: 5 });
  t.like(driver.at('w1').state.cluster?.totals, { forwarded: 2, placedNear: 1 });
  driver.at('w2').finish();
  driver.carry();
  t.like(driver.ended, [{ state: 'ended' }]);
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('forwarding: F2, F4: where its inputs are there is no room: they are brought, once, and then local', (t) => {
  const uses = appOf({ make: ['made'], use: [], also: [] }, [
    on('in', 'immediate', null, 'make'),
    on('made', 'immediate', null, 'use'),
    on('made', 'immediate', null, 'also'),
  ]);
  const driver = driverOf(uses, { executors: 2 });
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  driver.open('w1', 's', ['in', 'in', 'in']);
  driver.advance(2);
  w2.send('make', 'made', 'k', w2.block(large, 6));
  w1.bringsAtOnce = false;
  driver.open('w2', 'x', ['in']);
  w1.finish();
  driver.carry();
  t.deepEqual([w1.functions, w2.functions], [['make'], ['make', 'make']]);
  t.is(w1.bringing.length, 2, 'each is brought for whoever needs it; the fetcher shares the transfer');
  w1.bring();
  driver.carry();
  t.deepEqual(w1.functions, ['make', 'use']);
  t.deepEqual(w1.read('use'), { k: 6 });
  t.is(w1.store.blocks, 1);
  w1.finish('use');
  t.deepEqual(w1.functions, ['make', 'also']);
  t.deepEqual(w1.read('also'), { k: 6 });
});

test('forwarding: F2: few bytes are brought, wherever they are', (t) => {
  const driver = driverOf(pair);
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(2);
  w2.send('make', 'made', 'k', w2.block(10_000, 9));
  w2.finish('make');
  w1.finish('make');
  driver.carry();
  t.deepEqual([w1.functions, w2.functions], [['use'], []]);
  t.deepEqual(w1.read('use'), { k: 9 });
  t.is(driver.saidOf('placementAsked').length, 1);
});

test('forwarding: F2: of several nodes that with the most bytes is the place, also if it is home', (t) => {
  const join = appOf({ make: ['made'], use: [] }, [on('in', 'immediate', null, 'make'), on('made', 'bySet', { keys: ['a', 'b'] }, 'use')]);
  for (const [at, mineBytes, theirsBytes] of [
    ['w1', 200_000, 100_000],
    ['w2', 100_000, 200_000],
  ] as const) {
    const driver = driverOf(join);
    const [w1, w2] = [driver.at('w1'), driver.at('w2')];
    driver.open('w1', 's', ['in', 'in']);
    driver.advance(2);
    w1.send('make', 'made', 'a', w1.block(mineBytes, 1));
    w2.send('make', 'made', 'b', w2.block(theirsBytes, 2));
    w1.finish('make');
    w2.finish('make');
    driver.carry();
    t.deepEqual(driver.at(at).functions, ['use']);
    t.deepEqual(driver.at(at).read('use'), { a: 1, b: 2 });
    driver.at(at).finish('use');
    driver.advance(1_100);
    t.deepEqual(driver.leftovers(), []);
  }
});

test('forwarding: no coordinator answers: what waits for a place is run at home', (t) => {
  const driver = driverOf(group);
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  madeAway(driver);
  driver.held.add('w1>c1');
  driver.advance(999);
  t.deepEqual([w1.functions, w2.functions], [[], []]);
  driver.advance(1);
  t.deepEqual(w1.functions, ['use']);
  driver.held.clear();
  driver.carry();
  t.deepEqual([w1.functions, w2.functions], [['use'], []], 'the place comes too late');
  w1.finish();
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('forwarding: what waits for a place that nobody names is run at home, also while places are sought for others all the time', (t) => {
  const driver = driverOf(group);
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  madeAway(driver);
  t.is(driver.busy.length, 1);
  driver.drop('w1>c1');
  w1.bringsAtOnce = false;
  driver.open('w2', 'x', ['in']);
  driver.open('w1', 'y', ['in', 'in']);
  driver.advance(2_000);
  t.true(driver.saidOf('placementAsked').length > 5);
  t.deepEqual([w1.functions, w2.functions], [['make'], ['make']]);
  t.is(w1.bringing.length, 1);
});

test('forwarding: a place that is named while the objects are on their way here is taken, and they are let go of', (t) => {
  const driver = driverOf(group);
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  madeAway(driver);
  driver.held.add('w1>c1');
  w1.bringsAtOnce = false;
  driver.advance(1_000);
  t.is(w1.bringing.length, 1);
  driver.held.clear();
  driver.carry();
  t.deepEqual(w2.functions, ['use']);
  w1.bring();
  t.deepEqual([w1.functions, w2.functions], [[], ['use']]);
  w2.finish();
  driver.carry();
  t.like(driver.ended, [{ state: 'ended' }]);
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('forwarding: objects that cannot be brought fail their session with what the fetcher says', (t) => {
  const driver = driverOf(pair);
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(2);
  w2.send('make', 'made', 'k', w2.block(10_000, 5));
  w1.bringsAtOnce = false;
  w2.finish('make');
  driver.carry();
  w1.bring(true);
  driver.carry();
  t.like(driver.ended, [{ state: 'failed', error: { code: 'InputsLost', detail: { session: 's', app: 'app' } } }]);
  w1.finish('make');
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('forwarding: objects that come when their session is over are let go of', (t) => {
  const driver = driverOf(pair);
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(2);
  w2.send('make', 'made', 'k', w2.block(10_000, 5));
  w1.bringsAtOnce = false;
  driver.carry();
  t.is(w1.bringing.length, 1);
  const cancelled = { code: 'SessionCancelled', message: '', retryable: false, detail: {}, thrown: null } as const;
  w1.tell({ kind: 'stopSession', session: 's', error: cancelled });
  w1.bring();
  driver.carry();
  t.like(driver.ended, [{ state: 'cancelled' }]);
  w1.finish();
  w2.finish();
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('forwarding: a function that gets an object which is far away has it when it is here', (t) => {
  const driver = driverOf(appOf({ make: ['made'] }, [on('in', 'immediate', null, 'make')]));
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(2);
  w2.send('make', 'made', 'k', w2.block(large, 5));
  w2.send('make', 'made', 'l', inlineRef);
  driver.carry();
  w1.bringsAtOnce = false;
  w1.ask('make', 3, 'made');
  t.deepEqual(w1.answers, []);
  w1.bring();
  t.like(w1.answers, [{ request: 3, error: null }]);
  t.deepEqual(
    w1.answers[0]?.objects.map(({ key, ref }) => [key, w1.contentOf(ref)]),
    [
      ['k', 5],
      ['l', 7],
    ],
  );
  w1.ask('make', 4, 'made', 'k');
  t.is(w1.answers.length, 2, 'it is here now');
  w1.finish();
  w2.finish();
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('forwarding: who waits for a far object when the session ends is told so', (t) => {
  for (const isLost of [false, true]) {
    const driver = driverOf(appOf({ make: ['made'] }, [on('in', 'immediate', null, 'make')]));
    const [w1, w2] = [driver.at('w1'), driver.at('w2')];
    driver.open('w1', 's', ['in', 'in']);
    driver.advance(2);
    w2.send('make', 'made', 'k', w2.block(large, 5));
    driver.carry();
    w1.bringsAtOnce = false;
    w1.ask('make', 3, 'made');
    w1.tell({ kind: 'getFromSession', session: 's', client: 'client@~u/c1', request: 9, bucket: 'made', key: null });
    if (!isLost) w1.tell({ kind: 'deadlineReached', session: 1 });
    w1.bring(isLost);
    driver.carry();
    t.like(w1.answers, [{ request: 3, error: { code: 'InvocationAborted' } }]);
    const refused = driver.told.filter(({ kind }) => kind === 'requestRefused');
    t.like(refused, [{ request: 9, error: { code: 'SessionEnded' } }]);
    w1.finish();
    w2.finish();
    driver.advance(1_100);
    t.deepEqual(driver.leftovers(), []);
  }
});

test('forwarding: a client that gets an object which is far away from its home is answered when it is there', (t) => {
  const driver = driverOf(appOf({ make: ['made'] }, [on('in', 'immediate', null, 'make')]));
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(2);
  w2.send('make', 'made', 'k', w2.block(large, 5));
  driver.carry();
  w1.tell({ kind: 'getFromSession', session: 's', client: 'client@~u/c1', request: 9, bucket: 'made', key: 'k' });
  driver.carry();
  const found = driver.told.flatMap((message) => (message.kind === 'objectsFound' ? message.objects : []));
  t.like(found, [{ key: 'k', ref: { sizeBytes: large, remote: { node: 'w1' } } }]);
  w1.finish();
  w2.finish();
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('forwarding: objects for triggers of all sessions are at their session’s home before the coordinator hears of them', (t) => {
  const batches = appOf({ make: ['made'], use: [] }, [on('in', 'immediate', null, 'make'), on('made', 'byBatchSize', { count: 2 }, 'use')]);
  const driver = driverOf(batches);
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(2);
  w1.bringsAtOnce = false;
  w2.send('make', 'made', 'k', w2.block(large, 5));
  w2.send('make', 'made', 'l', w2.block(large, 6));
  w2.finish('make');
  w1.finish('make');
  driver.carry();
  t.deepEqual(driver.ended, [], 'a session does not end before its objects are known');
  t.deepEqual(driver.saidOf('appObjectReady'), []);
  w1.bring();
  driver.carry();
  t.deepEqual(
    driver.saidOf('appObjectReady').map(({ worker, input }) => [worker, input.ref.remote?.node]),
    [
      ['scheduler@w1', 'w1'],
      ['scheduler@w1', 'w1'],
    ],
  );
  t.like(driver.ended, [{ id: 's', state: 'ended' }]);
  t.deepEqual(w1.functions, ['use'], 'the batch is run where its bytes are');
  t.deepEqual(w1.read('use'), { k: 5, l: 6 });
  w1.finish('use');
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

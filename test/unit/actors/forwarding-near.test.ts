/** Invocations whose inputs are far away: they go there, or are brought (`scheduler/placing.ts`, `scheduler/forwarding.ts`). */
import test from 'ava';
import { errorData } from '../../../src/actors/protocol/error.ts';
import { LodgingDriver, type LodgingOptions } from './lodging-driver.ts';
import { inlineRef } from './lodging-worker.ts';
import { appOf, on } from './scheduler-driver.ts';

const pair = appOf({ make: ['made'], use: [] }, [on('in', 'immediate', null, 'make'), on('made', 'immediate', null, 'use')]);
/** What was made is used when all of it is there. */
const group = appOf({ make: ['made'], use: [] }, [
  on('in', 'immediate', null, 'make'),
  on('made', 'dynamicGroup', { sources: ['make'] }, 'use'),
]);
const large = 100_000;

function driverOf(definition = pair, options: LodgingOptions = {}): LodgingDriver {
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
    if (!isLost) w1.tell({ kind: 'stopSession', session: 's', error: errorData('SessionCancelled', 'cancelled') });
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

/** Invocations that lodge on another worker (`scheduler/lodging.ts`): what their home and their host make of them together. */
import test from 'ava';
import type { AppDefinition } from '../../../src/actors/app.ts';
import { errorData } from '../../../src/actors/protocol/error.ts';
import type { AttemptOutcome } from '../../../src/actors/protocol/scheduler.ts';
import { LodgingDriver, type LodgingOptions } from './lodging-driver.ts';
import { inlineRef } from './lodging-worker.ts';
import { appOf, on } from './scheduler-driver.ts';

const large = 100_000;
const chain = appOf({ make: ['made'], use: [] }, [on('in', 'immediate', null, 'make'), on('made', 'immediate', null, 'use')]);
const failed: AttemptOutcome = { kind: 'failed', error: errorData('FunctionFailed', 'it threw') };
const cancelled = errorData('SessionCancelled', 'it was cancelled');

function withRetries(definition: AppDefinition, attemptsMax: number): AppDefinition {
  const retry = { attemptsMax, backoff: { initialMs: 10, factor: 1, maxMs: 10 } };
  return { ...definition, functions: definition.functions.map((fn) => ({ ...fn, retry, timeoutMs: 500 })) };
}

/** Session `s` at w1: the first `make` runs there, the second lodges on w2. */
function lodged(definition = chain, options: LodgingOptions = {}) {
  const driver = new LodgingDriver(definition, options);
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(2);
  return { driver, w1: driver.at('w1'), w2: driver.at('w2') };
}

/** All that runs ends as it should, until nothing does. */
function finishAll(driver: LodgingDriver): void {
  for (let i = 0; i < 100; i++) {
    for (const worker of driver.workers.values()) while (worker.running.length > 0) worker.finish();
    driver.advance(20);
  }
}

test('lodging: what a lodger sends is admitted at home, and its bytes stay where they are until the session ends', (t) => {
  const { driver, w1, w2 } = lodged(appOf({ make: ['made'] }, [on('in', 'immediate', null, 'make')]));
  w2.send('make', 'made', 'k', w2.block(large, 5));
  w2.send('make', 'made', 'small');
  driver.carry();
  t.is(w1.state.sessions.get(1)?.objects.length, 4);
  t.like(w1.state.sessions.get(1)?.objects[2]?.ref, { offset: -1, remote: { node: 'w2' } });
  t.is(w2.store.blocks, 1);
  w2.finish('make');
  driver.carry();
  t.is(w2.store.blocks, 1);
  t.is(w2.state.cluster?.lodgers.size, 0);
  t.is(w2.state.cluster?.guests.size, 1);
  finishAll(driver);
  t.like(driver.ended, [{ state: 'ended', history: { objects: 4 } }]);
  t.is(driver.saidOf('checkOut').length, 1);
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: what a lodger gives as output comes to the client by way of its home', (t) => {
  const { driver, w1, w2 } = lodged(appOf({ make: [] }, [on('in', 'immediate', null, 'make')]));
  w2.output('make', w2.block(large, 5));
  w2.output('make');
  w1.output('make', w1.block(large, 6));
  driver.carry();
  t.deepEqual(driver.outputs, [6, 5, 7]);
  t.deepEqual([w1.store.blocks, w2.store.blocks], [0, 1], 'only what the lodger has given is kept, for its session');
  finishAll(driver);
  t.like(driver.ended, [{ state: 'ended', history: { outputs: 3 } }]);
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: a session’s end is told its client first, and the hosts last', (t) => {
  const { driver } = lodged();
  driver.said.splice(0);
  finishAll(driver);
  const told = driver.said.map(({ message }) => message.kind).filter((kind) => /^(sessionEnded|sessionClosed|checkOut)$/.test(kind));
  t.deepEqual(told, ['sessionEnded', 'sessionClosed', 'checkOut']);
});

test('lodging: failures count at home, and the next attempt is its home’s to place', (t) => {
  const { driver, w1, w2 } = lodged(withRetries(chain, 2));
  w2.send('make', 'made', 'k', w2.block(large, 5));
  w2.finish('make', failed);
  driver.carry();
  w1.finish('make');
  driver.carry();
  driver.advance(10);
  t.is(w1.attempt('make').run.attempt, 2);
  w1.send('make', 'made', 'k', w1.block(large, 6));
  finishAll(driver);
  const [summary] = driver.ended;
  t.like(summary, { state: 'ended', history: { objects: 3 } }, 'what the first attempt sent is not admitted once more');
  t.like(summary?.history.functions[0], { function: 'make', invocations: 2, attempts: 3, failures: 1 });
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: a lodger that fails for good fails its session, and its host keeps nothing', (t) => {
  const { driver, w1, w2 } = lodged();
  w2.send('make', 'made', 'k', w2.block(large, 5));
  w2.finish('make', failed);
  driver.carry();
  t.like(driver.ended, [{ state: 'failed', error: { code: 'FunctionFailed', detail: { function: 'make', session: 's' } } }]);
  t.deepEqual(w2.store.blocks, 0);
  w1.finish();
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: a lodger has its function’s time-out where it runs', (t) => {
  const { driver, w2 } = lodged(withRetries(chain, 1));
  t.is(w2.attempt('make').timeoutMs, 500);
  w2.finish('make', { kind: 'failed', error: errorData('FunctionTimedOut', 'too late') });
  driver.carry();
  t.like(driver.ended, [{ state: 'failed', error: { code: 'FunctionTimedOut' } }]);
});

test('lodging: a lodger that loses its executor runs again if it is not to blame, and else has failed', (t) => {
  for (const culprit of [false, true]) {
    const { driver, w1, w2 } = lodged();
    w2.finish('make', { kind: 'lost', reason: 'exit', culprit, text: 'it is gone' });
    driver.carry();
    if (culprit) {
      t.like(driver.ended, [{ state: 'failed', error: { code: 'ExecutorCrashed' } }]);
      w1.finish();
    } else finishAll(driver);
    if (!culprit) t.like(driver.ended, [{ state: 'ended' }]);
    driver.advance(1_100);
    t.deepEqual(driver.leftovers(), []);
  }
});

test('lodging: a session that is cancelled aborts its lodgers, and ends at once', (t) => {
  const { driver, w1, w2 } = lodged();
  w2.send('make', 'made', 'k', w2.block(large, 5));
  driver.carry();
  w1.tell({ kind: 'stopSession', session: 's', error: cancelled });
  driver.carry();
  t.like(driver.ended, [{ state: 'cancelled' }]);
  t.true(w2.attempt('make').isAborted);
  t.is(w2.store.blocks, 0);
  w2.send('make', 'made', 'l', w2.block(large, 6));
  w2.output('make', w2.block(large, 7));
  w2.ask('make', 9, 'made');
  t.is(w2.store.blocks, 0, 'what comes too late is let go of');
  t.like(w2.answers, [{ request: 9, error: { code: 'InvocationAborted' } }]);
  w1.finish();
  w2.finish();
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: one that waits for an executor when its session is cancelled never begins', (t) => {
  const { driver, w1, w2 } = lodged();
  driver.open('w1', 'y', ['in']);
  w1.tell({ kind: 'stopSession', session: 'y', error: cancelled });
  const lodge = driver.saidOf('lodge')[0];
  if (!lodge) throw new Error('nothing was lodged');
  const ref = w2.block(large, 5);
  w2.store.adopt(ref.offset);
  const input = { key: 'k', group: null, session: 'z', ref };
  w2.tell({ ...lodge, session: 'z', invocation: 77, inputs: [input], owned: [ref.offset] });
  t.is(w2.state.queue.length, 1);
  w2.tell({ kind: 'checkOut', home: 'scheduler@w1', session: 'z' });
  driver.carry();
  t.is(w2.state.queue.length, 0);
  t.like(driver.saidOf('lodgerEnded'), [{ session: 'z', invocation: 77, attempt: 1, outcome: { kind: 'aborted' } }]);
  t.is(w2.store.blocks, 0);
  finishAll(driver);
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: redundant lodgers that are not needed any more are aborted, and the session goes on', (t) => {
  const race = appOf({ make: ['made'], use: [] }, [
    on('in', 'immediate', null, 'make'),
    on('made', 'redundant', { k: 1, n: 2, sources: ['make'] }, 'use'),
  ]);
  const { driver, w1, w2 } = lodged(race);
  w1.send('make', 'made');
  driver.carry();
  t.true(w2.attempt('make').isAborted);
  w1.finish('make');
  t.deepEqual(w1.functions, ['use']);
  w2.finish('make');
  driver.carry();
  w1.finish('use');
  driver.carry();
  t.like(driver.ended, [{ state: 'ended' }]);
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

const rerun = { source: 'make', key: null, timeoutMs: 100, attemptsMax: 2, backoff: { initialMs: 0, factor: 1, maxMs: 0 } };
const watched = appOf({ make: ['made'], use: [] }, [on('in', 'immediate', null, 'make'), on('made', 'immediate', null, 'use', rerun)]);

test('lodging: G1: a lodger that is late with what is expected is run again by its home alone', (t) => {
  const { driver, w1, w2 } = lodged(watched);
  w1.send('make', 'made');
  w1.finish();
  driver.carry();
  t.is(w2.timersRunning, 0, 'its host has no say in it');
  driver.advance(100);
  t.is(driver.saidOf('unlodge').length, 1);
  t.true(w2.attempt('make').isAborted);
  w2.finish('make');
  driver.carry();
  w1.finish('use');
  driver.advance(5);
  const again = [...w1.running, ...w2.running].filter(({ fn }) => fn === 'make');
  t.deepEqual(
    again.map(({ run }) => run.attempt),
    [2],
  );
  w1.send('make', 'made');
  finishAll(driver);
  t.like(driver.ended, [{ state: 'ended' }]);
  t.like(driver.ended[0]?.history.functions[0], { function: 'make', attempts: 3, reruns: 1, failures: 0 });
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: G1: a lodger that has come is not taken in twice', (t) => {
  const { driver, w2 } = lodged();
  const [lodge] = driver.saidOf('lodge');
  if (!lodge) throw new Error('nothing was lodged');
  const ref = w2.block(large, 5);
  w2.store.adopt(ref.offset);
  w2.tell({ ...lodge, inputs: [{ key: 'k', group: null, session: 's', ref }], owned: [ref.offset] });
  t.is(w2.store.blocks, 0);
  t.is(w2.state.queue.length, 0);
  t.deepEqual(driver.saidOf('lodgerEnded'), []);
  finishAll(driver);
  t.is(driver.saidOf('lodgerEnded').length, 1);
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: a revision that is not there is refused, and the invocation runs elsewhere, as the same attempt', (t) => {
  const driver = new LodgingDriver(chain);
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  driver.held.add('w1>w2');
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(2);
  w2.tell({ kind: 'uninstallApp', app: 'app', revision: 1 });
  driver.held.clear();
  driver.carry();
  t.like(driver.saidOf('lodgerEnded'), [{ outcome: { kind: 'refused' } }]);
  w1.finish();
  driver.carry();
  t.like(w1.attempt('make').run, { attempt: 1 });
  w1.finish();
  driver.carry();
  t.like(driver.ended[0]?.history.functions, [{ function: 'make', invocations: 2, attempts: 2 }]);
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: one that is late before it has come, and is refused, was no attempt', (t) => {
  const driver = new LodgingDriver(watched);
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  driver.held.add('w1>w2');
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(2);
  w1.send('make', 'made');
  w1.finish();
  w2.tell({ kind: 'uninstallApp', app: 'app', revision: 1 });
  driver.advance(100);
  driver.held.clear();
  driver.carry();
  t.like(driver.saidOf('lodgerEnded'), [{ outcome: { kind: 'refused' } }]);
  w1.finish('use');
  driver.advance(5);
  t.like(w1.attempt('make').run, { attempt: 1 });
  w1.send('make', 'made');
  finishAll(driver);
  t.like(driver.ended, [{ state: 'ended' }]);
  t.like(driver.ended[0]?.history.functions[0], { function: 'make', invocations: 2, attempts: 2, reruns: 1, failures: 0 });
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: what ends twice, or has ended at home, changes nothing', (t) => {
  const { driver, w1 } = lodged();
  const [lodge] = driver.saidOf('lodge');
  if (!lodge) throw new Error('nothing was lodged');
  const { session, invocation, attempt } = lodge;
  const refused = { kind: 'lodgerEnded', session, invocation, attempt, outcome: { kind: 'refused' }, free: 0 } as const;
  w1.tell(refused);
  w1.finish('make');
  t.like(w1.attempt('make').run, { invocation, attempt: 1 });
  w1.tell(refused);
  w1.tell({ ...refused, session: 'of an earlier w1', outcome: { kind: 'returned', objects: 9, outputs: 9 } });
  t.is(w1.state.invocations.get(invocation)?.place, 'running');
  w1.finish();
  driver.carry();
  t.like(driver.ended, [{ state: 'ended' }]);
});

test('lodging: a worker that is started anew under its name lodges as any other, also while its former lodgers still let go', (t) => {
  const { driver, w2 } = lodged();
  const [lodge] = driver.saidOf('lodge');
  if (!lodge) throw new Error('nothing was lodged');
  w2.tell({ kind: 'workerGone', worker: 'scheduler@w1' });
  t.true(w2.attempt('make').isAborted);
  w2.tell({ ...lodge, session: 'new' });
  t.is(w2.state.queue.length, 1);
  driver.said.splice(0);
  w2.finish();
  t.like(driver.saidOf('lodgerEnded'), [{ session: 's', outcome: { kind: 'aborted' } }]);
  t.is(w2.attempt('make').run.session, 'new');
  w2.finish();
  t.like(driver.saidOf('lodgerEnded')[1], { session: 'new', outcome: { kind: 'returned' } });
});

test('lodging: a revision goes from its host when its last guest has been checked out', (t) => {
  const { driver, w1, w2 } = lodged();
  w2.tell({ kind: 'uninstallApp', app: 'app', revision: 1 });
  w2.finish();
  driver.carry();
  t.is(w2.state.apps.size, 1);
  w1.finish();
  driver.carry();
  t.like(driver.ended, [{ state: 'ended' }]);
  t.is(w2.state.apps.size, 0);
});

test('lodging: inputs are held at home, and their copies at the host, until the attempt has ended', (t) => {
  const driver = new LodgingDriver(chain);
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  driver.open('w1', 's', ['in', driver.entry('w1', 'in', large, 8)]);
  driver.advance(2);
  t.deepEqual(w2.read('make'), { 8: 8 });
  t.deepEqual([w1.store.blocks, w2.store.blocks], [1, 1]);
  w1.tell({ kind: 'stopSession', session: 's', error: cancelled });
  driver.carry();
  t.deepEqual(w2.read('make'), { 8: 8 });
  t.deepEqual([w1.store.blocks, w2.store.blocks], [1, 1]);
  w2.finish();
  w1.finish();
  driver.carry();
  t.deepEqual([w1.store.blocks, w2.store.blocks], [0, 0]);
});

test('lodging: what a lodger has sent is nobody’s but its session’s: another of the same home keeps its own', (t) => {
  const driver = new LodgingDriver(appOf({ make: ['made'] }, [on('in', 'immediate', null, 'make')]), { executors: 2 });
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  driver.open('w1', 'x', ['in', 'in']);
  driver.open('w1', 's', ['in']);
  driver.open('w1', 'y', ['in']);
  driver.advance(4);
  t.is(w2.running.length, 2);
  for (const [content, { run }] of [...w2.running].entries()) {
    const ref = w2.block(large, content);
    w2.tell({ kind: 'objectSent', invocation: run.invocation, attempt: 1, bucket: 1, key: 'k', ordinal: 0, group: null, delayMs: 0, ref });
  }
  driver.carry();
  w1.tell({ kind: 'stopSession', session: 's', error: cancelled });
  driver.carry();
  t.is(w2.store.blocks, 1);
  t.deepEqual(
    [...(w2.state.cluster?.guests.values() ?? [])].map(({ spec }) => spec.id),
    ['s', 'y'],
    's goes when its lodger has let go',
  );
});

test('lodging: a lodger has the priority of its session', (t) => {
  const driver = new LodgingDriver(chain, { workers: ['w1', 'w2'] });
  driver.open('w1', 's', ['in']);
  driver.open('w1', 'y', ['in'], { priority: 8 });
  driver.advance(2);
  t.like(driver.saidOf('lodge'), [{ session: 'y', priority: 8 }]);
  driver.at('w2').send('make', 'made', 'k', inlineRef);
  finishAll(driver);
  t.is(driver.ended.length, 2);
});

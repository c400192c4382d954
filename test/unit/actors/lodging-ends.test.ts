/** How lodging ends: by the loss of a host or a home, and in whatever order what ends it comes. */
import test from 'ava';
import type { LodgingMessage } from '../../../src/actors/protocol/lodging.ts';
import { errorData } from '../../../src/actors/protocol/error.ts';
import { permutations } from '../primitives/permutations.ts';
import { LodgingDriver } from './lodging-driver.ts';
import type { LodgingWorker } from './lodging-worker.ts';
import { appOf, on } from './scheduler-driver.ts';

const large = 100_000;
const make = appOf({ make: ['made'] }, [on('in', 'immediate', null, 'make')]);
const home = 'scheduler@w1';
const cancelled = errorData('SessionCancelled', 'it was cancelled');

function lodged(definition = make) {
  const driver = new LodgingDriver(definition);
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(2);
  return { driver, w1: driver.at('w1'), w2: driver.at('w2') };
}

type Lodge = Extract<LodgingMessage, { kind: 'lodge' }>;

/** One lodger, whose input was brought to w2 for it. */
function lodgeAt(driver: LodgingDriver): Lodge {
  const { ref } = driver.entry('w2', 'in', large, 1);
  const lodge = {
    kind: 'lodge',
    home,
    session: 's',
    invocation: 5,
    attempt: 2,
    app: 'app',
    revision: 1,
    function: 0,
    priority: 5,
  } as const;
  return { ...lodge, inputs: [{ key: 'k', group: null, session: 's', ref }], owned: [ref.offset], failure: null, ifFree: false };
}

const ends = ['unlodge', 'checkOut', 'attemptEnded', 'lodgerAnswer', 'objectSent', 'outputSent', 'workerGone'] as const;

function tell(w2: LodgingWorker, what: (typeof ends)[number], run: { readonly invocation: number; readonly attempt: number }): void {
  const name = { home, session: 's', invocation: 5, attempt: 2 };
  const { invocation, attempt } = run;
  const sent = { invocation, attempt, ordinal: 1 };
  if (what === 'unlodge') w2.tell({ kind: 'unlodge', ...name, graceMs: 100 });
  if (what === 'checkOut') w2.tell({ kind: 'checkOut', home, session: 's' });
  if (what === 'workerGone') w2.tell({ kind: 'workerGone', worker: home });
  if (what === 'attemptEnded') w2.tell({ kind: 'attemptEnded', executor: 0, invocation, attempt, outcome: { kind: 'aborted' } });
  if (what === 'outputSent') w2.tell({ kind: 'outputSent', ...sent, ref: w2.block(large, 2) });
  if (what === 'objectSent')
    w2.tell({ kind: 'objectSent', ...sent, bucket: 1, key: 'k', group: null, delayMs: 0, ref: w2.block(large, 3) });
  if (what !== 'lodgerAnswer') return;
  const ref = w2.block(large, 4);
  w2.store.adopt(ref.offset);
  const objects = [{ key: 'k', group: null, session: 's', ref }];
  w2.tell({ kind: 'lodgerAnswer', ...name, request: 1, error: null, objects, owned: [ref.offset] });
}

test('lodging: G2: in whatever order the ends of a session come to its host, it tells one end, and holds nothing afterwards', (t) => {
  const driver = new LodgingDriver(make);
  const w2 = driver.at('w2');
  for (const order of permutations(ends)) {
    w2.tell(lodgeAt(driver));
    const { run } = w2.attempt('make');
    for (const what of order) {
      if (what === 'attemptEnded') w2.running.splice(0);
      tell(w2, what, run);
    }
    driver.carry();
    const told = driver.said.splice(0).filter(({ message }) => message.kind === 'lodgerEnded');
    const leftovers = driver.leftovers();
    if (leftovers.length > 0 || told.length !== 1) return t.fail(`${order.join(', ')}: ${leftovers.join(', ')}`);
  }
  t.pass();
});

test('lodging: G2: a lodger that has not begun ends with whichever end comes first', (t) => {
  for (const what of ['unlodge', 'checkOut', 'workerGone'] as const) {
    const driver = new LodgingDriver(make);
    const w2 = driver.at('w2');
    driver.open('w2', 'own', ['in']);
    w2.tell(lodgeAt(driver));
    t.is(w2.state.queue.length, 1);
    tell(w2, what, { invocation: -1, attempt: -1 });
    t.like(driver.saidOf('lodgerEnded'), [{ invocation: 5, attempt: 2, session: 's', outcome: { kind: 'aborted' } }]);
    t.is(w2.store.blocks, 0);
    if (what === 'unlodge') w2.tell({ kind: 'checkOut', home, session: 's' });
    w2.finish();
    driver.advance(1_100);
    t.deepEqual(driver.leftovers(), []);
  }
});

test('lodging: a host is gone: its lodgers run again, and its end counts as nobody’s failure', (t) => {
  const { driver, w1, w2 } = lodged();
  w2.send('make', 'made', 'small');
  driver.carry();
  driver.kill('w2');
  t.is(w1.state.queue.length, 1);
  w1.finish();
  t.like(w1.attempt('make').run, { attempt: 2 });
  w1.send('make', 'made', 'small');
  w1.finish();
  driver.carry();
  t.like(driver.ended, [{ state: 'ended', history: { objects: 3 } }]);
  t.like(driver.ended[0]?.history.functions, [{ attempts: 3, failures: 0 }]);
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: hosts that go one after another use up what an invocation may lose', (t) => {
  const names = ['w1', 'w2', 'w3', 'w4', 'w5'];
  const driver = new LodgingDriver(make, { workers: names });
  driver.open('w1', 's', ['in', 'in']);
  for (let i = 0; i < 4; i++) {
    driver.advance(300);
    const host = names.find((name) => name !== 'w1' && driver.at(name).functions.length > 0 && !driver.isGone(name));
    driver.kill(host ?? '');
  }
  t.like(driver.ended, [{ state: 'failed', error: { code: 'ExecutorCrashed' } }]);
});

test('lodging: what lay on a host that is gone cannot be had, and who needs it fails', (t) => {
  const uses = appOf({ make: ['made'], use: [] }, [
    on('in', 'immediate', null, 'make'),
    on('made', 'dynamicGroup', { sources: ['make'] }, 'use'),
  ]);
  const { driver, w1, w2 } = lodged(uses);
  w2.send('make', 'made', 'k', w2.block(large, 5));
  w2.finish();
  driver.carry();
  driver.kill('w2');
  w1.finish();
  driver.carry();
  t.like(driver.ended, [{ state: 'failed', error: { code: 'InputsLost' } }]);
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: a host is gone on which somebody lets go: nobody waits for him', (t) => {
  const { driver, w1 } = lodged();
  w1.tell({ kind: 'stopSession', session: 's', error: cancelled });
  driver.carry();
  t.is(w1.state.invocations.size, 2);
  driver.kill('w2');
  t.is(w1.state.invocations.size, 1);
  w1.finish();
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: G3: a home is gone: its lodgers stop, and what was held for it goes with them', (t) => {
  const { driver, w2 } = lodged();
  w2.send('make', 'made', 'k', w2.block(large, 5));
  driver.open('w2', 'own', ['in']);
  driver.carry();
  driver.kill('w1');
  t.true(w2.attempt('make').isAborted);
  t.is(w2.store.blocks, 0);
  w2.finish();
  t.is(w2.attempt('make').run.session, 'own');
  w2.finish();
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: G3: only the guests of the home that is gone go', (t) => {
  const driver = new LodgingDriver(make, { workers: ['w1', 'w2', 'w3'], executors: 2 });
  driver.open('w1', 's', ['in', 'in', 'in']);
  driver.open('w3', 'z', ['in', 'in', 'in']);
  driver.advance(5);
  const w2 = driver.at('w2');
  t.deepEqual(
    w2.running.map(({ run }) => run.session),
    ['s', 'z'],
  );
  driver.kill('w1');
  t.deepEqual(
    w2.running.map(({ isAborted }) => isAborted),
    [true, false],
  );
});

test('lodging: a host that stops takes nobody in, and its homes go on when it is gone', (t) => {
  const driver = new LodgingDriver(make);
  const [w1, w2] = [driver.at('w1'), driver.at('w2')];
  driver.held.add('w1>w2');
  driver.open('w1', 's', ['in', 'in']);
  driver.advance(2);
  w2.tell({ kind: 'stopScheduler' });
  driver.held.clear();
  driver.carry();
  driver.open('w1', 'y', ['in']);
  driver.advance(300);
  t.is(driver.saidOf('lodge').length, 1, 'it offers nothing any more');
  driver.kill('w2');
  for (let i = 0; i < 3; i++) w1.finish();
  driver.carry();
  t.deepEqual(
    driver.ended.map(({ state }) => state),
    ['ended', 'ended'],
  );
});

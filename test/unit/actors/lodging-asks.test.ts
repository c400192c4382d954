/** What invocations that lodge on another worker ask of their session. */
import test from 'ava';
import { errorData } from '../../../src/actors/protocol/error.ts';
import { LodgingDriver, type LodgingOptions } from './lodging-driver.ts';
import { appOf, on } from './scheduler-driver.ts';

const large = 100_000;
const chain = appOf({ make: ['made'], use: [] }, [on('in', 'immediate', null, 'make'), on('made', 'immediate', null, 'use')]);
const cancelled = errorData('SessionCancelled', 'it was cancelled');

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

test('lodging: the branches that a lodger announces are announced at home, and it hears what came of it', (t) => {
  const joins = appOf({ make: ['parts'], use: [] }, [on('in', 'immediate', null, 'make'), on('parts', 'dynamicJoin', null, 'use')]);
  const { driver, w1, w2 } = lodged(joins);
  w2.expect('make', 3, 'parts', ['a', 'b']);
  driver.carry();
  t.like(w2.answers, [{ request: 3, error: null }]);
  w1.expect('make', 4, 'parts', ['c']);
  t.like(w1.answers, [{ request: 4, error: { code: 'JoinAlreadyAnnounced' } }]);
  w2.send('make', 'parts', 'a');
  w1.send('make', 'parts', 'b');
  finishAll(driver);
  t.like(driver.ended, [{ state: 'ended' }]);
  t.deepEqual(
    driver.ended[0]?.history.functions.map(({ function: fn, invocations }) => [fn, invocations]),
    [
      ['make', 2],
      ['use', 1],
    ],
  );
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: an announcement of a lodger that is refused at home is refused to it', (t) => {
  const joins = appOf({ make: ['parts'] }, [on('in', 'immediate', null, 'make')]);
  const { driver, w2 } = lodged(joins);
  w2.expect('make', 3, 'parts', ['a', 'b']);
  driver.carry();
  t.like(w2.answers, [{ request: 3, error: { code: 'NoJoinTrigger' } }]);
});

test('lodging: what a lodger gets is brought to it, and let go of with its attempt', (t) => {
  const { driver, w1, w2 } = lodged();
  w1.send('make', 'made', 'k', w1.block(large, 5));
  w2.ask('make', 3, 'made');
  driver.carry();
  t.like(w2.answers, [{ request: 3, error: null }]);
  const [found] = w2.answers[0]?.objects ?? [];
  t.is(found && w2.contentOf(found.ref), 5);
  t.is(w2.store.blocks, 1);
  w2.finish();
  driver.carry();
  t.is(w2.store.blocks, 0);
  finishAll(driver);
  t.like(driver.ended, [{ state: 'ended' }]);
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: what a lodger gets that lies on its host is held for it, also when its session is over', (t) => {
  const { driver, w1, w2 } = lodged(appOf({ make: ['made'] }, [on('in', 'immediate', null, 'make')]));
  w2.send('make', 'made', 'k', w2.block(large, 5));
  w2.ask('make', 3, 'made', 'k');
  driver.carry();
  const [found] = w2.answers[0]?.objects ?? [];
  w1.tell({ kind: 'stopSession', session: 's', error: cancelled });
  driver.carry();
  t.is(w2.state.cluster?.lodgers.size, 1, 'it has not let go');
  t.is(found && w2.contentOf(found.ref), 5);
  w2.finish();
  w1.finish();
  driver.advance(1_100);
  t.deepEqual(driver.leftovers(), []);
});

test('lodging: a lodger that asks for what cannot be brought hears why', (t) => {
  const { driver, w1, w2 } = lodged();
  w1.send('make', 'made', 'k', w1.block(large, 5));
  w2.ask('make', 3, 'made');
  driver.held.add('w1>w2');
  driver.carry();
  driver.held.clear();
  // The answer comes, and when it does its home cannot be reached any more.
  driver.forget('w1');
  driver.carry();
  t.like(w2.answers, [{ request: 3, error: { code: 'InputsLost' } }]);
});

/** When a session is quiet: which late triggers are due, in which order, and when it ends (`scheduler/settle.ts`). */
import test from 'ava';
import fc from 'fast-check';
import { appOf, on, SchedulerDriver } from './scheduler-driver.ts';

const batch = { count: 10, scope: 'session' };

test('settle: S2: a group waits for a source that a partial batch has still to start, though both become due at once', (t) => {
  const driver = new SchedulerDriver(
    appOf({ source: ['out'], use: [] }, [
      on('in', 'byBatchSize', batch, 'source'),
      on('out', 'dynamicGroup', { sources: ['source'] }, 'use'),
    ]),
  );
  driver.open({ bucket: 'in', key: 'a' }, { bucket: 'out', key: 'b' });
  t.deepEqual(driver.functions, ['source']);
  driver.send('source', 'out');
  driver.finish('source', 1);
  t.deepEqual(driver.functions, ['use'], 'one group, with both objects');
  t.is(driver.running[0]?.run.inputs.length, 2);
  driver.finish('use');
  t.is(driver.ended[0]?.state, 'ended');
});

test('settle: S2: of three groups that wait for each other in a circle, the one declared first goes first, and none waits for ever', (t) => {
  const groups = [
    on('a', 'dynamicGroup', { sources: ['fc'] }, 'fa'),
    on('b', 'dynamicGroup', { sources: ['fa'] }, 'fb'),
    on('c', 'dynamicGroup', { sources: ['fb'] }, 'fc'),
  ];
  const driver = new SchedulerDriver(appOf({ fa: [], fb: [], fc: [] }, groups));
  driver.open({ bucket: 'a', key: '1' }, { bucket: 'b', key: '2' }, { bucket: 'c', key: '3' });
  const order: string[] = [];
  while (driver.running.length > 0) {
    order.push(...driver.functions);
    for (const fn of [...driver.functions]) driver.finish(fn);
  }
  t.deepEqual(order, ['fa', 'fb', 'fc']);
  t.is(driver.ended[0]?.state, 'ended');
});

test('settle: S2: objects that are held back keep a group waiting', (t) => {
  const driver = new SchedulerDriver(
    appOf({ begin: ['in'], source: ['out'], use: [] }, [
      on('start', 'immediate', null, 'begin'),
      on('in', 'immediate', null, 'source'),
      on('out', 'dynamicGroup', { sources: ['source'] }, 'use'),
    ]),
  );
  driver.open({ bucket: 'start', key: 'a' }, { bucket: 'out', key: 'b' });
  driver.send('begin', 'in', 1_000);
  driver.finish('begin', 1);
  t.deepEqual(driver.functions, []);
  driver.tell({ kind: 'delayOver', session: 1, object: 2 });
  t.deepEqual(driver.functions, ['source']);
  driver.finish('source');
  t.deepEqual(driver.functions, ['use']);
});

test('settle: S2: a group waits for a source that a join starts, which a function may still announce without sending there', (t) => {
  const driver = new SchedulerDriver(
    appOf({ split: ['out'], source: ['out'], use: [] }, [
      on('in', 'immediate', null, 'split'),
      on('join', 'dynamicJoin', null, 'source'),
      on('out', 'dynamicGroup', { sources: ['source'] }, 'use'),
    ]),
  );
  driver.open({ bucket: 'in', key: 'a' });
  driver.send('split', 'out');
  t.deepEqual(driver.functions, ['split'], 'it may announce');
  const { invocation = -1, attempt = -1 } = driver.running[0]?.run ?? {};
  driver.tell({ kind: 'expectSent', invocation, attempt, request: 1, bucket: 1, group: null, keys: null, count: 0 });
  driver.send('source', 'out');
  driver.finish('split', 1);
  driver.finish('source', 1);
  t.deepEqual(driver.functions, ['use'], 'one group, with both objects');
  t.is(driver.running[0]?.run.inputs.length, 2);
  driver.finish('use');
  t.is(driver.ended[0]?.state, 'ended');
});

test('settle: S3: a session without anything to do ends at once, and leaves no timer', (t) => {
  const driver = new SchedulerDriver(appOf({ use: [] }, [on('in', 'immediate', null, 'use')]));
  driver.open();
  t.is(driver.ended[0]?.state, 'ended');
  t.is(driver.timers.size, 0);
});

test('settle: S3: a session whose triggers wait fails, and says what they lack', (t) => {
  const driver = new SchedulerDriver(appOf({ use: [] }, [on('in', 'bySet', { keys: ['a', 'b'] }, 'use')]));
  driver.open({ bucket: 'in', key: 'a' });
  t.like(driver.ended[0], { state: 'failed', error: { code: 'SessionIncomplete' } });
  t.regex(driver.ended[0]?.error?.message ?? '', /has key a and lacks key b/);
});

test('settle: whatever groups and batches wait for each other, the session ends', (t) => {
  const names = ['f0', 'f1', 'f2', 'f3'];
  const condition = fc.oneof(
    fc.subarray(names, { minLength: 1 }).map((sources): [string, unknown] => ['dynamicGroup', { sources }]),
    fc.constant<[string, unknown]>(['byBatchSize', batch]),
  );
  const conditions = fc.array(condition, { minLength: 4, maxLength: 4 });
  const sends = fc.array(fc.option(fc.subarray(['b0', 'b1', 'b2', 'b3'])), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(conditions, sends, (chosen, declared) => {
      const triggers = chosen.map(([primitive, options], i) => on(`b${i}`, primitive, options, `f${i}`));
      const driver = new SchedulerDriver(appOf(Object.fromEntries(names.map((name, i) => [name, declared[i] ?? null])), triggers));
      driver.open(...names.map((_, i) => ({ bucket: `b${i}`, key: 'k' })));
      for (let i = 0; i < 20 && driver.running.length > 0; i++) driver.finish(driver.functions[0] ?? '');
      return driver.ended.length === 1 && driver.ended[0]?.history.functions.length === 4;
    }),
  );
  t.pass();
});

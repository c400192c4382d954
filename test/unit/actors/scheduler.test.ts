import test from 'ava';
import { errorData } from '../../../src/actors/protocol/error.ts';
import { appOf, on, SchedulerDriver } from './scheduler-driver.ts';

const rerun = { source: 'source', key: null, timeoutMs: 100, attemptsMax: 3, backoff: { initialMs: 0, factor: 1, maxMs: 0 } };

test('scheduler: a watched source is done when its object, that was held back, has come', (t) => {
  const driver = new SchedulerDriver(
    appOf({ source: ['out'], use: [] }, [on('in', 'immediate', null, 'source'), on('out', 'immediate', null, 'use', rerun)]),
  );
  driver.open({ bucket: 'in', key: 'a' });
  driver.send('source', 'out', 50);
  driver.finish('source', 1);
  t.is([...driver.state.invocations.values()][0]?.place, 'watched');
  driver.tell({ kind: 'delayOver', session: 1, object: 1 });
  driver.finish('use');
  t.is(driver.ended[0]?.state, 'ended');
});

test('scheduler: a rerun timer of an earlier attempt changes nothing', (t) => {
  const driver = new SchedulerDriver(
    appOf({ source: ['out'], use: [] }, [on('in', 'immediate', null, 'source'), on('out', 'immediate', null, 'use', rerun)]),
  );
  driver.open({ bucket: 'in', key: 'a' });
  const { invocation } = driver.running[0]?.run ?? { invocation: -1 };
  driver.tell({
    kind: 'attemptEnded',
    executor: driver.running[0]?.executor ?? -1,
    invocation,
    attempt: 1,
    outcome: { kind: 'lost', reason: 'lost', culprit: false, text: '' },
  });
  t.is(driver.state.invocations.get(invocation)?.attempt, 2);
  driver.tell({ kind: 'rerunTimeoutReached', invocation, trigger: 1, attempt: 1 });
  t.is(driver.state.invocations.get(invocation)?.reruns, 0);
});

test('scheduler: what an aborted attempt asks for is refused, so that it can end', (t) => {
  const driver = new SchedulerDriver(
    appOf({ source: [] }, [on('in', 'immediate', null, 'source'), on('joins', 'dynamicJoin', null, 'source')]),
  );
  driver.open({ bucket: 'in', key: 'a' });
  const { invocation = -1, attempt = -1 } = driver.running[0]?.run ?? {};
  driver.nowMs += 10_000;
  driver.tell({ kind: 'deadlineReached' });
  driver.tell({ kind: 'objectsAsked', invocation, attempt, request: 7, bucket: 0, key: null });
  driver.tell({ kind: 'expectSent', invocation, attempt, request: 8, bucket: 1, group: null, keys: null, count: 1 });
  const answers = driver.sentToThreads.flatMap((message) => (message.kind === 'answer' ? [[message.request, message.error?.code]] : []));
  t.deepEqual(answers, [
    [7, 'InvocationAborted'],
    [8, 'InvocationAborted'],
  ]);
});

test('scheduler: a redundant source that fails is not lost while an object that it has sent is held back', (t) => {
  const triggers = [on('in', 'immediate', null, 'source'), on('out', 'redundant', { k: 2, n: 2, sources: ['source'] }, 'use')];
  for (const bucket of ['out', 'in']) {
    const driver = new SchedulerDriver(appOf({ source: ['out', 'in'], use: [] }, triggers));
    driver.open({ bucket: 'in', key: 'a' }, { bucket: 'in', key: 'b' });
    driver.send('source', bucket, 50);
    const { executor = -1, run } = driver.running.shift() ?? {};
    const { invocation = -1, attempt = -1 } = run ?? {};
    const outcome = { kind: 'failed', error: errorData('FunctionFailed', 'stumbled') } as const;
    driver.tell({ kind: 'attemptEnded', executor, invocation, attempt, outcome });
    if (bucket === 'in') {
      t.like(driver.ended[0], { state: 'failed', error: { code: 'TooManySourcesLost' } }, 'an object for another bucket is none of its');
      continue;
    }
    driver.send('source', 'out');
    driver.finish('source', 1);
    t.is(driver.ended.length, 0);
    driver.tell({ kind: 'delayOver', session: 1, object: 2 });
    t.deepEqual(driver.functions, ['use']);
    t.is(driver.running[0]?.run.inputs.length, 2);
    driver.finish('use');
    t.is(driver.ended[0]?.state, 'ended');
  }
});

test('scheduler: an app that goes and comes back in one turn finds its buckets’ addresses free', (t) => {
  const definition = appOf({ use: [] }, [on('in', 'immediate', null, 'use')]);
  const driver = new SchedulerDriver(definition);
  const bundle = { hash: '', code: '', content: '', module: 'file:///app' };
  driver.tell(
    { kind: 'uninstallApp', app: 'app', revision: 1 },
    { kind: 'installApp', coordinator: 'coordinator', revision: 2, definition, bundle },
  );
  t.deepEqual([...(driver.state.apps.get('app')?.keys() ?? [])], [2]);
});

test('scheduler: an invocation that is not to blame for the end of its executor runs again, on another', (t) => {
  const driver = new SchedulerDriver(appOf({ use: [] }, [on('in', 'immediate', null, 'use')]));
  driver.open({ bucket: 'in', key: 'a' });
  const [first] = driver.running.splice(0);
  const { invocation = -1, attempt = -1 } = first?.run ?? {};
  const executor = first?.executor ?? -1;
  driver.tell(
    { kind: 'executorGone', executor, text: '' },
    { kind: 'attemptEnded', executor, invocation, attempt, outcome: { kind: 'lost', reason: 'lost', culprit: false, text: '' } },
  );
  t.like(driver.running[0], { fn: 'use', run: { invocation, attempt: 2 } });
  t.not(driver.running[0]?.executor, executor);
  driver.finish('use');
  t.is(driver.ended[0]?.state, 'ended');
});

test('scheduler: that it has room again is not said by one that retires', (t) => {
  for (const retires of [false, true]) {
    const driver = new SchedulerDriver(appOf({ use: [] }, [on('in', 'immediate', null, 'use')]));
    for (let session = 0; session < 110; session++) driver.openAs(`s${session}`, { bucket: 'in', key: 'a' });
    t.deepEqual(driver.accepts, [false]);
    if (retires) driver.tell({ kind: 'retireScheduler' });
    for (let left = 110; left > 0; left--) driver.finish('use');
    t.is(driver.ended.length, 110);
    t.deepEqual(driver.accepts, retires ? [false] : [false, true]);
  }
});

test('scheduler: one that retires says so, and finishes what is open', (t) => {
  const driver = new SchedulerDriver(appOf({ use: [] }, [on('in', 'immediate', null, 'use')]));
  driver.open({ bucket: 'in', key: 'a' });
  driver.tell({ kind: 'retireScheduler' });
  driver.finish('use');
  t.deepEqual([driver.accepts, driver.ended.length], [[false], 1]);
});

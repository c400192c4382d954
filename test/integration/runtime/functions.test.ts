/** What the runtime promises to a function: attempts, time-outs, reruns, its context. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { type Runtime, startLocal } from 'pheromone';
import * as apps from './apps/functions.ts';
import { assertEmpty, failureOf, mode, startForTest } from './started.ts';

let runtime: Runtime;
let dataDir: string;

test.before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'pheromone-test-'));
  runtime = await startForTest({ apps: apps.functionApps, dataDir });
});

test.after.always('nothing is left', async (t) => {
  await assertEmpty(t, runtime);
  await runtime.close();
  await rm(dataDir, { recursive: true });
});

test.serial('retry: a function that throws has its attempts, and the one that succeeds counts', async (t) => {
  const session = await runtime.start(apps.retryApp, 'fragile', 3);
  t.is(await session.result(), 3);
  await session.result({ until: 'end' });
  const { functions } = await session.history();
  t.deepEqual(functions, [{ function: 'retried', invocations: 1, attempts: 3, reruns: 0, failures: 2 }]);
});

test.serial('retry: after the last attempt the error has the function, the attempt, and what was thrown', async (t) => {
  const error = await failureOf(t, 'FunctionFailed', runtime.call(apps.retryApp, 'fragile', 9));
  t.like(error, { function: 'retried', attempt: 3 });
  t.is(error.message, 'function retried: RangeError: attempt 3 of 9');
  t.like(error.cause, { name: 'RangeError', message: 'attempt 3 of 9' });
  t.regex(String((error.cause as Error).stack), /apps\/functions\.ts:\d+/, 'the stack is that of the source');
});

test.serial('retry: what a failed attempt has sent stays, and its retry does not send it twice', async (t) => {
  t.deepEqual(await runtime.call(apps.resendApp, 'steps', 'x', { until: 'end' }), ['x']);
});

test.serial('timeoutMs: ends an endless loop, and the executor’s successor works', async (t) => {
  const error = await failureOf(t, 'FunctionTimedOut', runtime.call(apps.timeoutApp, 'loops', 'for ever'));
  t.is(error.message, 'function spin: did not return within timeoutMs (100 ms)');
  t.is(error.function, 'spin');
  t.is(await runtime.call(apps.timeoutApp, 'calm', 1), 1);
});

test.serial('timeoutMs: the neighbours of one that is terminated run again, without spending an attempt', async (t) => {
  let lost = 0;
  // Where it runs need not be where they do.
  for (let round = 0; round < 8 && lost === 0; round++) {
    const innocent = Array.from({ length: 8 }, (_, i) =>
      runtime.call(apps.neighbourApp, { shared: [{ key: `n${i}`, value: 'calm' }] }, { timeoutMs: 20_000 }),
    );
    const guilty = failureOf(t, 'FunctionTimedOut', runtime.call(apps.neighbourApp, 'looped', 'for ever'));
    const outputs = await Promise.all(innocent);
    await guilty;
    t.is(outputs.length, 8);
    lost = outputs.filter((output) => output?.includes('another')).length;
  }
  t.true(lost > 0, 'at least one lost its executor');
});

test.serial(
  'timeoutMs: one that has not begun because another keeps the thread has not taken too long, and ends nobody’s thread',
  async (t) => {
    const blockers = await Promise.all([1, 2, 3, 4].map(() => runtime.start(apps.blockedApp, 'blocked', 900)));
    await sleep(100);
    const hurriers = await Promise.all([1, 2, 3, 4].map((i) => runtime.start(apps.blockedApp, 'hurried', i)));
    t.deepEqual(await Promise.all(hurriers.map((session) => session.result())), [1, 1, 1, 1]);
    t.deepEqual(await Promise.all(blockers.map((session) => session.result())), [1, 1, 1, 1]);
  },
);

test.serial('signal: a call that is aborted rejects with the reason as its cause, and its function is told', async (t) => {
  const controller = new AbortController();
  const call = failureOf(t, 'CallAborted', runtime.call(apps.signalApp, 'polite', 'x', { signal: controller.signal }));
  const reason = new Error('changed my mind');
  setTimeout(() => controller.abort(reason), 50);
  const error = await call;
  t.is(error.cause, reason);
  t.regex(error.message, /changed my mind/);
});

test.serial('signal: one that was aborted before the call opens no session', async (t) => {
  const { sessionsOpened } = await runtime.stats();
  const error = await failureOf(t, 'CallAborted', runtime.call(apps.concurrencyApp, 'naps', 1, { signal: AbortSignal.abort('no') }));
  t.is(error.cause, 'no');
  t.is((await runtime.stats()).sessionsOpened, sessionsOpened);
});

test.serial('signal: a function that awaits only the runtime stops without watching it', async (t) => {
  const session = await runtime.start(apps.signalApp, 'stuck', 'x');
  await session.cancel('enough');
  const error = await failureOf(t, 'SessionCancelled', session.result());
  t.regex(error.message, /enough/);
});

test.serial('signal: calls that are aborted just while their sessions come home leave none behind', async (t) => {
  for (let round = 0; round < 40; round++) {
    const abandoned = [1, 2, 3, 4].map(async (more) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort('enough'), (round % 8) + more);
      await failureOf(t, 'CallAborted', runtime.call(apps.givenUpApp, 'polite', 'x', { signal: controller.signal }));
    });
    await Promise.all(abandoned);
    for (let i = 0; i < 8; i++) await runtime.call(apps.givenUpApp, 'quick', i);
  }
  await assertEmpty(t, runtime);
});

test.serial('timeoutMs of a call: rejects, and cancels its session', async (t) => {
  const error = await failureOf(t, 'CallTimedOut', runtime.call(apps.signalApp, 'polite', 'x', { timeoutMs: 60, id: 'slow' }));
  t.regex(error.message, /timeoutMs \(60 ms\)/);
});

test.serial('deadlineMs: ends the session', async (t) => {
  const error = await failureOf(t, 'DeadlineExceeded', runtime.call(apps.signalApp, 'polite', 'x', { deadlineMs: 50 }));
  t.truthy(error.session);
});

test.serial('concurrency: one executor interleaves as many as its function allows', async (t) => {
  const startedMs = performance.now();
  const slept = await Promise.all(Array.from({ length: 2_000 }, () => runtime.call(apps.concurrencyApp, 'naps', 300)));
  t.is(slept.length, 2_000);
  t.true(performance.now() - startedMs < 60_000, 'one after the other they would take 300 s');
});

test.serial('rerun: a source that returned without its object runs again', async (t) => {
  const session = await runtime.start(apps.rerunApp, 'started', 'silent 3');
  t.deepEqual(await session.result({ until: 'end' }), ['silent 3']);
  const source = (await session.history()).functions.find((counts) => counts.function === 'source');
  t.like(source, { invocations: 1, attempts: 3, reruns: 2 });
});

test.serial('rerun: a source that hangs is aborted and runs again', async (t) => {
  t.deepEqual(await runtime.call(apps.rerunApp, 'started', 'hang 2', { until: 'end' }), ['hang 2']);
});

test.serial('rerun: a source that never delivers fails the session, naming the key, the bucket and the attempts', async (t) => {
  const error = await failureOf(t, 'RerunExhausted', runtime.call(apps.rerunApp, 'started', 'silent 9'));
  t.regex(error.message, /function source did not deliver key result to bucket wanted within 150 ms, in 3 attempts/);
});

test.serial('delayMs: an object is held back, and the session stays open meanwhile', async (t) => {
  const delayedMs = await runtime.call(apps.delayApp, 'later', 80);
  t.true((delayedMs ?? 0) >= 79, `${delayedMs}`);
});

// On a cluster they queue at several workers, each by itself.
(mode.isEmbedded ? test.serial : test.serial.skip)('priority: where invocations queue, the higher goes first', async (t) => {
  const order: number[] = [];
  const call = (priority: number) =>
    runtime.call(apps.priorityApp, 'ranked', priority, { priority }).then((value) => order.push(value ?? -1));
  const busy = Array.from({ length: 10 }, () => call(5));
  const low = Array.from({ length: 10 }, () => call(0));
  const high = Array.from({ length: 10 }, () => call(9));
  await Promise.all([...busy, ...low, ...high]);
  t.true(order.lastIndexOf(9) < order.lastIndexOf(0), String(order));
  t.true(order.indexOf(9) < order.indexOf(0), String(order));
});

test.serial('context: get finds the first object of a key, getAll all, and copy outlives the invocation', async (t) => {
  const session = await runtime.start(apps.contextApp, {
    looked: [
      { key: 'a', value: 'first' },
      { key: 'a', value: 'second' },
      { key: 'b', value: 'third' },
    ],
  });
  t.deepEqual(await session.result(), {
    first: 'first',
    missing: true,
    all: ['first', 'second', 'third'],
    session: session.id,
    copy: 'first',
  });
});

test.serial('durable: what functions and clients put outlives sessions and the runtime', async (t) => {
  t.is(await runtime.call(apps.durableApp, { kept: [{ key: 'k', value: 'one' }] }), null);
  const expected = { value: 'one', at: new Date(0), bytes: new Uint8Array([1, 2, 3]) };
  t.deepEqual(await runtime.call(apps.durableApp, { kept: [{ key: 'k', value: 'two' }] }), expected);
  const big = new Uint8Array(3 * 2 ** 20).fill(7);
  await runtime.durable('durable').put('big', big);
  const got = await runtime.durable('durable').get<Uint8Array>('big');
  t.true(Buffer.from(got ?? []).equals(big));
  t.is(await runtime.durable('other').get('k'), undefined, 'keys are an app’s own');
  const error = await failureOf(t, 'DurableStoreFailed', runtime.durable('durable').put('x'.repeat(3_000), 1));
  t.regex(error.message, /at most 1900/);

  const place = await mkdtemp(join(tmpdir(), 'pheromone-test-'));
  const before = await startLocal({ dataDir: place, executors: 1 });
  await before.durable('app').put('key', { n: 1n });
  await before.close();
  await using after = await startLocal({ dataDir: place, executors: 1 });
  t.deepEqual(await after.durable('app').get('key'), { n: 1n });
  await after.close();
  await rm(place, { recursive: true });
});

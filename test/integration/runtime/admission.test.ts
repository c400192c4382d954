/** More than a runtime takes: sessions wait for admission, then are refused; an endless session is ended. */
import test from 'ava';
import type { Runtime } from 'pheromone';
import { endlessApp, napApp } from './apps/busy.ts';
import { assertEmpty, eventually, failureOf, mode, startForTest } from './started.ts';

let runtime: Runtime;

/** A client of a cluster has no such limit to set. */
const testOfClientLimit = mode.isEmbedded ? test.serial : test.serial.skip;

test.before(async () => {
  runtime = await startForTest({ apps: [napApp, endlessApp], sessionsOpenMax: 2, admitTimeoutMs: 1_000, invocationsPerSessionMax: 500 });
});

test.after.always('nothing is left', async (t) => {
  await assertEmpty(t, runtime);
  await runtime.close();
});

test.serial('sessions above sessionsOpenMax wait, and are admitted as others end', async (t) => {
  const slept = await Promise.all(Array.from({ length: 10 }, () => runtime.call(napApp, 'naps', 10)));
  t.is(slept.length, 10);
});

testOfClientLimit('who is not admitted in time is told the limits, and when to come again', async (t) => {
  const long = [runtime.call(napApp, 'naps', 2_500), runtime.call(napApp, 'naps', 2_500)];
  const error = await failureOf(t, 'Overloaded', runtime.call(napApp, 'naps', 1));
  t.regex(error.message, /not admitted within 1000 ms: 2 sessions are open \(sessionsOpenMax 2\)/);
  t.true(error.retryAfterMs > 0);
  t.true(error.retryable);
  await Promise.all(long);
});

test.serial('a call that waits for admission can be given up', async (t) => {
  const long = [runtime.call(napApp, 'naps', 500), runtime.call(napApp, 'naps', 500)];
  await eventually(t, 'these two are open', async () => (await runtime.stats()).sessionsOpen === 2);
  await failureOf(t, 'CallTimedOut', runtime.call(napApp, 'naps', 1, { timeoutMs: 20 }));
  await Promise.all(long);
  t.is(await runtime.call(napApp, 'naps', 1), 1);
});

test.serial('a session whose functions never end is ended at its limit', async (t) => {
  const error = await failureOf(t, 'InvocationsExceeded', runtime.call(endlessApp, 'balls', 0));
  t.regex(error.message, /more than 500 invocations in one session; the last was of ping-pong/);
});

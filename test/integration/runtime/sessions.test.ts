/** Sessions as clients see them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { AnyPheromoneError, Runtime } from 'pheromone';
import * as apps from './apps/sessions.ts';
import { assertEmpty, eventually, failureOf, mode, startForTest } from './started.ts';

let runtime: Runtime;
let dataDir: string;

test.before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'pheromone-test-'));
  runtime = await startForTest({ apps: apps.sessionApps, dataDir });
});

test.after.always('nothing is left', async (t) => {
  await assertEmpty(t, runtime);
  await runtime.close();
  await rm(dataDir, { recursive: true });
});

test.serial('external: a session waits for a human’s answers, put from outside', async (t) => {
  const session = await runtime.start(apps.approvalApp, 'requests', 'please');
  await eventually(t, 'its first function has run', async () => (await session.history()).functions.length === 1);
  t.is((await session.status()).state, 'open');
  await session.put('verdicts', { key: 'auditor', value: { ok: false } });
  await runtime.put(session.id, 'verdicts', { key: 'boss', value: { ok: true } });
  t.is(await session.result(), 'boss:true auditor:false');
});

test.serial('external: a deadline ends the wait', async (t) => {
  const session = await runtime.start(apps.approvalApp, 'requests', 'please', { deadlineMs: 50 });
  await failureOf(t, 'DeadlineExceeded', session.result());
  await failureOf(t, 'SessionEnded', session.put('verdicts', { key: 'boss', value: { ok: true } }));
});

test.serial('id: calls of the same id join one session, also when it has ended', async (t) => {
  const calls = Array.from({ length: 5 }, (_, i) => runtime.call(apps.slowApp, 'slow', String(i), { id: 'same' }));
  const outputs = new Set(await Promise.all(calls));
  t.is(outputs.size, 1);
  t.deepEqual(new Set([await runtime.call(apps.slowApp, 'slow', 'late', { id: 'same' })]), outputs);
  t.deepEqual(new Set([await runtime.session<string>('same').result()]), outputs, 'a session is found by the caller’s own id');
});

test.serial('id: one that a session of another app has is refused, which names that app', async (t) => {
  await runtime.call(apps.slowApp, 'slow', 'first', { id: 'whose' });
  const error = await failureOf(t, 'InvalidOption', runtime.call(apps.outputsApp, 'many', 'ok', { id: 'whose' }));
  t.regex(error.message, /options\.id is whose: it is the id of a session of app slow/);
});

test.serial('retries: a session that failed is tried again as a new one, linked to the old', async (t) => {
  t.is(await runtime.call(apps.flakyApp, 'flaky', 'a', { retries: 2, id: 'lucky' }), 3);
  const { retryOf } = await runtime.session('lucky').history();
  t.is(retryOf?.length, 26);
});

test.serial('retries: when they are spent, the last failure rejects the call', async (t) => {
  const error = await failureOf(t, 'FunctionFailed', runtime.call(apps.flakyApp, 'flaky', 'b', { retries: 1 }));
  t.regex(error.message, /try 2/);
});

test.serial('until: call resolves with the first output, or with all of them', async (t) => {
  t.is(await runtime.call(apps.outputsApp, 'many', 'good'), 0);
  t.deepEqual(await runtime.call(apps.outputsApp, 'many', 'good', { until: 'end' }), [0, 1, 2]);
});

test.serial('until: a failure after outputs carries them, and is told to the listeners of sessionFailed', async (t) => {
  const told: { readonly session: string; readonly app: string; readonly error: AnyPheromoneError }[] = [];
  const stop = runtime.on('sessionFailed', (event) => void told.push(event));
  const error = await failureOf(t, 'FunctionFailed', runtime.call(apps.outputsApp, 'many', 'fail', { until: 'end' }));
  t.deepEqual(error.detail.outputs, [0, 1, 2]);

  const session = await runtime.start(apps.outputsApp, 'many', 'fail', { id: 'failing' });
  t.is(await session.result(), 0, 'the first output counts');
  await eventually(t, 'its failure is told', () => told.some((event) => event.session === session.id));
  const status = await session.status();
  t.is(status.state, 'failed');
  t.is(status.error?.code, 'FunctionFailed');
  stop();
});

test.serial('a listener that throws harms nobody', async (t) => {
  const stop = runtime.on('sessionFailed', () => {
    throw new Error('a bad listener');
  });
  await failureOf(t, 'FunctionFailed', runtime.call(apps.outputsApp, 'many', 'fail', { until: 'end' }));
  stop();
  t.is(await runtime.call(apps.outputsApp, 'many', 'good'), 0);
});

test.serial('cancel: rejects the result with the reason; a second cancel changes nothing', async (t) => {
  // It waits for a piece that never comes.
  const session = await runtime.start(apps.orderedApp, 'begin', 1);
  const result = failureOf(t, 'SessionCancelled', session.result());
  await session.cancel('not needed');
  t.regex((await result).message, /not needed/);
  await session.cancel();
  t.like(await session.status(), { state: 'cancelled' });
  await failureOf(t, 'SessionEnded', session.put('begin', { value: 1 }));
  await failureOf(t, 'SessionEnded', runtime.get(session.id, 'begin', '0'));
});

test.serial('cancel: a reason without end is cut, and leaves the summaries of others where they are', async (t) => {
  const done = await runtime.start(apps.slowApp, 'slow', 'x');
  await done.result({ until: 'end' });
  const session = await runtime.start(apps.orderedApp, 'begin', 1);
  await session.cancel('x'.repeat(3_000_000));
  t.like(await session.status(), { state: 'cancelled' });
  t.like(await done.status(), { state: 'ended' });
  t.true(((await failureOf(t, 'SessionCancelled', session.result())).message.length ?? 0) < 10_000);
});

test.serial('result: waits at most timeoutMs, and does not cancel', async (t) => {
  const session = await runtime.start(apps.slowApp, 'slow', 'x');
  await failureOf(t, 'CallTimedOut', session.result({ timeoutMs: 5 }));
  t.is(await session.result(), `x:${session.id}`);
});

test.serial('status: times, revision and history of a session that has ended', async (t) => {
  const session = await runtime.start(apps.outputsApp, 'many', 'good');
  await session.result({ until: 'end' });
  await eventually(t, 'it has ended', async () => (await session.status()).state === 'ended');
  const status = await session.status();
  t.like(status, { id: session.id, app: 'outputs', error: null });
  t.true(status.revision >= 1);
  t.true((status.endedMs ?? 0) >= status.openedMs);
  t.like(await session.history(), { objects: 1, outputs: 3, superseded: 0, late: 0, linkedTo: [], retryOf: null });
});

test.serial('an unknown session is refused by every method', async (t) => {
  const session = runtime.session('01AAAAAAAAAAAAAAAAAAAAAAAA');
  await failureOf(t, 'UnknownSession', session.status());
  await failureOf(t, 'UnknownSession', session.history());
  await failureOf(t, 'UnknownSession', session.result());
  await failureOf(t, 'UnknownSession', session.cancel());
  await failureOf(t, 'UnknownSession', session.put('slow', { value: 1 }));
  await failureOf(t, 'UnknownSession', runtime.get(session.id, 'slow', 'k'));
});

test.serial('get: copies an object out, or pins it where it lies until release', async (t) => {
  const bytes = new Uint8Array(100_000).fill(42);
  const session = await runtime.start(apps.storedApp, { stored: [{ key: 'k', group: 'g', value: bytes }] });
  const copied = await runtime.get(session.id, 'stored', 'k');
  t.like(copied, { key: 'k', group: 'g' });
  t.true(Buffer.from(copied?.bytes ?? []).equals(bytes));
  t.is(copied?.bytes.buffer.byteLength, 100_000, 'it is memory of its own');
  t.is(await runtime.get(session.id, 'stored', 'other'), undefined);

  const pinned = await runtime.get(session.id, 'stored', 'k', { pin: true });
  if (mode.isEmbedded) t.true((pinned?.bytes.buffer.byteLength ?? 0) > 2 ** 20, 'it lies in the store');
  await session.put('gate', { value: 'go on' });
  await eventually(t, 'the session has ended', async () => (await session.status()).state === 'ended');
  t.true(Buffer.from(pinned?.bytes ?? []).equals(bytes), 'pinned beyond the session’s end');
  pinned?.release();
  pinned?.release();
});

test.serial('outputs: those of sessions that nobody called, in a loop that ends when it is left', async (t) => {
  const seen: number[] = [];
  const loop = (async () => {
    for await (const { value, from, session } of runtime.outputs(apps.outputsApp)) {
      t.is(from, 'outputs-then-fails');
      t.is(session.length, 26);
      seen.push(value);
      if (seen.length === 3) break;
    }
  })();
  const session = await runtime.start(apps.outputsApp, 'many', 'good');
  await loop;
  t.deepEqual(seen, [0, 1, 2]);
  t.is(await session.result(), 0);
});

test.serial(
  'put: objects are admitted in the order of the calls, also when a large one has to wait for its place in the store',
  async (t) => {
    const sizes = [200_000, 1, 100_000, 2];
    const session = await runtime.start(apps.orderedApp, 'begin', 4);
    await Promise.all(sizes.map((size) => session.put('pieces', { value: new Uint8Array(size) })));
    t.deepEqual(await session.result(), sizes);
    await session.cancel();
  },
);

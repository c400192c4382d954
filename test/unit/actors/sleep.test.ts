/** Sessions that wait for the outside, asleep (`scheduler/sleep.ts`, `bucket/rest.ts`). */
import test from 'ava';
import { bucketHandlers } from '../../../src/actors/bucket/handlers.ts';
import type { BucketMessage } from '../../../src/actors/protocol/bucket.ts';
import { wrapCustomPrimitive } from '../../../src/actors/bucket/primitives/custom.ts';
import { type BucketState, createBucket } from '../../../src/actors/bucket/state.ts';
import { errorData } from '../../../src/actors/protocol/error.ts';
import { sessionOf } from '../../../src/actors/scheduler/sleep.ts';
import { packing } from '../../../src/cluster/packing.ts';
import { appOf, on, SchedulerDriver } from './scheduler-driver.ts';

const ref = { encoding: 0, sizeBytes: 1, inline: new Uint8Array([7]), offset: -1 };

/** Waits for both answers of a set, and keeps what was asked. */
const approval = appOf(
  { ask: ['answers'], decide: [] },
  [on('requests', 'immediate', null, 'ask'), on('answers', 'bySet', { keys: ['k', 'human'] }, 'decide')],
  ['answers'],
);

function asleep(): SchedulerDriver {
  const driver = new SchedulerDriver(approval);
  driver.open({ bucket: 'requests', key: 'a' });
  driver.send('ask', 'answers');
  driver.finish('ask', 1);
  return driver;
}

function put(driver: SchedulerDriver, key: string, offset = -1): void {
  const entry = { bucket: 'answers', key, group: null, ref: offset === -1 ? ref : { ...ref, inline: null, offset } };
  driver.tell({ kind: 'putIntoSession', session: 's', client: 'client:test', request: 1, entries: [entry] });
}

const error = errorData('SessionCancelled', 'not needed any more');

test('sleep: a session that waits for the outside has no row, and its row is as it was when it wakes', (t) => {
  const driver = new SchedulerDriver(approval);
  driver.open({ bucket: 'requests', key: 'a' });
  driver.send('ask', 'answers');
  const before = driver.state.sessions.get(1);
  driver.finish('ask', 1);
  t.deepEqual([driver.state.sessions.size, driver.state.sessionById.size, driver.state.asleep.size], [0, 0, 1]);
  const { objects = [], ...row } = sessionOf(driver.state, 's') ?? {};
  const { objects: objectsBefore = [], ...rowBefore } = before ?? {};
  t.deepEqual(row, rowBefore);
  const withoutSource = objectsBefore.map((object) => ({ ...object, source: null }));
  t.deepEqual(objects, withoutSource);
  t.is(driver.state.asleep.size, 1, 'it was only looked at');
});

test('sleep: a put wakes it, its trigger has what it had, and it ends as ever', (t) => {
  const driver = asleep();
  put(driver, 'human');
  t.deepEqual(driver.functions, ['decide']);
  t.deepEqual(
    driver.running[0]?.run.inputs.map(({ key, session }) => [key, session]),
    [
      ['k', 's'],
      ['human', 's'],
    ],
  );
  driver.finish('decide');
  t.is(driver.ended[0]?.state, 'ended');
  t.is(driver.ended[0]?.history.objects, 3);
  t.deepEqual(
    driver.ended[0]?.history.functions.map(({ function: name, invocations, attempts }) => [name, invocations, attempts]),
    [
      ['ask', 1, 1],
      ['decide', 1, 1],
    ],
  );
  t.deepEqual([driver.state.sessions.size, driver.state.asleep.size, driver.timers.size], [0, 0, 0]);
});

test('sleep: what does not complete it lets it sleep again, and counts', (t) => {
  const driver = asleep();
  put(driver, 'k');
  t.deepEqual([driver.state.sessions.size, driver.state.asleep.size], [0, 1]);
  driver.tell({ kind: 'describeSession', coordinator: 'coordinator', session: 's', client: 'client:test', request: 2 });
  driver.tell({ kind: 'getFromSession', session: 's', client: 'client:test', request: 3, bucket: 'answers', key: null });
  const [described, found] = driver.sentToClients.slice(-2);
  t.like(described, { kind: 'requestDone', result: { state: 'open', history: { objects: 3, superseded: 1 } } });
  t.like(found, { kind: 'objectsFound', objects: [{ key: 'k' }, { key: 'k' }] });
  t.is(driver.state.asleep.size, 1, 'to be asked does not wake it');
  put(driver, 'human');
  t.deepEqual(driver.functions, ['decide']);
});

test('sleep: an object for a bucket that it has not is refused, and it sleeps on', (t) => {
  const driver = asleep();
  const entries = [{ bucket: 'nowhere', key: 'k', group: null, ref }];
  driver.tell({ kind: 'putIntoSession', session: 's', client: 'client:test', request: 1, entries });
  t.like(driver.sentToClients.at(-1), { kind: 'requestRefused', error: { code: 'UnknownBucket' } });
  t.is(driver.state.asleep.size, 1);
});

test('sleep: its deadline ends it; before, it does nothing', (t) => {
  const driver = asleep();
  const due = driver.timers.get('scheduler/deadline');
  t.deepEqual(due, { kind: 'deadlineReached' });
  driver.nowMs += 9_999;
  driver.tell({ kind: 'deadlineReached' });
  t.is(driver.ended.length, 0);
  t.true(driver.timers.has('scheduler/deadline'), 'it was early');
  driver.nowMs += 1;
  driver.tell({ kind: 'deadlineReached' });
  t.is(driver.ended[0]?.error?.code, 'DeadlineExceeded');
  t.deepEqual([driver.state.asleep.size, driver.timers.size], [0, 0]);
});

test('sleep: it can be stopped, lets go of the blocks that it holds, and keeps its revision until then', (t) => {
  const driver = asleep();
  put(driver, 'k', 4_096);
  driver.tell({ kind: 'uninstallApp', app: 'app', revision: 1 });
  t.is(driver.state.asleep.size, 1);
  t.is(driver.state.apps.size, 1);
  driver.tell({ kind: 'stopSession', session: 's', error });
  t.is(driver.ended[0]?.state, 'cancelled');
  t.deepEqual(driver.released, [4_096]);
  t.is(driver.state.apps.size, 0);
});

test('sleep: a session that comes twice is known while it sleeps', (t) => {
  const driver = asleep();
  driver.open({ bucket: 'requests', key: 'a' });
  t.deepEqual(driver.functions, []);
  t.deepEqual([driver.state.sessions.size, driver.state.asleep.size], [0, 1]);
});

test('sleep: buckets keep nothing of triggers without a state, and one string of others', (t) => {
  const driver = asleep();
  const kept = driver.buckets.map(({ bucket, sessions, resting }) => [bucket, sessions.size, resting.size]);
  t.deepEqual(kept, [
    ['requests', 0, 0],
    ['answers', 0, 1],
  ]);
  driver.tell({ kind: 'stopSession', session: 's', error });
  t.true(driver.buckets.every(({ sessions, resting }) => sessions.size + resting.size === 0));
});

function customBucket(state: () => unknown): BucketState {
  const primitive = wrapCustomPrimitive<null, { seen: unknown }>({
    kind: 'odd',
    init: () => ({ seen: state() }),
    admit: (kept, { id }) => (kept.seen === undefined ? [] : [{ kind: 'fire', inputs: [id] }]),
    forget: () => [],
  });
  const identity = { address: 'bucket:app/in', app: 'app', bucket: 'in', home: 'scheduler', scope: 'session' } as const;
  const bucket = createBucket(identity, () => primitive, packing);
  const definition = { ...on('in', 'immediate', null, 'use'), primitive: 'odd' };
  step(bucket, { kind: 'configureBucket', revision: 1, triggers: [{ index: 0, definition }] });
  return bucket;
}

function step(bucket: BucketState, message: BucketMessage) {
  const handlers = bucketHandlers.open as unknown as Record<
    string,
    (state: BucketState, message: BucketMessage, turn: object) => readonly object[]
  >;
  return handlers[message.kind]?.(bucket, message, { nowMs: 0, random: () => 0 }) ?? [];
}

const arrival = { id: 1, key: 'k', group: null, session: 's', source: 0, sourceFunction: null, sizeBytes: 1 };

test('sleep: a state of a custom primitive that is not plain data stays as it is', (t) => {
  for (const [state, isPlain] of [
    [() => new Map([['a', new Set([1])]]), true],
    [() => () => 1, false],
  ] as const) {
    const bucket = customBucket(state);
    step(bucket, { kind: 'objectReady', session: 1, revision: 1, arrival });
    step(bucket, { kind: 'restSession', session: 1, revision: 1 });
    t.deepEqual([bucket.sessions.size, bucket.resting.size], isPlain ? [0, 1] : [1, 0]);
    const [stepped] = step(bucket, { kind: 'objectReady', session: 1, revision: 1, arrival: { ...arrival, id: 2 } });
    t.like(stepped, { message: { firings: [{ inputs: [2] }] } });
    t.deepEqual([bucket.sessions.size, bucket.resting.size], [1, 0]);
  }
});

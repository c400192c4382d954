/** Must-show 5, zero copy; and the store when it is full. */
import test from 'ava';
import type { Runtime } from 'pheromone';
import * as apps from './apps/storing.ts';
import { assertEmpty, failureOf, startForTest } from './started.ts';

const arenaBytes = 32 * 2 ** 20;
let runtime: Runtime;

test.before(async () => {
  runtime = await startForTest({ apps: apps.storingApps, arenaBytes, storeWaitMs: 300, admitTimeoutMs: 10_000 });
});

test.afterEach.always('nothing is left', (t) => assertEmpty(t, runtime));

test.after.always(() => runtime.close());

for (const how of ['send', 'allocate']) {
  test.serial(`zero copy: the consumer of ${how} reads the object where it lies in the store`, async (t) => {
    const place = await runtime.call(apps.placeApp, { made: [{ key: how, value: 5_000 }] });
    t.like(place, { bufferBytes: arenaBytes, sizeBytes: 5_000, sum: 15_000 });
    t.is((place?.offset ?? 1) % 64, 0);
  });
}

test.serial('small objects travel in messages and take no room in the store', async (t) => {
  const { storeHighWaterBytes } = await runtime.stats();
  const place = await runtime.call(apps.placeApp, { made: [{ key: 'send', value: 1_024 }] });
  t.true((place?.bufferBytes ?? arenaBytes) < arenaBytes);
  t.is((await runtime.stats()).storeHighWaterBytes, storeHighWaterBytes);
});

test.serial('typed arrays arrive as views of the store, on a boundary of 64 bytes', async (t) => {
  const values = new Float64Array(1_000).fill(0.5);
  t.deepEqual(await runtime.call(apps.typedApp, 'numbers', values), { sum: 500, aligned: true });
});

test.serial('values that are changed after send or call are not seen by the consumer', async (t) => {
  t.deepEqual(await runtime.call(apps.snapshotApp, 'starts', 0), { plain: { list: [1] }, typed: [1, 2], sum: 300_000 });
  const values = new Float64Array(1_000).fill(1);
  const call = runtime.call(apps.typedApp, 'numbers', values);
  values.fill(2);
  t.like(await call, { sum: 1_000 });
});

test.serial(
  'large values that are changed after call are not seen, unless they were said to be stable: then nothing is copied before',
  async (t) => {
    for (const stable of [false, true]) {
      const values = new Float64Array(500_000).fill(1);
      const call = runtime.call(apps.typedApp, 'numbers', values, { stable });
      values.fill(2);
      t.like(await call, { sum: stable ? 1_000_000 : 500_000 });
    }
  },
);

test.serial('many objects of every size at once arrive whole', async (t) => {
  const sizes = [0, 1, 1_023, 1_024, 1_025, 4_096, 65_536, 65_537, 200_000];
  const calls = Array.from({ length: 200 }, (_, i) => sizes[i % sizes.length] ?? 0).map(async (size, i) => {
    const place = await runtime.call(apps.placeApp, { made: [{ key: i % 2 === 0 ? 'send' : 'allocate', value: size }] });
    t.like(place, { sizeBytes: size, sum: size * 3 });
  });
  await Promise.all(calls);
});

test.serial('objects of every size that are sent without waiting arrive as they were, in their order', async (t) => {
  const numbers = Array.from({ length: apps.burstCount }, (_, i) => i);
  for (let round = 0; round < 5; round++) t.deepEqual(await runtime.call(apps.burstApp, 'bursts', 'well'), numbers);
});

test.serial('what a function has sent without waiting, and then throws, takes no room', async (t) => {
  for (let round = 0; round < 20; round++) {
    const error = await failureOf(t, 'FunctionFailed', runtime.call(apps.burstApp, 'bursts', 'throws'));
    t.regex(error.message, /after it has sent/);
  }
});

test.serial('a full store: a producer waits, then fails with StoreFull, which says how full', async (t) => {
  const error = await failureOf(t, 'StoreFull', runtime.call(apps.floodApp, 'floods', 100));
  t.true(error.retryable);
  t.regex(error.message, /no room for 1048576 bytes within 300 ms: \d+ of 33554432 bytes \(arenaBytes\)/);
  t.is(await runtime.call(apps.floodApp, 'floods', 3), 3);
});

test.serial('a full store: large inputs of calls wait for room', async (t) => {
  const values = new Float64Array(500_000).fill(1);
  const calls = Array.from({ length: 40 }, () => runtime.call(apps.typedApp, 'numbers', values));
  t.deepEqual(new Set((await Promise.all(calls)).map((told) => told?.sum)), new Set([500_000]));
});

/** One function over many items, each with its own promise. */
import test from 'ava';
import { isPheromoneError, type Runtime } from 'pheromone';
import { map, mapApp } from 'pheromone/mapreduce';
import { assertEmpty, failureOf, startForTest } from '../runtime/started.ts';
import squares, { type Item } from './apps/items.ts';

let runtime: Runtime;

test.before(async () => {
  runtime = await startForTest({ apps: [squares] });
});

test.afterEach.always('nothing is left', (t) => assertEmpty(t, runtime));

test.after.always(() => runtime.close());

const numbers = (count: number): Item[] => Array.from({ length: count }, (_, number) => ({ number }));

test.serial('results are in the order of the items, whatever the order in which they came', async (t) => {
  const items = numbers(50).map((item) => ({ ...item, waitMs: item.number % 3 === 0 ? 20 : 0 }));
  t.deepEqual(
    await Promise.all(map(runtime, squares, items)),
    items.map(({ number }) => (number === 0 ? undefined : number ** 2)),
  );
  t.deepEqual(map(runtime, squares, []), []);
});

test.serial('an item that fails rejects by itself, and the others do not', async (t) => {
  const settled = await Promise.allSettled(map(runtime, squares, [{ number: 1 }, { number: 2, fails: true }, { number: 3 }]));
  t.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  const [, failed] = settled;
  const reason: unknown = failed?.status === 'rejected' ? failed.reason : null;
  t.true(isPheromoneError(reason) && reason.code === 'FunctionFailed' && /RangeError: 2 has no square/.test(reason.message));
});

test.serial('a rejection that nobody has awaited yet is no unhandled one', async (t) => {
  const [slow, failing] = map(runtime, squares, [
    { number: 1, waitMs: 50 },
    { number: 2, fails: true },
  ]);
  t.is(await slow, 1);
  await failureOf(t, 'FunctionFailed', failing!);
});

test.serial('the first of several is there before the others', async (t) => {
  const futures = map(runtime, squares, [
    { number: 2, waitMs: 300 },
    { number: 3, waitMs: 1 },
  ]);
  t.is(await Promise.race(futures), 9);
  await Promise.all(futures);
});

test.serial('no more items are under way than openMax', async (t) => {
  const items = numbers(20).map((item) => ({ ...item, waitMs: 30 }));
  const startedMs = performance.now();
  await Promise.all(map(runtime, squares, items, { openMax: 2 }));
  t.true(performance.now() - startedMs > 9 * 30);
});

test.serial('aborted, items that have not settled reject, those that wait too', async (t) => {
  const controller = new AbortController();
  const items = numbers(6).map((item) => ({ ...item, waitMs: 10_000 }));
  const futures = map(runtime, squares, items, { openMax: 2, signal: controller.signal });
  controller.abort();
  for (const future of futures) await failureOf(t, 'CallAborted', future);
});

test.serial('options that are wrong are refused at once, with the field, the value, the limit', (t) => {
  t.throws(() => map(runtime, squares, 5 as never), { message: /^map: items is 5: must be an array/ });
  t.throws(() => map(runtime, squares, [], { openMax: 0 }), { message: /options\.openMax is 0: must be a whole number from 1 to 100000/ });
  t.throws(() => map(runtime, squares, [], { open: 3 } as never), { message: /options\.open is 3: is not an option/ });
  t.throws(() => mapApp('bad', { module: import.meta.url, fn: 1 as never }), { message: /^map app bad: fn is 1: must be a function/ });
});

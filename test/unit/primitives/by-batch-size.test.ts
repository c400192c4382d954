import test from 'ava';
import fc from 'fast-check';
import { byBatchSize, type ByBatchSizeOptions } from '../../../src/actors/bucket/primitives/by-batch-size.ts';
import { Driver } from './driver.ts';
import { checkOptions } from './options-check.ts';

const admitSizes = (driver: Driver<ByBatchSizeOptions, unknown>, ...sizes: number[]) => {
  for (const sizeBytes of sizes) driver.admit({ sizeBytes });
};

test('byBatchSize: fires every count objects in order of arrival', (t) => {
  const driver = new Driver(byBatchSize, { count: 2 });
  admitSizes(driver, 1, 1, 1, 1, 1);
  t.deepEqual(driver.fired, [{ inputs: [1, 2] }, { inputs: [3, 4] }]);
  t.deepEqual(driver.held, [5]);
});

test('byBatchSize: a batch never has more than maxBytes', (t) => {
  const driver = new Driver(byBatchSize, { maxBytes: 10 });
  admitSizes(driver, 4, 4, 4, 6, 1);
  t.deepEqual(driver.inputs, [
    [1, 2],
    [3, 4],
  ]);
  t.deepEqual(driver.held, [5]);
});

test('byBatchSize: an object larger than maxBytes fires alone, after what came before it', (t) => {
  const driver = new Driver(byBatchSize, { maxBytes: 10, maxWaitMs: 100 });
  admitSizes(driver, 4, 11, 2);
  t.deepEqual(driver.inputs, [[1], [2]]);
  t.deepEqual(driver.held, [3]);
  t.deepEqual([...driver.timers.values()], [100]);
});

test('byBatchSize: a partial batch fires maxWaitMs after its first object', (t) => {
  const driver = new Driver(byBatchSize, { count: 10, maxWaitMs: 100 }, { nowMs: 5 });
  driver.admit();
  driver.wait(60);
  driver.admit();
  driver.wait(39);
  t.deepEqual(driver.inputs, []);
  driver.wait(1);
  t.deepEqual(driver.inputs, [[1, 2]]);
  t.is(driver.timers.size, 0);
});

test('byBatchSize: the timer of a batch that has fired does not cut the next one short', (t) => {
  const driver = new Driver(byBatchSize, { count: 2, maxWaitMs: 100 });
  driver.admit();
  const [timer] = [...driver.timers.keys()];
  driver.wait(50);
  driver.admit();
  t.is(driver.timers.size, 0);
  driver.admit();
  driver.wait(50);
  driver.callTimer(timer ?? '');
  t.deepEqual(driver.inputs, [[1, 2]]);
  t.deepEqual([...driver.timers.values()], [150], 'it is asked for again');
  driver.wait(50);
  t.deepEqual(driver.inputs, [[1, 2], [3]]);
});

test('byBatchSize: with partitionBy each group has its own batch and its own timer', (t) => {
  const driver = new Driver(byBatchSize, { count: 2, maxWaitMs: 100, partitionBy: 'group' });
  driver.admit({ group: 'x' });
  driver.wait(10);
  driver.admit({ group: null });
  driver.admit({ group: 'all' });
  driver.admit({ group: 'x' });
  t.deepEqual(driver.fired, [{ inputs: [1, 4], group: 'x' }]);
  driver.wait(100);
  t.deepEqual(driver.fired.slice(1), [
    { inputs: [2], group: null },
    { inputs: [3], group: 'all' },
  ]);
});

test('byBatchSize: flush fires what is partial, the oldest batch first, and stops the timers', (t) => {
  const driver = new Driver(byBatchSize, { count: 3, maxWaitMs: 100, partitionBy: 'group', scope: 'session' });
  for (const group of ['x', 'y', 'x', 'x', 'x']) driver.admit({ group });
  driver.flush();
  t.deepEqual(driver.inputs, [[1, 3, 4], [2], [5]]);
  t.is(driver.timers.size, 0);
  driver.flush();
  t.is(driver.fired.length, 3);
});

test('byBatchSize: a partial batch is flushed at the end of its session, unless flushAtEnd is false', (t) => {
  t.is(byBatchSize.scope({ count: 1 }), 'app');
  t.false(byBatchSize.flushesAtEnd?.({ count: 1 }));
  t.true(byBatchSize.flushesAtEnd?.({ count: 1, scope: 'session' }));
  t.false(byBatchSize.flushesAtEnd?.({ count: 1, scope: 'session', flushAtEnd: false }));
});

interface Timed {
  readonly group: string | null;
  readonly sizeBytes: number;
  readonly atMs: number;
}

/** The model: cuts each group's arrivals into batches, seen from the end of time. */
function model(options: ByBatchSizeOptions, arrivals: readonly Timed[], endMs: number) {
  const {
    count = Number.POSITIVE_INFINITY,
    maxBytes = Number.POSITIVE_INFINITY,
    maxWaitMs = Number.POSITIVE_INFINITY,
    partitionBy,
  } = options;
  const fired: number[][] = [];
  const held: number[] = [];
  const all = arrivals.map((arrival, i) => ({ ...arrival, id: i + 1 }));
  for (const group of new Set(all.map((item) => (partitionBy ? item.group : null)))) {
    const queue = all.filter((item) => !partitionBy || item.group === group);
    while (queue.length > 0) {
      const first = queue[0];
      if (!first) break;
      let length = 1;
      const bytes = () => queue.slice(0, length).reduce((sum, item) => sum + item.sizeBytes, 0);
      const isFull = () => length >= count || bytes() >= maxBytes;
      let isClosed = isFull();
      while (!isClosed) {
        const next = queue[length];
        if (!next || next.atMs >= first.atMs + maxWaitMs) break;
        if (bytes() + next.sizeBytes > maxBytes) isClosed = true;
        else {
          length++;
          isClosed = isFull();
        }
      }
      const batch = queue.splice(0, length).map((item) => item.id);
      if (isClosed || first.atMs + maxWaitMs <= endMs) fired.push(batch);
      else held.push(...batch);
    }
  }
  const byFirst = (a: number[], b: number[]) => (a[0] ?? 0) - (b[0] ?? 0);
  return { fired: fired.sort(byFirst), held: held.sort((a, b) => a - b) };
}

test('byBatchSize: does what the model does, for any options and arrivals', (t) => {
  const optionsOf = fc
    .record(
      {
        count: fc.integer({ min: 1, max: 5 }),
        maxBytes: fc.integer({ min: 1, max: 20 }),
        maxWaitMs: fc.integer({ min: 1, max: 30 }),
        partitionBy: fc.constant('group' as const),
      },
      { requiredKeys: [] },
    )
    .filter(({ count, maxBytes }) => count !== undefined || maxBytes !== undefined) as fc.Arbitrary<ByBatchSizeOptions>;
  const arrival = fc.record({ group: fc.constantFrom(null, '', 'x'), sizeBytes: fc.nat(25), afterMs: fc.nat(12) });
  fc.assert(
    fc.property(optionsOf, fc.array(arrival, { maxLength: 40 }), fc.nat(40), (options, arrivals, restMs) => {
      const driver = new Driver(byBatchSize, options);
      const timed = arrivals.map(({ afterMs, ...given }): Timed => {
        driver.wait(afterMs);
        driver.admit(given);
        return { ...given, atMs: driver.nowMs };
      });
      driver.wait(restMs);
      const expected = model(options, timed, driver.nowMs);
      t.deepEqual(
        [...driver.inputs].sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0)),
        expected.fired,
      );
      t.deepEqual(driver.held, expected.held);
      t.is(driver.timers.size > 0, options.maxWaitMs !== undefined && expected.held.length > 0, 'a timer exists only while a batch waits');
    }),
    { numRuns: 300 },
  );
});

test('byBatchSize: its options', (t) => {
  checkOptions(
    t,
    byBatchSize,
    [{ count: 1 }, { maxBytes: 1 }, { count: 10, maxBytes: 100, maxWaitMs: 5, partitionBy: 'group', scope: 'session', flushAtEnd: false }],
    [
      [undefined, 'options.count'],
      [{ maxWaitMs: 10 }, 'options.count'],
      [{ count: 0 }, 'options.count'],
      [{ count: 1.5 }, 'options.count'],
      [{ count: '3' }, 'options.count'],
      [{ count: Number.NaN }, 'options.count'],
      [{ maxBytes: 0 }, 'options.maxBytes'],
      [{ count: 1, maxWaitMs: 0 }, 'options.maxWaitMs'],
      [{ count: 1, maxWaitMs: 2 ** 31 }, 'options.maxWaitMs'],
      [{ count: 1, partitionBy: 'key' }, 'options.partitionBy'],
      [{ count: 1, scope: 'global' }, 'options.scope'],
      [{ count: 1, scope: 'session', flushAtEnd: 'no' }, 'options.flushAtEnd'],
      [{ count: 1, flushAtEnd: false }, 'options.flushAtEnd'],
      [{ size: 1 }, 'options.size'],
    ],
  );
});

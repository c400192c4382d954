/** Partitions: by hash and by ranges. */
import test from 'ava';
import fc from 'fast-check';
import { hashPartition, rangeBounds, rangeOf } from 'pheromone/mapreduce';

const byNumber = (a: number, b: number) => a - b;

test('hashPartition: says one of the partitions, and for a key always the same', (t) => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 100_000 }), (key, partitions) => {
      const partition = hashPartition(key, partitions);
      t.true(Number.isInteger(partition) && partition >= 0 && partition < partitions);
      t.is(hashPartition(`${key}`, partitions), partition);
    }),
  );
});

for (const partitions of [2, 3, 4, 7, 16, 100]) {
  test(`hashPartition: keys that differ little are spread evenly over ${partitions} partitions`, (t) => {
    for (const nameOf of [(i: number) => `key-${i}`, (i: number) => String(i * 1_000), (i: number) => `${i} of many`]) {
      const counts = Array.from({ length: partitions }, () => 0);
      for (let i = 0; i < partitions * 1_000; i++) counts[hashPartition(nameOf(i), partitions)]! += 1;
      // Five standard deviations of a fair choice.
      for (const count of counts) t.true(Math.abs(count - 1_000) < 5 * Math.sqrt(1_000), `${count} of 1,000`);
    }
  });
}

test('rangeBounds: keys of a partition are less than those of the next, and each key is in one', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.integer({ min: 1, max: 20 }), fc.array(fc.integer()), (samples, partitions, keys) => {
      const bounds = rangeBounds(samples, partitions, byNumber);
      t.true(bounds.length < partitions);
      const sorted = [...keys, ...samples].sort(byNumber);
      const found = sorted.map((key) => rangeOf(bounds, key, byNumber));
      t.deepEqual(found, [...found].sort(byNumber));
      for (const [i, key] of sorted.entries()) {
        const partition = found[i]!;
        t.true((partition === 0 || bounds[partition - 1]! <= key) && (partition === bounds.length || key < bounds[partition]!));
      }
    }),
  );
});

test('rangeBounds: partitions get about as many records each', (t) => {
  const keys = Array.from({ length: 10_000 }, (_, i) => (i * 7_919) % 10_007);
  const bounds = rangeBounds(keys.slice(0, 1_000), 8, byNumber);
  const counts = Array.from({ length: 8 }, () => 0);
  for (const key of keys) counts[rangeOf(bounds, key, byNumber)]! += 1;
  for (const count of counts) t.true(count > 800 && count < 1_800, `${count}`);
});

test('rangeBounds: no samples, and samples that are all equal, make one partition or two', (t) => {
  t.deepEqual(rangeBounds<number>([], 5, byNumber), []);
  t.deepEqual(rangeBounds([3, 3, 3], 5, byNumber), [3]);
});

test('rangeBounds: a number of partitions that is none is refused', (t) => {
  for (const partitions of [0, 1.5, Number.NaN]) {
    t.throws(() => rangeBounds([1], partitions, byNumber), {
      message: /^rangeBounds: partitions is .*must be a whole number of at least 1/,
    });
  }
});

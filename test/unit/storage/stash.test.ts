import test from 'ava';
import fc from 'fast-check';
import type { Refill } from '../../../src/storage/stash.ts';
import { Stash } from '../../../src/storage/stash.ts';

/** A stash whose refills are answered when the test says so, with blocks that remember their size. */
function setUp(storeSizeBytes = 2 ** 30) {
  const refills: Refill[] = [];
  const stash = new Stash((refill) => refills.push(refill), storeSizeBytes);
  const sizes = new Map<number, number>();
  const answer = () => {
    for (const { sizeBytes, count } of refills.splice(0)) {
      const offsets = Array.from({ length: count }, (_, i) => sizes.size + i);
      for (const offset of offsets) sizes.set(offset, sizeBytes);
      stash.add(sizeBytes, offsets);
    }
  };
  return { stash, refills, sizes, answer };
}

test('stash: the first take of a size misses and asks for blocks; the next ones are served from them', (t) => {
  const { stash, refills, answer, sizes } = setUp();
  t.is(stash.take(3_000), -1);
  t.deepEqual(refills, [{ sizeBytes: 3_072, count: 16 }]);
  t.is(stash.take(3_000), -1);
  t.is(refills.length, 1, 'one refill at a time');
  answer();
  const offset = stash.take(2_561);
  t.is(sizes.get(offset), 3_072);
});

test('stash: asks for more when a size is half empty', (t) => {
  const { stash, refills, answer } = setUp();
  stash.take(2_000);
  answer();
  for (let i = 0; i < 7; i++) t.not(stash.take(2_000), -1);
  t.deepEqual(refills, []);
  stash.take(2_000);
  t.deepEqual(refills, [{ sizeBytes: 2_048, count: 8 }]);
});

test('stash: a block is at least as large as the object, at most a quarter larger, and never given twice', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1_025, max: 262_144 }), { minLength: 1, maxLength: 100, size: 'max' }), (objects) => {
      const { stash, answer, sizes } = setUp();
      const given = new Set<number>();
      for (const object of objects) {
        if (stash.take(object) === -1) answer();
        const offset = stash.take(object);
        if (offset === -1) continue;
        const block = sizes.get(offset)!;
        if (block < object || block > 1.25 * object + 1) throw new Error(`${block} bytes for ${object}`);
        if (given.has(offset)) throw new Error(`block ${offset} was given twice`);
        given.add(offset);
      }
    }),
  );
  t.pass();
});

test('stash: large objects are asked for one by one', (t) => {
  const { stash, refills } = setUp();
  t.is(stash.take(262_145), -1);
  t.deepEqual(refills, []);
  t.is(stash.take(262_144), -1);
  t.deepEqual(refills, [{ sizeBytes: 262_144, count: 4 }]);
});

test('stash: a function that sends four objects of 92 KB each time finds a block for each of them', (t) => {
  const { stash, answer } = setUp();
  stash.take(92_000);
  for (let times = 0; times < 20; times++) {
    // It hears of nothing while it runs.
    answer();
    for (let i = 0; i < 4; i++) t.not(stash.take(92_000), -1, `time ${times}, object ${i}`);
  }
});

test('stash: holds and asks for no more than its bound, also while refills are under way', (t) => {
  const { stash, refills, answer } = setUp(64 * 100_000);
  let asked = 0;
  for (let size = 1_280; size <= 65_536; size += 256) stash.take(size);
  for (const { sizeBytes, count } of refills) asked += sizeBytes * count;
  t.true(asked > 80_000 && asked <= 100_000, `${asked}`);
  answer();
  refills.splice(0);
  for (let size = 1_280; size <= 65_536; size += 256) if (stash.take(size) === -1) stash.take(size);
  const more = refills.reduce((sum, { sizeBytes, count }) => sum + sizeBytes * count, 0);
  const held = stash.giveBack().length;
  t.true(held > 0 && more <= 100_000);
});

test('stash: a refill that brings nothing can be asked for again', (t) => {
  const { stash, refills } = setUp();
  stash.take(5_000);
  stash.add(5_120, []);
  t.is(stash.take(5_000), -1);
  t.is(refills.length, 2);
});

test('stash: gives all blocks back, and has room for as many again', (t) => {
  const { stash, refills, answer } = setUp(64 * 20_480);
  stash.take(1_280);
  answer();
  t.is(stash.take(60_000), -1, 'no room');
  t.is(refills.length, 0);
  t.is(stash.giveBack().length, 16);
  t.deepEqual(stash.giveBack(), []);
  stash.take(1_280);
  t.deepEqual(refills, [{ sizeBytes: 1_280, count: 16 }]);
});

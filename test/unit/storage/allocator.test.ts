import test from 'ava';
import fc from 'fast-check';
import { Allocator } from '../../../src/storage/allocator.ts';

interface Taken {
  readonly offset: number;
  readonly sizeBytes: number;
}

const rounded = (sizeBytes: number) => Math.max(64, Math.ceil(sizeBytes / 64) * 64);

/** What lies between the blocks of the naive model: with its neighbours joined, since it is computed from the blocks alone. */
function gaps(taken: readonly Taken[], totalBytes: number): Taken[] {
  const found: Taken[] = [];
  let end = 0;
  for (const { offset, sizeBytes } of [...taken].sort((a, b) => a.offset - b.offset)) {
    if (offset > end) found.push({ offset: end, sizeBytes: offset - end });
    end = offset + sizeBytes;
  }
  if (totalBytes > end) found.push({ offset: end, sizeBytes: totalBytes - end });
  return found;
}

function overlaps(taken: readonly Taken[], { offset, sizeBytes }: Taken): boolean {
  return taken.some((other) => offset < other.offset + other.sizeBytes && other.offset < offset + sizeBytes);
}

const size = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1024, max: 70_000 }), fc.integer({ min: 1, max: 1_200_000 }));
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('allocate' as const), amount: size }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('free' as const), amount: fc.nat() }) },
);

test('allocator: behaves as a naive model of intervals: aligned, disjoint, exactly accounted, joined, refusing only what fits nowhere', (t) => {
  const totalBytes = 2 ** 20;
  let refused = 0;
  let granted = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 150, size: 'max' }), (steps) => {
      const allocator = new Allocator(totalBytes);
      const taken: Taken[] = [];
      for (const { kind, amount } of steps) {
        const before = gaps(taken, totalBytes);
        const largest = Math.max(0, ...before.map((gap) => gap.sizeBytes));
        if (kind === 'allocate') {
          const offset = allocator.allocate(amount);
          if (offset === -1) {
            refused++;
            if (rounded(amount) <= largest) throw new Error(`refused ${amount} bytes with ${largest} free in one piece`);
            continue;
          }
          granted++;
          const block = { offset, sizeBytes: rounded(amount) };
          if (offset % 64 !== 0) throw new Error(`offset ${offset} is not aligned`);
          if (offset + block.sizeBytes > totalBytes) throw new Error(`${offset} + ${block.sizeBytes} lies outside`);
          if (overlaps(taken, block)) throw new Error(`the block at ${offset} overlaps another`);
          if (allocator.sizeOf(offset) !== block.sizeBytes) throw new Error(`sizeOf(${offset}) is ${allocator.sizeOf(offset)}`);
          taken.push(block);
        } else if (taken.length > 0) {
          const [block] = taken.splice(amount % taken.length, 1);
          const around = gaps(taken, totalBytes).find((gap) => gap.offset <= block!.offset && gap.offset + gap.sizeBytes > block!.offset);
          if (allocator.free(block!.offset) !== around?.sizeBytes) throw new Error(`free(${block!.offset}) did not join its neighbours`);
        }
        const now = gaps(taken, totalBytes);
        if (JSON.stringify(allocator.freeExtents(1)) !== JSON.stringify(now)) throw new Error('the free extents are not the gaps');
        if (allocator.largestFreeBytes !== Math.max(0, ...now.map((gap) => gap.sizeBytes))) throw new Error('largestFreeBytes is wrong');
        if (allocator.usedBytes !== taken.reduce((sum, block) => sum + block.sizeBytes, 0)) throw new Error('usedBytes is wrong');
      }
    }),
    { numRuns: 150 },
  );
  t.true(refused > 500 && granted > 3000, `${refused} refused, ${granted} granted`);
});

test('allocator: grants the whole arena as one block, and again after it was cut into the smallest pieces', (t) => {
  const allocator = new Allocator(64 * 1000);
  const whole = allocator.allocate(64 * 1000);
  t.is(whole, 0);
  t.is(allocator.allocate(1), -1);
  allocator.free(whole);
  const pieces = Array.from({ length: 1000 }, () => allocator.allocate(64));
  t.is(new Set(pieces).size, 1000);
  t.is(allocator.usedBytes, 64_000);
  for (const offset of pieces.filter((_, i) => i % 2 === 0)) allocator.free(offset);
  t.is(allocator.largestFreeBytes, 64);
  for (const offset of pieces.filter((_, i) => i % 2 === 1)) allocator.free(offset);
  t.deepEqual(allocator.freeExtents(1), [{ offset: 0, sizeBytes: 64_000 }]);
});

test('allocator: finds an extent that fits although shorter ones of its size class stand before it', (t) => {
  const allocator = new Allocator(2 ** 20);
  // 32 to 33 granules of 64 bytes are one class: freed last, the shorter is first in its list.
  const long = allocator.allocate(33 * 64);
  allocator.allocate(64);
  const short = allocator.allocate(32 * 64);
  allocator.allocate(64);
  allocator.allocate(allocator.largestFreeBytes);
  allocator.free(long);
  allocator.free(short);
  t.is(allocator.allocate(33 * 64), long);
});

test('allocator: manages an arena of 4 GiB less a page', (t) => {
  const sizeBytes = 2 ** 32 - 4096;
  const allocator = new Allocator(sizeBytes);
  const low = allocator.allocate(3 * 2 ** 30);
  const high = allocator.allocate(sizeBytes - 3 * 2 ** 30);
  t.deepEqual([low, high], [0, 3 * 2 ** 30]);
  t.is(allocator.allocate(1), -1);
  t.is(allocator.free(low), 3 * 2 ** 30);
  t.is(allocator.free(high), sizeBytes);
});

test('allocator: refuses what is larger than the arena or is no size, and says which offset has no block', (t) => {
  const allocator = new Allocator(4096);
  t.is(allocator.allocate(4097), -1);
  t.is(allocator.allocate(Number.NaN), -1);
  const offset = allocator.allocate(100);
  allocator.free(offset);
  t.throws(() => allocator.free(offset), { message: 'bug: no block at offset 0' });
  t.throws(() => allocator.sizeOf(128), { message: 'bug: no block at offset 128' });
});

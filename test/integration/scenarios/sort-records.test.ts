/** The inner parts of the sort scenario against plain sorts: of blocks, and by ranges. */
import test from 'ava';
import fc from 'fast-check';
import { boundsOf, RangeParter, recordsBefore, recordsOf } from '../../../scenarios/sort/ranges.ts';
import { RecordSort } from '../../../scenarios/sort/sort-records.ts';

const recordBytes = 100;

/** Records with these keys. Each tells its number, by which equal keys are told apart. */
function withKeys(keys: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.alloc(keys.length * recordBytes);
  for (const [i, key] of keys.entries()) {
    bytes.set(key, i * recordBytes);
    bytes.writeUInt32LE(i, i * recordBytes + 96);
  }
  return bytes;
}

function recordsIn(bytes: Uint8Array): Buffer[] {
  return Array.from({ length: bytes.length / recordBytes }, (_, i) => Buffer.from(bytes.subarray(i * recordBytes, (i + 1) * recordBytes)));
}

function byKey(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a.subarray(0, 10), b.subarray(0, 10));
}

/** Of a few different bytes, so that keys begin alike, or are equal; or of all. */
const keys = fc
  .constantFrom(1, 2, 255)
  .chain((most) => fc.array(fc.uint8Array({ minLength: 10, maxLength: 10, max: most }), { maxLength: 300 }));

test('sort: records come out in the order of their keys, equal ones in the order they had, however they are cut into blocks', (t) => {
  const sort = new RecordSort();
  fc.assert(
    fc.property(keys, fc.nat(300), (given, cut) => {
      const all = withKeys(given);
      const blocks = [all.subarray(0, cut * recordBytes), all.subarray(cut * recordBytes)];
      t.deepEqual(recordsIn(sort.sort(blocks)), recordsIn(all).sort(byKey));
    }),
    { numRuns: 200 },
  );
});

test('sort: blocks that do not lie on a word boundary, as views into larger buffers may not', (t) => {
  const all = withKeys([3, 1, 2].map((first) => new Uint8Array(10).fill(first)));
  const shifted = Buffer.alloc(all.length + 1);
  shifted.set(all, 1);
  t.deepEqual(recordsIn(new RecordSort().sort([shifted.subarray(1)])), recordsIn(all).sort(byKey));
});

test('sort: many records whose keys differ in the last byte only', (t) => {
  const given = Array.from({ length: 5_000 }, (_, i) => new Uint8Array(10).fill(7, 0, 8).fill((i * 37) % 256, 9));
  const all = withKeys(given);
  t.deepEqual(recordsIn(new RecordSort().sort([all])), recordsIn(all).sort(byKey));
});

test('ranges: every record is in one parcel, keys ascend from range to range, and a parcel knows the records before it', (t) => {
  const parter = new RangeParter();
  fc.assert(
    fc.property(keys, fc.integer({ min: 1, max: 9 }), fc.nat(9), (given, rangesMax, cut) => {
      const all = withKeys(given);
      const bounds = boundsOf(all, rangesMax);
      const end = bounds.length + 1;
      const first = Math.min(cut, end);
      // In two passes, as if the store held no more.
      const parcels = [
        ...parter.part(all, bounds, { first: 0, end: first }).map((parcel) => Buffer.from(parcel)),
        ...parter.part(all, bounds, { first, end }).map((parcel) => Buffer.from(parcel)),
      ];
      t.is(parcels.length, end);
      let before = 0;
      for (const parcel of parcels) {
        t.is(recordsBefore(parcel), before);
        before += recordsOf(parcel).length / recordBytes;
      }
      const sorted = parcels.flatMap((parcel) => recordsIn(recordsOf(parcel)).sort(byKey));
      t.deepEqual(sorted, recordsIn(all).sort(byKey));
    }),
    { numRuns: 200 },
  );
});

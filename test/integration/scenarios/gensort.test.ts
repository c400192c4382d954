/** The generator and the validator of the sort scenario against what gensort and valsort are known to give. */
import test from 'ava';
import fc from 'fast-check';
import { Gensort, type RecordKind } from '../../../scenarios/sort/gensort.ts';
import { type Summary, Valsort } from '../../../scenarios/sort/valsort.ts';

const recordBytes = 100;

function made(kind: RecordKind, records: number, first = 0): Buffer {
  const bytes = Buffer.alloc(records * recordBytes);
  new Gensort(kind, first).fill(bytes);
  return bytes;
}

function summaryOf(...parts: readonly Uint8Array[]): Summary {
  const valsort = new Valsort();
  for (const part of parts) valsort.add(part);
  return valsort.summary();
}

/** Records, each with a key of its own: the number in its last byte. */
function numbered(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * recordBytes, 'x');
  for (const [i, number] of numbers.entries()) bytes.fill(number, i * recordBytes + 9, i * recordBytes + 10);
  return bytes;
}

test('gensort: ASCII records are those that gensort -a makes', (t) => {
  t.is(
    made('ascii', 2).toString('latin1'),
    'AsfAGHM5om  00000000000000000000000000000000  0000222200002222000022220000222200002222000000001111\r\n' +
      '~sHd0jDv6X  00000000000000000000000000000001  77779999444488885555CCCC777755555555BBBB666644446666\r\n',
  );
});

test('gensort: the checksums are those that are published', (t) => {
  t.like(summaryOf(made('ascii', 163_840)), { records: 163_840, checksum: '1400fed7bb2c2', duplicateKeys: 0 });
  t.like(summaryOf(made('binary', 1_000_000)), { records: 1_000_000, checksum: '7a0e0d4868cd4', duplicateKeys: 0 });
});

test('gensort: may begin with any record', (t) => {
  fc.assert(
    fc.property(fc.constantFrom('ascii', 'binary'), fc.nat(100), fc.integer({ min: 1, max: 30 }), (kind, first, count) => {
      t.deepEqual(made(kind, count, first), made(kind, first + count).subarray(first * recordBytes));
    }),
    { numRuns: 50 },
  );
});

test('valsort: finds the records that are out of order, and the first of them', (t) => {
  const { unordered, firstUnordered } = summaryOf(numbered(1, 3, 2), numbered(5, 4, 6));
  t.deepEqual([unordered, firstUnordered], [2, 2]);
  t.like(summaryOf(numbered(1, 2), numbered(3)), { records: 3, unordered: 0, firstUnordered: null });
});

test('valsort: bytes of keys are compared without a sign', (t) => {
  t.is(summaryOf(numbered(0x7f, 0x80, 0xff)).unordered, 0);
});

test('valsort: counts keys that are there again', (t) => {
  t.is(summaryOf(numbered(1, 1), numbered(1, 2, 2)).duplicateKeys, 3);
});

test('valsort: the checksum is that of any order, and tells a lost, a doubled and an altered record', (t) => {
  const { checksum } = summaryOf(numbered(1, 2, 3));
  const altered = numbered(1, 2, 3);
  altered[250] = 0;
  t.is(summaryOf(numbered(3, 1, 2)).checksum, checksum);
  t.not(summaryOf(numbered(1, 2)).checksum, checksum);
  t.not(summaryOf(numbered(1, 2, 3, 3)).checksum, checksum);
  t.not(summaryOf(numbered(1, 2, 2)).checksum, checksum);
  t.not(summaryOf(altered).checksum, checksum);
});

/** The parts of word-count that run without a runtime, against plain models. */
import test from 'ava';
import fc from 'fast-check';
import { cutIntoParts } from '../../../scenarios/word-count/parts.ts';
import { PlainCount } from '../../../scenarios/word-count/letters.ts';
import { WordTable } from '../../../scenarios/word-count/word-table.ts';
import { junk } from './junk.ts';

/** Few different bytes, so that words repeat, and are long or short. */
const text = fc.array(fc.constantFrom(...Buffer.from('aAbBzZ @[`{\u0000é')), { maxLength: 300 }).map((bytes) => Uint8Array.from(bytes));

/** By the book. */
function countPlainly(bytes: Uint8Array): [string, number][] {
  const counts = new Map<string, number>();
  for (const [word] of Buffer.from(bytes)
    .toString('latin1')
    .matchAll(/[A-Za-z]+/g)) {
    counts.set(word.toLowerCase(), (counts.get(word.toLowerCase()) ?? 0) + 1);
  }
  return [...counts].sort(([wordA, countA], [wordB, countB]) => countB - countA || (wordA < wordB ? -1 : 1));
}

function tableOf(bytes: Uint8Array): WordTable {
  const table = new WordTable();
  table.countText(bytes);
  return table;
}

function* chunksOf(bytes: Uint8Array, chunkBytes: number): Generator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += chunkBytes) yield bytes.subarray(i, i + chunkBytes);
}

test('word-table: counts and ranks words as a plain count does', (t) => {
  fc.assert(
    fc.property(text, fc.nat(20), (bytes, n) => {
      const expected = countPlainly(bytes);
      const table = tableOf(bytes);
      t.deepEqual(table.top(n), expected.slice(0, n));
      t.is(table.distinct, expected.length);
      t.is(
        table.words,
        expected.reduce((sum, [, count]) => sum + count, 0),
      );
    }),
  );
});

test('word-table: shares that are encoded and added up again are the whole table, and no word is in two of them', (t) => {
  fc.assert(
    fc.property(text, text, fc.integer({ min: 1, max: 5 }), (one, other, shares) => {
      const whole = new WordTable();
      const tables = Array.from({ length: shares }, (_, share) => {
        const table = new WordTable();
        for (const source of [tableOf(one), tableOf(other)]) table.addEncoded(source.encode(share, shares));
        whole.addEncoded(table.encode(0, 1));
        return table;
      });
      t.deepEqual(whole.top(1_000), countPlainly(Buffer.concat([one, Buffer.from(' '), other])));
      t.is(
        whole.distinct,
        tables.reduce((sum, { distinct }) => sum + distinct, 0),
      );
      t.is(whole.fingerprint, tables.reduce((sum, { fingerprint }) => sum + fingerprint, 0) % 2 ** 32);
    }),
  );
});

test('word-table: stays right as it grows, and ranks equally frequent words by the alphabet among many', (t) => {
  const bytes = junk(1_000_000);
  const expected = countPlainly(bytes);
  const table = tableOf(bytes);
  t.true(expected.length > 5_000, `${expected.length} words`);
  t.deepEqual(table.top(expected.length), expected);
  t.deepEqual(table.top(100), expected.slice(0, 100));
});

test('word-table: counts larger than 32 bits survive the encoding', (t) => {
  const table = tableOf(Buffer.from('a a a'));
  for (let i = 0; i < 40; i++) table.addEncoded(table.encode(0, 1));
  t.deepEqual(table.top(1), [['a', 3 * 2 ** 40]]);
});

test('plain-count: has the words and the fingerprint of the table, however the text is cut', (t) => {
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 50 }), (bytes, chunkBytes) => {
      const plain = new PlainCount();
      for (const chunk of chunksOf(bytes, chunkBytes)) plain.add(chunk);
      plain.add(Buffer.from('\n'));
      const table = tableOf(bytes);
      t.deepEqual([plain.words, plain.fingerprint, plain.bytes], [table.words, table.fingerprint, bytes.length + 1]);
    }),
  );
});

test('parts: joined they are the text, none ends within a word, and there are no more than their size asks for', (t) => {
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }), (bytes, chunkBytes, partBytes) => {
      const parts = [...cutIntoParts(chunksOf(bytes, chunkBytes), partBytes)];
      t.deepEqual(Buffer.concat(parts), Buffer.from(bytes));
      for (const [i, part] of parts.entries()) {
        const isLast = i === parts.length - 1;
        t.true(isLast || !/[A-Za-z]$/.test(Buffer.from(part).toString('latin1')));
      }
      t.true(parts.length <= Math.ceil(bytes.length / partBytes));
    }),
  );
});

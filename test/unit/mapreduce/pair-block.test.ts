/** Pairs as blocks, against plain models. */
import test from 'ava';
import fc from 'fast-check';
import { PairTable } from '../../../src/mapreduce/pair-block.ts';

/** Few keys, so that they meet; odd ones among them. */
const key = fc.oneof(fc.constantFrom('a', 'b', '', '__proto__', 'ünï 🙂'), fc.string({ unit: 'binary', maxLength: 5 }));
const pairs = fc.array(fc.tuple(key, fc.integer()), { maxLength: 60 });
type Pairs = readonly (readonly [string, number])[];

function modelOf(all: Pairs): [string, number[]][] {
  const values = new Map<string, number[]>();
  for (const [name, value] of all) values.set(name, [...(values.get(name) ?? []), value]);
  return [...values].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Each list of pairs is what one mapper has emitted. */
function through(lists: readonly Pairs[], combine?: (a: number, b: number) => number): [string, readonly number[]][] {
  const reducer = new PairTable<number>(combine);
  for (const list of lists) {
    const mapper = new PairTable<number>(combine);
    for (const [name, value] of list) mapper.add(name, value);
    reducer.addBlock(mapper.takeBlock());
    if (mapper.size !== 0) throw new Error('a table from which all was taken holds something');
  }
  return [...reducer.sorted()].map(([name, values]) => [name, values]);
}

test('pairs: a reducer has all values of each key, in the order of the keys', (t) => {
  fc.assert(fc.property(fc.array(pairs, { maxLength: 5 }), (lists) => void t.deepEqual(through(lists), modelOf(lists.flat()))));
});

test('pairs: with a combine there is one value of each key, however the pairs were shared out', (t) => {
  fc.assert(
    fc.property(fc.array(pairs, { maxLength: 5 }), (lists) => {
      const expected = modelOf(lists.flat()).map(([name, values]) => [name, [values.reduce((sum, value) => sum + value, 0)]]);
      t.deepEqual(
        through(lists, (a, b) => a + b),
        expected as [string, number[]][],
      );
    }),
  );
});

test('pairs: with a combine a mapper holds one value of each key', (t) => {
  const table = new PairTable<number>((a, b) => a + b);
  for (let i = 0; i < 10_000; i++) table.add(`key ${i % 3}`, i);
  t.is(table.size, 3);
});

test('pairs: values of any plain kind arrive equal', (t) => {
  const values = [
    null,
    undefined,
    true,
    1.5,
    2n ** 80n,
    'text',
    new Date(5),
    new Map([[1, new Set([2])]]),
    [{ a: [] }],
    Uint8Array.of(1, 2),
  ];
  const mapper = new PairTable<unknown>(undefined);
  for (const value of values) mapper.add('k', value);
  const reducer = new PairTable<unknown>(undefined);
  // As in the store: behind other bytes.
  const block = mapper.takeBlock();
  const shifted = new Uint8Array(block.length + 3);
  shifted.set(block, 3);
  reducer.addBlock(shifted.subarray(3));
  t.deepEqual([...reducer.sorted()], [['k', values]]);
});

test('pairs: a value that cannot be sent is refused when its block is made', (t) => {
  const table = new PairTable<unknown>(undefined);
  table.add('k', () => 1);
  t.throws(() => table.takeBlock(), { message: /could not be cloned/ });
});

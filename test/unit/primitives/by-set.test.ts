import test from 'ava';
import fc from 'fast-check';
import { bySet } from '../../../src/actors/bucket/primitives/by-set.ts';
import { Driver } from './driver.ts';
import { checkOptions } from './options-check.ts';
import { permutations } from './permutations.ts';

const drive = (...keys: string[]) => new Driver(bySet, { keys }, { passesOver: ({ key }) => !keys.includes(key) });

test('bySet: fires in the declared order, whatever the order of arrival', (t) => {
  for (const order of permutations(['d', 'a', 'c', 'b'])) {
    const driver = drive('a', 'b', 'c', 'd');
    const ids = new Map(order.map((key) => [key, driver.admit({ key })]));
    t.deepEqual(driver.inputs, [['a', 'b', 'c', 'd'].map((key) => ids.get(key) ?? -1)]);
  }
});

test('bySet: fires once when the last key arrives after a duplicate', (t) => {
  const driver = drive('a', 'b');
  const [first, newer, last] = driver.admitKeys('a', 'a', 'b');
  t.deepEqual(driver.inputs, [[first, last]]);
  t.deepEqual(driver.dropped, [{ input: newer, reason: 'superseded' }]);
});

test('bySet: a set of one key fires for every object', (t) => {
  const driver = drive('a');
  driver.admitKeys('a', 'b', 'a');
  t.deepEqual(driver.inputs, [[1], [3]]);
});

test('bySet: is armed again by its firing', (t) => {
  const driver = drive('a', 'b');
  driver.admitKeys('a', 'b', 'b', 'a');
  t.deepEqual(driver.inputs, [
    [1, 2],
    [4, 3],
  ]);
  t.is(driver.pending, null);
});

test('bySet: says which keys it has and lacks', (t) => {
  const driver = drive('a', 'b', 'c');
  t.is(driver.pending, null);
  driver.admitKeys('c', 'x', 'a');
  t.deepEqual(driver.pending, { has: ['keys a, c'], lacks: ['key b'] });
});

test('bySet: names no more keys than one can read', (t) => {
  const driver = new Driver(bySet, { keys: Array.from({ length: 100 }, (_, i) => `k${i}`) });
  driver.admit({ key: 'k7' });
  t.deepEqual(driver.pending?.has, ['key k7']);
  t.regex(driver.pending?.lacks[0] ?? '', /^keys k0, k1, .*k20, … \(99 in all\)$/);
});

/** The model: a list of what waits, searched anew for every arrival. */
function model(keys: readonly string[], arrivals: readonly string[]) {
  const fired: number[][] = [];
  const dropped: number[] = [];
  let waiting: { key: string; id: number }[] = [];
  for (const [i, key] of arrivals.entries()) {
    if (!keys.includes(key)) continue;
    if (waiting.some((other) => other.key === key)) dropped.push(i + 1);
    else waiting.push({ key, id: i + 1 });
    if (waiting.length < keys.length) continue;
    fired.push(keys.map((wanted) => waiting.find((other) => other.key === wanted)?.id ?? -1));
    waiting = [];
  }
  return { fired, dropped, held: waiting.map(({ id }) => id) };
}

test('bySet: does what the model does, for any arrivals', (t) => {
  const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', '0');
  fc.assert(
    fc.property(fc.uniqueArray(key, { minLength: 1 }), fc.array(key, { maxLength: 60 }), (keys, arrivals) => {
      const driver = drive(...keys);
      driver.admitKeys(...arrivals);
      const expected = model(keys, arrivals);
      t.deepEqual(driver.inputs, expected.fired);
      t.deepEqual(
        driver.dropped,
        expected.dropped.map((input) => ({ input, reason: 'superseded' })),
      );
      t.deepEqual(driver.held, expected.held);
    }),
  );
});

test('bySet: its option is a set of keys', (t) => {
  const many = Array.from({ length: 100_000 }, (_, i) => `k${i}`);
  checkOptions(
    t,
    bySet,
    [{ keys: ['a'] }, { keys: many }],
    [
      [undefined, 'options.keys'],
      [{ keys: [] }, 'options.keys'],
      [{ keys: 'ab' }, 'options.keys'],
      [{ keys: ['a', 'b', 'a'] }, 'options.keys[2]'],
      [{ keys: ['a', 1] }, 'options.keys[1]'],
      [{ keys: [...many, 'one more'] }, 'options.keys'],
      [{ keys: ['a'], key: 'a' }, 'options.key'],
    ],
  );
});

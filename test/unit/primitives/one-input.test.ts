import test from 'ava';
import fc from 'fast-check';
import { byName } from '../../../src/actors/bucket/primitives/by-name.ts';
import { immediate } from '../../../src/actors/bucket/primitives/immediate.ts';
import { Driver } from './driver.ts';
import { checkOptions } from './options-check.ts';

test('immediate: fires once for every object, in order of arrival', (t) => {
  fc.assert(
    fc.property(fc.array(fc.string()), (keys) => {
      const driver = new Driver(immediate, {});
      const ids = driver.admitKeys(...keys);
      t.deepEqual(
        driver.inputs,
        ids.map((id) => [id]),
      );
    }),
  );
});

test('byName: fires once for every object with its key, and passes over the others', (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('yes', 'no', 'Yes', '')), (keys) => {
      const driver = new Driver(byName, { key: 'yes' }, { passesOver: ({ key }) => key !== 'yes' });
      const ids = driver.admitKeys(...keys);
      t.deepEqual(
        driver.inputs,
        ids.filter((_, i) => keys[i] === 'yes').map((id) => [id]),
      );
    }),
  );
});

test('immediate: its options are none', (t) => {
  checkOptions(
    t,
    immediate,
    [{}, undefined, null],
    [
      [{ key: 'a' }, 'options.key'],
      [[], 'options'],
      ['x', 'options'],
      [0, 'options'],
    ],
  );
});

test('byName: its option is a key', (t) => {
  checkOptions(
    t,
    byName,
    [{ key: 'a' }, { key: '__proto__' }],
    [
      [undefined, 'options.key'],
      [{}, 'options.key'],
      [{ key: '' }, 'options.key'],
      [{ key: 7 }, 'options.key'],
      [{ key: 'x'.repeat(1_025) }, 'options.key'],
      [{ key: 'a', keys: ['a'] }, 'options.keys'],
      [{ key: 'a', constructor: 1 }, 'options.constructor'],
    ],
  );
});

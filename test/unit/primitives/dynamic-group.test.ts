import test from 'ava';
import fc from 'fast-check';
import { dynamicGroup } from '../../../src/actors/bucket/primitives/dynamic-group.ts';
import { Driver } from './driver.ts';
import { checkOptions } from './options-check.ts';

const drive = () => new Driver(dynamicGroup, { sources: ['a'] });

test('dynamicGroup: fires nothing before its sources are done, then once for each group in order of first arrival', (t) => {
  const driver = drive();
  for (const group of ['x', 'y', null, 'x', 'null']) driver.admit({ group });
  t.deepEqual(driver.fired, []);
  t.is(driver.pending, null);
  driver.sourcesDone();
  t.deepEqual(driver.fired, [
    { inputs: [1, 4], group: 'x' },
    { inputs: [2], group: 'y' },
    { inputs: [3], group: null },
    { inputs: [5], group: 'null' },
  ]);
});

test('dynamicGroup: fires nothing when no object has come', (t) => {
  const driver = drive();
  driver.sourcesDone();
  t.deepEqual(driver.fired, []);
});

test('dynamicGroup: objects that come later form a new round', (t) => {
  const driver = drive();
  driver.admit({ group: 'x' });
  driver.sourcesDone();
  driver.sourcesDone();
  driver.admit({ group: 'x' });
  t.deepEqual(driver.held, [2]);
  driver.sourcesDone();
  t.deepEqual(driver.inputs, [[1], [2]]);
});

test('dynamicGroup: each firing has all objects of its group and round, for any arrivals', (t) => {
  const group = fc.constantFrom(null, 'x', 'y', '__proto__', '1', '0');
  fc.assert(
    fc.property(fc.array(fc.array(group)), (rounds) => {
      const driver = drive();
      const expected: { inputs: number[]; group: string | null }[] = [];
      for (const groups of rounds) {
        const ids = groups.map((name) => driver.admit({ group: name }));
        driver.sourcesDone();
        for (const name of new Set(groups)) expected.push({ inputs: ids.filter((_, i) => groups[i] === name), group: name });
      }
      t.deepEqual(driver.fired, expected);
      t.deepEqual(driver.held, []);
    }),
  );
});

test('dynamicGroup: its option is its sources', (t) => {
  t.deepEqual(dynamicGroup.sources?.({ sources: ['a', 'b'] }), ['a', 'b']);
  checkOptions(
    t,
    dynamicGroup,
    [{ sources: ['a'] }, { sources: ['a', 'b', 'c'] }],
    [
      [undefined, 'options.sources'],
      [{ sources: [] }, 'options.sources'],
      [{ sources: [null] }, 'options.sources[0]'],
      [{ sources: ['nobody'] }, 'options.sources[0]'],
      [{ sources: ['a'], by: 'key' }, 'options.by'],
    ],
  );
});

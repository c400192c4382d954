import test from 'ava';
import fc from 'fast-check';
import { SparseMap, SparseSet } from '../../../src/actors/sparse.ts';

const steps = fc.array(fc.record({ what: fc.constantFrom('add', 'delete'), item: fc.integer({ min: 0, max: 3 }) }));

test('SparseSet does as a Set', (t) => {
  fc.assert(
    fc.property(steps, (taken) => {
      const [set, model] = [new SparseSet<number>(), new Set<number>()];
      for (const { what, item } of taken) {
        if (what === 'add') set.add(item);
        else if (set.delete(item) !== model.delete(item)) return false;
        if (what === 'add') model.add(item);
        if (set.size !== model.size || set.has(item) !== model.has(item)) return false;
      }
      return [...set].join() === [...model].join();
    }),
  );
  t.pass();
});

test('SparseMap does as a Map', (t) => {
  fc.assert(
    fc.property(steps, (taken) => {
      const [map, model] = [new SparseMap<number, number>(), new Map<number, number>()];
      for (const [at, { what, item }] of taken.entries()) {
        if (what === 'add') map.set(item, at);
        else if (map.delete(item) !== model.delete(item)) return false;
        if (what === 'add') model.set(item, at);
        if (map.size !== model.size || map.get(item) !== model.get(item)) return false;
      }
      const isSame = [...map.keys()].join() === [...model.keys()].join() && [...map.values()].join() === [...model.values()].join();
      map.clear();
      return isSame && map.size === 0;
    }),
  );
  t.pass();
});

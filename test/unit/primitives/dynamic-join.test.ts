import test from 'ava';
import fc from 'fast-check';
import { checkAnnouncement, dynamicJoin } from '../../../src/actors/bucket/primitives/dynamic-join.ts';
import { Driver } from './driver.ts';
import { checkOptions } from './options-check.ts';
import { permutations } from './permutations.ts';

const drive = () => new Driver(dynamicJoin, {});
const none = { group: null };

test('dynamicJoin: by keys, inputs are in the announced order, whenever the announcement comes', (t) => {
  for (const order of permutations(['a', 'b', 'c', 'announcement'])) {
    const driver = drive();
    const ids = new Map<string, number>();
    for (const key of order) {
      if (key === 'announcement') driver.announce({ keys: ['c', 'a', 'b'], by: 1 });
      else ids.set(key, driver.admit({ key }));
    }
    t.deepEqual(driver.fired, [{ inputs: ['c', 'a', 'b'].map((key) => ids.get(key) ?? -1), ...none }], order.join());
  }
});

test('dynamicJoin: by count, inputs are in order of arrival, whenever the announcement comes', (t) => {
  for (let announcedAt = 0; announcedAt <= 5; announcedAt++) {
    const driver = drive();
    for (let i = 0; i < 5; i++) {
      if (i === announcedAt) driver.announce({ count: 3, by: 1 });
      driver.admit();
    }
    if (announcedAt === 5) driver.announce({ count: 3, by: 1 });
    t.deepEqual(driver.inputs, [[1, 2, 3]]);
    t.deepEqual(driver.held, [4, 5], 'the surplus waits for the next round');
  }
});

test('dynamicJoin: zero branches fire at once, with no inputs', (t) => {
  const driver = drive();
  driver.announce({ count: 0, by: 1 });
  driver.announce({ keys: [], group: 'g', by: 1 });
  t.deepEqual(driver.fired, [
    { inputs: [], group: null },
    { inputs: [], group: 'g' },
  ]);
  t.is(driver.pending, null);
});

test('dynamicJoin: zero branches fire without what has waited', (t) => {
  const driver = drive();
  driver.admit();
  driver.announce({ count: 0, by: 1 });
  t.deepEqual(driver.inputs, [[]]);
  t.deepEqual(driver.held, [1]);
});

test('dynamicJoin: only objects of the group count', (t) => {
  const driver = drive();
  driver.announce({ group: 'x', count: 1, by: 1 });
  driver.admit({ group: 'y' });
  driver.admit();
  t.deepEqual(driver.fired, []);
  driver.admit({ group: 'x' });
  t.deepEqual(driver.fired, [{ inputs: [3], group: 'x' }]);
});

test('dynamicJoin: the same invocation announcing again changes nothing, before the firing and after', (t) => {
  const driver = drive();
  t.is(driver.announce({ count: 2, by: 1 }), null);
  t.is(driver.announce({ count: 1, by: 1 }), null);
  driver.admitKeys('a', 'b');
  t.is(driver.announce({ count: 2, by: 1 }), null);
  driver.admitKeys('c', 'd');
  t.deepEqual(driver.inputs, [[1, 2]]);
  t.deepEqual(driver.held, [3, 4]);
});

test('dynamicJoin: another invocation is refused before the firing, and opens the next round after it', (t) => {
  const driver = drive();
  driver.announce({ keys: ['a', 'b'], by: 1 });
  driver.admit({ key: 'a' });
  t.regex(driver.announce({ count: 1, by: 2 }) ?? '', /announced already, and lacks key b/);
  driver.admit({ key: 'b' });
  t.is(driver.announce({ count: 1, by: 2 }), null, 'refused is not announced');
  driver.admit({ key: 'c' });
  t.deepEqual(driver.inputs, [[1, 2], [3]]);
});

test('dynamicJoin: a second object for an announced key is superseded, one with another key waits for a later round', (t) => {
  const driver = drive();
  driver.admitKeys('a', 'a', 'x');
  driver.announce({ keys: ['a', 'b'], by: 1 });
  t.deepEqual(driver.dropped, [{ input: 2, reason: 'superseded' }]);
  driver.admitKeys('b', 'b');
  t.deepEqual(driver.inputs, [[1, 4]]);
  driver.announce({ keys: ['x', 'b'], by: 2 });
  t.deepEqual(driver.inputs, [
    [1, 4],
    [3, 5],
  ]);
});

test('dynamicJoin: says what it has and lacks', (t) => {
  const driver = drive();
  driver.admit({ key: 'stray', group: 'g' });
  t.deepEqual(driver.pending, { has: ['key stray in group g, unannounced'], lacks: ['an announcement (ctx.expect) in group g'] });
  driver.announce({ group: 'g', keys: ['a', 'b'], by: 1 });
  driver.admit({ key: 'b', group: 'g' });
  driver.announce({ count: 3, by: 1 });
  driver.admit();
  t.deepEqual(driver.pending, {
    has: ['key b in group g', 'key stray in group g, unannounced', '1 of 3 announced objects in the group of objects without one'],
    lacks: ['key a in group g', '2 of 3 announced objects in the group of objects without one'],
  });
});

type Event = { readonly group: string | null } & (
  | { readonly key: string }
  | { readonly keys: readonly string[]; readonly by: number }
  | { readonly count: number; readonly by: number }
);

/** The model: a queue for each group, searched anew after every event for the shortest part of it that completes the round. */
function model(events: readonly Event[]) {
  const fired: { inputs: number[]; group: string | null }[] = [];
  const dropped: number[] = [];
  const queues = new Map<string | null, { key: string; id: number }[]>();
  const rounds = new Map<string | null, Event>();
  const announced = new Set<string>();
  let id = 0;
  for (const event of events) {
    const { group } = event;
    if ('key' in event) queues.set(group, [...(queues.get(group) ?? []), { key: event.key, id: ++id }]);
    else if (!announced.has(JSON.stringify([group, event.by])) && !rounds.has(group)) {
      rounds.set(group, event);
      announced.add(JSON.stringify([group, event.by]));
    }
    const round = rounds.get(group);
    const queue = queues.get(group) ?? [];
    if (!round || 'key' in round) continue;
    const completes = (part: typeof queue) =>
      'count' in round ? part.length === round.count : round.keys.every((key) => part.some((item) => item.key === key));
    const length = [...queue, null].findIndex((_, n) => completes(queue.slice(0, n)));
    const part = length === -1 ? queue : queue.slice(0, length);
    const isDoubled = (item: { key: string; id: number }) =>
      'keys' in round && round.keys.includes(item.key) && part.find((other) => other.key === item.key) !== item;
    dropped.push(...part.filter(isDoubled).map((item) => item.id));
    const rest = queue.filter((item) => !isDoubled(item) || !part.includes(item));
    queues.set(group, rest);
    if (length === -1) continue;
    const inputs =
      'count' in round ? part.map((item) => item.id) : round.keys.map((key) => part.find((item) => item.key === key)?.id ?? -1);
    fired.push({ inputs, group });
    queues.set(
      group,
      rest.filter((item) => !inputs.includes(item.id)),
    );
    rounds.delete(group);
  }
  const held = [...queues.values()].flat().map((item) => item.id);
  return { fired, dropped: dropped.sort((a, b) => a - b), held: held.sort((a, b) => a - b) };
}

test('dynamicJoin: does what the model does, for any announcements and arrivals', (t) => {
  const key = fc.constantFrom('a', 'b', 'c', '__proto__');
  const group = fc.constantFrom(null, 'null', 'g');
  const by = fc.nat(8);
  const event: fc.Arbitrary<Event> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ group, key }) },
    fc.record({ group, keys: fc.uniqueArray(key), by }),
    fc.record({ group, count: fc.nat(4), by }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 50 }), (events) => {
      const driver = drive();
      for (const item of events) {
        if ('key' in item) driver.admit(item);
        else driver.announce(item);
      }
      const expected = model(events);
      t.deepEqual(driver.fired, expected.fired);
      t.deepEqual(
        driver.dropped.map(({ input }) => input).sort((a, b) => a - b),
        expected.dropped,
      );
      t.deepEqual(driver.held, expected.held);
    }),
    { numRuns: 300 },
  );
});

test('dynamicJoin: has no options; an announcement has either distinct keys or a count', (t) => {
  checkOptions(t, dynamicJoin, [{}, undefined], [[{ count: 3 }, 'options.count']]);
  t.is(checkAnnouncement(['a', 'b'], undefined), null);
  t.is(checkAnnouncement([], null), null);
  t.is(checkAnnouncement(undefined, 0), null);
  t.is(checkAnnouncement(undefined, undefined)?.field, 'count');
  t.is(checkAnnouncement(['a'], 1)?.field, 'count');
  t.is(checkAnnouncement(undefined, -1)?.field, 'count');
  t.is(checkAnnouncement(undefined, 1.5)?.field, 'count');
  t.is(checkAnnouncement('ab', undefined)?.field, 'keys');
  t.is(checkAnnouncement(['a', 'a'], undefined)?.field, 'keys[1]');
  t.is(checkAnnouncement(['a', 2], undefined)?.field, 'keys[1]');
});

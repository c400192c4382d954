import test from 'ava';
import fc from 'fast-check';
import { redundant } from '../../../src/actors/bucket/primitives/redundant.ts';
import { Driver } from './driver.ts';
import { checkOptions } from './options-check.ts';
import { permutations } from './permutations.ts';

const drive = (k: number, n: number, more = {}) => new Driver(redundant, { k, n, sources: ['a', 'b'], ...more });
const from = (source: number) => ({ source, sourceFunction: 'a' });

const late = (input: number) => ({ input, reason: 'late' });

test('redundant: fires with the first k, in every order of arrival; the others are late', (t) => {
  for (const order of permutations([11, 12, 13, 14])) {
    const driver = drive(2, 4);
    for (const source of order) driver.admit(from(source));
    t.deepEqual(driver.fired, [{ inputs: [1, 2] }]);
    t.deepEqual(driver.dropped, [late(3), late(4)]);
    t.deepEqual(driver.cancelled, [{ kind: 'cancelSources', functions: ['a', 'b'], except: order.slice(0, 2) }]);
  }
});

test('redundant: with k = n it waits for all, and cancels nobody', (t) => {
  const driver = drive(3, 3);
  for (const source of [1, 2, 3]) driver.admit(from(source));
  t.deepEqual(driver.inputs, [[1, 2, 3]]);
  t.deepEqual(driver.cancelled, []);
});

test('redundant: cancelLate false lets the losers go on', (t) => {
  const driver = drive(1, 2, { cancelLate: false });
  driver.admit(from(1));
  driver.admit(from(2));
  t.deepEqual(driver.cancelled, []);
  t.deepEqual(driver.dropped, [late(2)]);
});

test('redundant: a second object of a source is late, in its round and in later ones', (t) => {
  const driver = drive(2, 2);
  driver.admit(from(1));
  driver.admit(from(1));
  t.deepEqual(driver.inputs, []);
  driver.admit(from(2));
  driver.admit(from(2));
  driver.admit(from(1));
  t.deepEqual(driver.inputs, [[1, 3]]);
  t.deepEqual(driver.dropped, [late(2), late(4), late(5)]);
});

test('redundant: is armed again after n arrivals or losses', (t) => {
  const driver = drive(1, 3, { cancelLate: false });
  driver.admit(from(1));
  driver.admit(from(2));
  driver.lose(3);
  driver.admit(from(4));
  t.deepEqual(driver.inputs, [[1], [3]]);
});

test('redundant: losses of n - k are survived, and one more fails the session, once', (t) => {
  const driver = drive(2, 4);
  driver.lose(1);
  driver.lose(2);
  driver.lose(2);
  t.deepEqual(driver.failures, []);
  driver.lose(3);
  driver.lose(4);
  t.is(driver.failures.length, 1);
  t.is(driver.failures[0]?.code, 'TooManySourcesLost');
  t.regex(driver.failures[0]?.message ?? '', /2 of 4 sources \(a, b\).*3 are lost; at most 2/);
});

test('redundant: with all losses that it can bear it fires at the k-th arrival, and is armed again', (t) => {
  const driver = drive(2, 3);
  driver.lose(1);
  driver.admit(from(2));
  driver.admit(from(3));
  t.deepEqual(driver.inputs, [[1, 2]]);
  t.deepEqual(driver.cancelled, [], 'nobody is left');
  driver.admit(from(4));
  t.deepEqual(driver.held, [3]);
});

test('redundant: a source that fails after it has delivered is not lost', (t) => {
  const driver = drive(2, 2);
  driver.admit(from(1));
  driver.lose(1);
  driver.admit(from(2));
  t.deepEqual(driver.failures, []);
  t.deepEqual(driver.inputs, [[1, 2]]);
});

test('redundant: cancelled losers complete the round and never fail the session, even if there were more than n', (t) => {
  const driver = drive(1, 2);
  driver.admit(from(1));
  for (const source of [2, 3, 4, 5]) driver.lose(source, true);
  t.deepEqual(driver.failures, []);
  driver.admit(from(3));
  t.deepEqual(driver.dropped, [late(2)], 'what a cancelled source had sent opens no round');
  driver.admit(from(6));
  t.deepEqual(driver.inputs, [[1], [3]]);
});

test('redundant: sources that delivered in an earlier round are not aborted by a later one', (t) => {
  const driver = drive(1, 2);
  driver.admit(from(1));
  driver.admit(from(2));
  driver.admit(from(3));
  t.deepEqual(driver.cancelled[1]?.except, [1, 2, 3]);
});

test('redundant: objects of clients and of other functions are unwanted', (t) => {
  const driver = drive(1, 1);
  driver.admit();
  driver.admit({ source: 7, sourceFunction: 'c' });
  t.deepEqual(driver.inputs, []);
  t.deepEqual(driver.dropped, [
    { input: 1, reason: 'unwanted' },
    { input: 2, reason: 'unwanted' },
  ]);
});

test('redundant: says what it has and lacks', (t) => {
  const driver = drive(2, 3);
  t.is(driver.pending, null);
  driver.admit(from(1));
  t.deepEqual(driver.pending, { has: ['1 of 2 needed arrivals'], lacks: ['1 of 2 needed arrivals from a, b'] });
  driver.lose(2);
  t.deepEqual(driver.pending?.lacks, ['1 of 2 needed arrivals from a, b (1 of 3 lost)']);
  driver.admit(from(3));
  t.is(driver.pending, null);
});

type Event = { readonly source: number; readonly isLoss: boolean };

/** The model: what is known of each source the first time that it is heard of, in rounds of n. */
function model(k: number, n: number, events: readonly Event[]) {
  const heard = new Set<number>();
  const fired: number[][] = [];
  const dropped: number[] = [];
  let hasFailed = false;
  let round: { id: number; isLoss: boolean }[] = [];
  let id = 0;
  for (const { source, isLoss } of events) {
    if (!isLoss) id++;
    if (heard.has(source)) {
      if (!isLoss) dropped.push(id);
      continue;
    }
    heard.add(source);
    round.push({ id, isLoss });
    const arrivals = round.filter((item) => !item.isLoss).map((item) => item.id);
    if (!isLoss && arrivals.length === k) fired.push(arrivals);
    if (!isLoss && arrivals.length > k) dropped.push(id);
    if (arrivals.length < k && round.length - arrivals.length > n - k) hasFailed = true;
    // A failed session takes nothing more.
    if (hasFailed) break;
    if (round.length === n) round = [];
  }
  const arrivals = round.filter((item) => !item.isLoss).map((item) => item.id);
  return { fired, dropped, hasFailed, held: arrivals.length < k ? arrivals : [] };
}

test('redundant: does what the model does, for any arrivals and losses', (t) => {
  const event = fc.record({ source: fc.integer({ min: 1, max: 12 }), isLoss: fc.boolean() });
  const bounds = fc.integer({ min: 1, max: 4 }).chain((n) => fc.record({ n: fc.constant(n), k: fc.integer({ min: 1, max: n }) }));
  fc.assert(
    fc.property(bounds, fc.array(event, { maxLength: 40 }), ({ k, n }, events) => {
      const driver = drive(k, n, { cancelLate: false });
      for (const { source, isLoss } of events) {
        if (driver.failures.length > 0) break;
        if (isLoss) driver.lose(source);
        else driver.admit(from(source));
      }
      const expected = model(k, n, events);
      t.deepEqual(driver.inputs, expected.fired);
      t.deepEqual(driver.dropped, expected.dropped.map(late));
      t.is(driver.failures.length > 0, expected.hasFailed);
      t.deepEqual(driver.held, expected.held);
    }),
    { numRuns: 500 },
  );
});

test('redundant: with cancelled losers each wave of n sources fires once, in any order', (t) => {
  const bounds = fc.integer({ min: 1, max: 5 }).chain((n) => fc.record({ n: fc.constant(n), k: fc.integer({ min: 1, max: n }) }));
  fc.assert(
    fc.property(bounds, fc.array(fc.array(fc.nat(), { minLength: 5, maxLength: 5 }), { minLength: 1, maxLength: 5 }), ({ k, n }, waves) => {
      const driver = drive(k, n);
      for (const [w, ranks] of waves.entries()) {
        const sources = Array.from({ length: n }, (_, i) => w * 10 + i + 1).sort((a, b) => (ranks[a % 10] ?? 0) - (ranks[b % 10] ?? 0));
        // As the home does: at the firing, whoever has not delivered is cancelled and sends no more.
        for (const source of sources.slice(0, k)) driver.admit(from(source));
        for (const source of sources.slice(k)) driver.lose(source, true);
        t.is(driver.fired.length, w + 1);
      }
      t.deepEqual(driver.failures, []);
      t.deepEqual(driver.held, []);
    }),
  );
});

test('redundant: its options', (t) => {
  const good = { k: 1, n: 2, sources: ['a'] };
  checkOptions(
    t,
    redundant,
    [good, { ...good, k: 2 }, { ...good, cancelLate: false, abortGraceMs: 0 }],
    [
      [undefined, 'options.n'],
      [{ ...good, k: 3 }, 'options.k'],
      [{ ...good, k: 0 }, 'options.k'],
      [{ ...good, n: 0 }, 'options.n'],
      [{ ...good, n: 1e9 }, 'options.n'],
      [{ ...good, n: '2' }, 'options.n'],
      [{ ...good, sources: [] }, 'options.sources'],
      [{ ...good, sources: 'a' }, 'options.sources'],
      [{ ...good, sources: ['a', 'z'] }, 'options.sources[1]'],
      [{ ...good, sources: ['a', 'a'] }, 'options.sources[1]'],
      [{ k: 1, n: 2 }, 'options.sources'],
      [{ ...good, cancelLate: 'yes' }, 'options.cancelLate'],
      [{ ...good, abortGraceMs: -1 }, 'options.abortGraceMs'],
      [{ ...good, abortGraceMs: 2 ** 31 }, 'options.abortGraceMs'],
      [{ ...good, m: 1 }, 'options.m'],
    ],
  );
});

import test from 'ava';
import fc from 'fast-check';
import { byTime } from '../../../src/actors/bucket/primitives/by-time.ts';
import { Driver } from './driver.ts';
import { checkOptions } from './options-check.ts';

test('byTime: a window is aligned to the epoch and closed by its timer, not by the next arrival', (t) => {
  const driver = new Driver(byTime, { windowMs: 100 }, { nowMs: 1_030 });
  driver.admit();
  driver.wait(69);
  driver.admit();
  t.deepEqual(driver.inputs, []);
  driver.wait(1);
  t.deepEqual(driver.fired, [{ inputs: [1, 2] }]);
  t.deepEqual(driver.firedAtMs, [1_100]);
});

test('byTime: an arrival at the end of a window is in the next one', (t) => {
  const driver = new Driver(byTime, { windowMs: 100 }, { nowMs: 99 });
  driver.admit();
  driver.wait(1);
  driver.admit();
  driver.wait(100);
  t.deepEqual(driver.inputs, [[1], [2]]);
  t.deepEqual(driver.firedAtMs, [100, 200]);
});

test('byTime: a late timer takes nothing from the next window', (t) => {
  const driver = new Driver(byTime, { windowMs: 100 }, { withLateTimers: true });
  driver.admit();
  driver.wait(130);
  driver.admit();
  t.deepEqual(driver.inputs, [[1]]);
  driver.callTimer('all');
  t.deepEqual(driver.inputs, [[1]]);
  t.deepEqual([...driver.timers.values()], [200]);
  driver.wait(70);
  driver.deliverTimers();
  t.deepEqual(driver.inputs, [[1], [2]]);
});

test('byTime: no timer exists without an object', (t) => {
  const driver = new Driver(byTime, { windowMs: 100 });
  t.is(driver.timers.size, 0);
  driver.admit();
  t.is(driver.timers.size, 1);
  driver.wait(1_000);
  t.is(driver.timers.size, 0);
  t.is(driver.fired.length, 1);
});

test('byTime: a timer that fires twice changes nothing', (t) => {
  const driver = new Driver(byTime, { windowMs: 100 });
  driver.admit();
  driver.wait(100);
  driver.callTimer('all');
  t.is(driver.fired.length, 1);
  t.is(driver.timers.size, 0);
});

test('byTime: quietMs fires when nothing has come for so long', (t) => {
  const driver = new Driver(byTime, { quietMs: 50 });
  for (const ms of [0, 40, 49, 0]) {
    driver.wait(ms);
    driver.admit();
  }
  driver.wait(49);
  t.deepEqual(driver.inputs, []);
  driver.wait(1);
  t.deepEqual(driver.inputs, [[1, 2, 3, 4]]);
  t.deepEqual(driver.firedAtMs, [139]);
  t.is(driver.timers.size, 0);
});

test('byTime: with partitionBy each group has its own window', (t) => {
  const driver = new Driver(byTime, { quietMs: 50, partitionBy: 'group' });
  driver.admit({ group: 'x' });
  driver.wait(30);
  driver.admit({ group: null });
  driver.admit({ group: 'x' });
  driver.wait(10);
  driver.admit({ group: 'x' });
  driver.wait(100);
  t.deepEqual(driver.fired, [
    { inputs: [2], group: null },
    { inputs: [1, 3, 4], group: 'x' },
  ]);
});

test('byTime: fireEmpty fires every window, from the start on', (t) => {
  const driver = new Driver(byTime, { windowMs: 100, fireEmpty: true }, { nowMs: 250 });
  driver.wait(150);
  driver.admit();
  driver.wait(200);
  t.deepEqual(driver.inputs, [[], [], [1], []]);
  t.deepEqual(driver.firedAtMs, [300, 400, 500, 600]);
});

test('byTime: fireEmpty does not make up for windows that a late timer has jumped over', (t) => {
  const driver = new Driver(byTime, { windowMs: 100, fireEmpty: true }, { withLateTimers: true });
  driver.wait(1_000_050);
  driver.deliverTimers();
  t.deepEqual(driver.inputs, [[]]);
  t.deepEqual([...driver.timers.values()], [1_000_100]);
});

test('byTime: flush fires what the open windows hold', (t) => {
  const driver = new Driver(byTime, { windowMs: 100, partitionBy: 'group' });
  driver.admit({ group: 'x' });
  driver.admit({ group: 'y' });
  driver.flush();
  t.deepEqual(driver.inputs, [[1], [2]]);
  t.is(driver.timers.size, 0);
});

test('byTime: flush with fireEmpty lets the window go on', (t) => {
  const driver = new Driver(byTime, { windowMs: 100, fireEmpty: true });
  driver.flush();
  t.deepEqual(driver.inputs, []);
  driver.admit();
  driver.flush();
  driver.admit();
  driver.wait(100);
  t.deepEqual(driver.inputs, [[1], [2]]);
  t.is(driver.timers.size, 1);
});

const arrivals = fc.array(fc.record({ group: fc.constantFrom(null, '', 'x'), afterMs: fc.nat(60), deliver: fc.boolean() }), {
  maxLength: 50,
});
const partitionBy = fc.constantFrom({}, { partitionBy: 'group' as const });

/** Ids by a key, as lists in order of arrival. */
function groupIds(keys: readonly string[]): number[][] {
  return [...new Set(keys)].map((key) => keys.flatMap((other, i) => (other === key ? [i + 1] : [])));
}

const sorted = (lists: readonly (readonly number[])[]) => [...lists].sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));

test('byTime: each window has exactly the arrivals of its time, however late its timers are', (t) => {
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 100 }), partitionBy, fc.boolean(), (list, windowMs, partition, withLateTimers) => {
      const driver = new Driver(byTime, { windowMs, ...partition }, { withLateTimers, nowMs: 12_345 });
      const windows = list.map(({ group, afterMs, deliver }) => {
        driver.wait(afterMs);
        if (deliver) driver.deliverTimers();
        driver.admit({ group });
        return `${Math.floor(driver.nowMs / windowMs)} ${'partitionBy' in partition && JSON.stringify(group)}`;
      });
      driver.wait(windowMs);
      driver.deliverTimers();
      t.deepEqual(sorted(driver.inputs), groupIds(windows));
      t.deepEqual(driver.held, []);
    }),
  );
});

test('byTime: bursts are cut where nothing came for quietMs, however late the timers are', (t) => {
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 100 }), partitionBy, fc.boolean(), (list, quietMs, partition, withLateTimers) => {
      const driver = new Driver(byTime, { quietMs, ...partition }, { withLateTimers });
      const bursts = new Map<string | null, { number: number; lastMs: number }>();
      const burstOf = list.map(({ group, afterMs, deliver }) => {
        driver.wait(afterMs);
        if (deliver) driver.deliverTimers();
        driver.admit({ group });
        const name = 'partitionBy' in partition ? group : null;
        const burst = bursts.get(name) ?? { number: 0, lastMs: 0 };
        const number = driver.nowMs - burst.lastMs >= quietMs ? burst.number + 1 : burst.number;
        bursts.set(name, { number, lastMs: driver.nowMs });
        return `${number} ${JSON.stringify(name)}`;
      });
      driver.wait(quietMs);
      driver.deliverTimers();
      t.deepEqual(sorted(driver.inputs), groupIds(burstOf));
      t.is(driver.timers.size, 0);
    }),
  );
});

test('byTime: with timers in time, a window fires at its end', (t) => {
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 100 }), (list, windowMs) => {
      const driver = new Driver(byTime, { windowMs });
      const ends = new Set<number>();
      for (const { afterMs } of list) {
        driver.wait(afterMs);
        driver.admit();
        ends.add((Math.floor(driver.nowMs / windowMs) + 1) * windowMs);
      }
      driver.wait(windowMs);
      t.deepEqual(driver.firedAtMs, [...ends]);
    }),
  );
});

test('byTime: its options', (t) => {
  checkOptions(
    t,
    byTime,
    [
      { windowMs: 1 },
      { quietMs: 2 ** 31 - 1 },
      { windowMs: 10, fireEmpty: true },
      { windowMs: 10, fireEmpty: true, scope: 'app' },
      { windowMs: 10, fireEmpty: false, scope: 'session', partitionBy: 'group' },
    ],
    [
      [undefined, 'options.windowMs'],
      [{}, 'options.windowMs'],
      [{ windowMs: 0 }, 'options.windowMs'],
      [{ windowMs: -5 }, 'options.windowMs'],
      [{ windowMs: 2 ** 31 }, 'options.windowMs'],
      [{ windowMs: null }, 'options.windowMs'],
      [{ windowMs: 10, quietMs: 10 }, 'options.quietMs'],
      [{ quietMs: '10' }, 'options.quietMs'],
      [{ windowMs: 10, fireEmpty: true, scope: 'session' }, 'options.fireEmpty'],
      [{ quietMs: 10, fireEmpty: true }, 'options.fireEmpty'],
      [{ windowMs: 10, fireEmpty: true, partitionBy: 'group' }, 'options.fireEmpty'],
      [{ windowMs: 10, fireEmpty: 1 }, 'options.fireEmpty'],
      [{ windowMs: 10, slideMs: 5 }, 'options.slideMs'],
    ],
  );
});

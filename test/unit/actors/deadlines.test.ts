/** One timer for the deadlines of all sessions (`scheduler/deadlines.ts`). */
import test from 'ava';
import fc from 'fast-check';
import { DeadlineHeap } from '../../../src/actors/scheduler/deadline-heap.ts';
import { errorData } from '../../../src/actors/protocol/error.ts';
import { appOf, on, SchedulerDriver } from './scheduler-driver.ts';

const action = fc.oneof(
  fc.record({ do: fc.constant('add' as const), dueMs: fc.nat(50) }),
  fc.record({ do: fc.constant('take' as const) }),
  fc.record({ do: fc.constant('keep' as const), odd: fc.boolean() }),
);

test('deadlines: the heap gives the earliest first, whatever was put, taken and swept out before', (t) => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const heap = new DeadlineHeap();
      let model: { readonly id: string; readonly dueMs: number }[] = [];
      for (const [i, one] of actions.entries()) {
        if (one.do === 'add') {
          heap.add(`${i}`, one.dueMs);
          model.push({ id: `${i}`, dueMs: one.dueMs });
        } else if (one.do === 'take') {
          const earliestMs = Math.min(...model.map(({ dueMs }) => dueMs));
          t.is(heap.earliestMs, earliestMs);
          const id = heap.take();
          t.is(model.find((entry) => entry.id === id)?.dueMs, model.length === 0 ? undefined : earliestMs);
          model = model.filter((entry) => entry.id !== id);
        } else {
          const isKept = (id: string) => Number(id) % 2 === (one.odd ? 1 : 0);
          heap.keep(isKept);
          model = model.filter(({ id }) => isKept(id));
        }
        t.is(heap.size, model.length);
      }
      const rest = [...model].sort((a, b) => a.dueMs - b.dueMs);
      for (const { dueMs } of rest) {
        t.is(heap.earliestMs, dueMs);
        heap.take();
      }
      t.is(heap.take(), undefined);
    }),
  );
});

const app = appOf({ use: [] }, [on('in', 'immediate', null, 'use')]);
const error = errorData('SessionCancelled', 'cancelled');

test('deadlines: T2: those of sessions that have ended are swept out before they are more than the open ones', (t) => {
  const driver = new SchedulerDriver(app);
  driver.open({ bucket: 'in', key: 'a' });
  for (let i = 0; i < 1_000; i++) {
    driver.openAs(`s${i}`, { bucket: 'in', key: 'a' });
    driver.tell({ kind: 'stopSession', session: `s${i}`, error });
  }
  t.is(driver.state.sessions.size, 1);
  t.true(driver.state.deadlines.size <= 1 + 66);
  driver.tell({ kind: 'stopSession', session: 's', error });
  t.is(driver.state.deadlines.size, 0);
  t.deepEqual([...driver.timers.keys()], []);
});

test('deadlines: T1: one timer, for the earliest; each session ends at its own', (t) => {
  const driver = new SchedulerDriver(app);
  driver.open({ bucket: 'in', key: 'a' });
  driver.nowMs += 4_000;
  driver.openAs('later', { bucket: 'in', key: 'a' });
  t.deepEqual([...driver.timers.keys()], ['scheduler/deadline']);
  driver.nowMs += 6_000;
  driver.tell({ kind: 'deadlineReached' });
  t.deepEqual(
    driver.ended.map(({ id }) => id),
    ['s'],
  );
  driver.nowMs += 4_000;
  driver.tell({ kind: 'deadlineReached' });
  t.deepEqual(
    driver.ended.map(({ id }) => id),
    ['s', 'later'],
  );
});

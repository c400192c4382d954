import test from 'ava';
import fc from 'fast-check';
import { ReadyQueue } from '../../../src/actors/scheduler/ready-queue.ts';
import type { AppFunction } from '../../../src/actors/app.ts';
import type { ExecutorSlot, Invocation } from '../../../src/actors/scheduler/state.ts';

const functions = [1, 1, 3].map((concurrency, index): AppFunction => {
  const retry = { attemptsMax: 1, backoff: { initialMs: 0, factor: 1, maxMs: 0 } };
  return { index, name: `f${index}`, sends: null, timeoutMs: null, retry, concurrency, placement: 'near' };
});

let made = 0;

function invocation(fn = 0, priority = 5, near = -1): Invocation {
  return { number: ++made, fn: functions[fn], near, place: 'queued', session: { spec: { priority } } } as unknown as Invocation;
}

function slot(number: number, more: Partial<ExecutorSlot> = {}): ExecutorSlot {
  return { number, address: `executor:${number}`, ready: true, ending: false, running: 0, limit: 0, ...more };
}

/** As the scheduler does it. */
function start(executor: ExecutorSlot, { fn }: Invocation): void {
  executor.limit = executor.running === 0 ? fn.concurrency : Math.min(executor.limit, fn.concurrency);
  executor.running++;
}

function queueOf(...invocations: readonly Invocation[]): ReadyQueue {
  const queue = new ReadyQueue();
  for (const one of invocations) queue.add(one);
  return queue;
}

test('ready queue: Q1: the highest priority goes first, then the oldest', (t) => {
  const [low, old, young, high] = [invocation(0, 1), invocation(1, 5), invocation(0, 5), invocation(2, 9)] as const;
  const queue = queueOf(low, old, young, high);
  const taken = [1, 2, 3, 4].map(() => queue.take([slot(0)])?.invocation);
  t.deepEqual(taken, [high, old, young, low]);
  t.is(queue.take([slot(0)]), null);
});

test('ready queue: an invocation goes where its inputs were made, if there is room, else to the least loaded', (t) => {
  const slots = [slot(0, { running: 1, limit: 3 }), slot(1), slot(2)];
  t.is(queueOf(invocation(2, 5, 2)).take(slots)?.executor.number, 2);
  t.is(queueOf(invocation(2, 5, 0)).take(slots)?.executor.number, 0);
  t.is(queueOf(invocation(0, 5, 0)).take(slots)?.executor.number, 1, 'a function that does not interleave finds it taken');
});

test('ready queue: an executor that is not ready, or ending, gets nothing', (t) => {
  const queue = queueOf(invocation());
  t.is(queue.take([slot(0, { ready: false }), slot(1, { ending: true })]), null);
  t.is(queue.length, 1);
});

test('ready queue: Q2: a head that no executor can take keeps one for itself', (t) => {
  // The only executor interleaves f2; the oldest needs it alone.
  const executor = slot(0, { running: 1, limit: 3 });
  const [alone, sharing] = [invocation(0), invocation(2)];
  const queue = queueOf(alone, sharing);
  t.is(queue.take([executor]), null);
  t.is(queue.take([executor, slot(1, { running: 2, limit: 3 })])?.invocation, sharing, 'the other one may take more');
  executor.running = 0;
  t.is(queue.take([executor])?.invocation, alone);
});

test('ready queue: Q3: who left by another way is skipped', (t) => {
  const [gone, left] = [invocation(), invocation()];
  const queue = queueOf(gone, left);
  gone.place = 'done';
  queue.forget();
  t.is(queue.length, 1);
  t.is(queue.take([slot(0)])?.invocation, left);
  t.is(queue.length, 0);
});

type Move = { readonly kind: 'add' | 'take' | 'leave' | 'end'; readonly fn: number; readonly priority: number; readonly which: number };

const move = fc.record<Move>({
  kind: fc.constantFrom('add', 'add', 'take', 'take', 'leave', 'end'),
  fn: fc.nat(2),
  priority: fc.nat(9),
  which: fc.nat(100),
});

test('ready queue: as a plain list: nobody is lost, none is taken twice, and no one who could go is overtaken by a younger of his lane', (t) => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 200 }), (moves) => {
      const queue = new ReadyQueue();
      const slots = [slot(0), slot(1)];
      let waiting: Invocation[] = [];
      for (const { kind, fn, priority, which } of moves) {
        if (kind === 'add') {
          const added = invocation(fn, priority);
          waiting.push(added);
          queue.add(added);
        }
        if (kind === 'leave' && waiting.length > 0) {
          const [gone] = waiting.splice(which % waiting.length, 1) as [Invocation];
          gone.place = 'done';
          queue.forget();
        }
        if (kind === 'end') for (const executor of slots) executor.running = Math.max(0, executor.running - 1);
        if (kind === 'take') {
          const taken = queue.take(slots);
          if (!taken && waiting.length > 0 && slots.some(({ running }) => running === 0)) return false;
          if (!taken) continue;
          const lane = waiting.find(
            (one) => one.fn === taken.invocation.fn && one.session.spec.priority === taken.invocation.session.spec.priority,
          );
          if (lane !== taken.invocation) return false;
          taken.invocation.place = 'running';
          start(taken.executor, taken.invocation);
          waiting = waiting.filter((one) => one !== taken.invocation);
        }
        if (queue.length !== waiting.length) return false;
      }
      return true;
    }),
  );
  t.pass();
});

import test from 'ava';
import fc from 'fast-check';
import type { AllocationRequest, AllocationResult } from '../../../src/storage/allocation-queue.ts';
import { AllocationQueue } from '../../../src/storage/allocation-queue.ts';
import { ObjectStore } from '../../../src/storage/object-store.ts';
import { createSegment } from '../../../src/storage/segment.ts';
import { ManualTimers } from './manual-timers.ts';

const sizeBytes = 64_000;

function setUp(requestsMax = 100) {
  const timers = new ManualTimers();
  const store = new ObjectStore({ segment: createSegment({ sizeBytes, mapped: false }), timers });
  const queue = new AllocationQueue({ store, timers, requestsMax });
  const results = new Map<string, AllocationResult>();
  const ask = (name: string, request: Partial<AllocationRequest>) =>
    queue.request({ owner: 'a', sizeBytes: 64, class: 'running', waitMs: 1_000, ...request }, (result) => {
      if (results.has(name)) throw new Error(`${name} was answered twice`);
      results.set(name, result);
    });
  return { timers, store, queue, results, ask };
}

test('allocation queue: grants at once while there is room', (t) => {
  const { queue, results, ask, timers } = setUp();
  ask('first', {});
  ask('second', {});
  t.deepEqual(
    [...results],
    [
      ['first', { offset: 0 }],
      ['second', { offset: 64 }],
    ],
  );
  t.is(queue.waiting, 0);
  t.is(timers.pending, 0);
});

test('allocation queue: a request waits for a free block, and its timer goes with it', (t) => {
  const { store, queue, results, ask, timers } = setUp();
  const all = store.allocate('b', sizeBytes, 'running');
  ask('waiting', { sizeBytes: 640 });
  t.is(queue.waiting, 1);
  t.is(timers.pending, 1);
  store.release(all);
  t.deepEqual(results.get('waiting'), { offset: 0 });
  t.is(timers.pending, 0);
});

test('allocation queue: small requests do not overtake a large one that waits', (t) => {
  const { store, results, ask } = setUp();
  const [half, other] = [store.allocate('b', 32_000, 'running'), store.allocate('b', 25_600, 'running')];
  ask('large', { sizeBytes: 40_000 });
  ask('small', { sizeBytes: 64 });
  t.is(results.size, 0, 'there is room for the small one');
  store.release(half);
  t.is(results.size, 0, 'still too little for the large one');
  store.release(other);
  t.deepEqual([...results.keys()], ['large', 'small']);
});

test('allocation queue: running sessions go before new ones, which may not use the last tenth', (t) => {
  const { store, results, ask } = setUp();
  const block = store.allocate('b', 57_600, 'running');
  ask('new', { class: 'new' });
  t.is(results.size, 0, 'only the last tenth is left');
  ask('running', { class: 'running' });
  t.deepEqual([...results.keys()], ['running']);
  ask('runningLarge', { class: 'running', sizeBytes: 50_000 });
  ask('newLater', { class: 'new' });
  store.release(block);
  t.deepEqual([...results.keys()], ['running', 'runningLarge', 'new', 'newLater']);
});

test('allocation queue: who has waited long enough gets StoreFull, and makes way for the next', (t) => {
  const { store, results, ask, timers } = setUp();
  store.allocate('b', 60_000, 'running');
  ask('large', { sizeBytes: 20_000, waitMs: 500 });
  ask('small', { sizeBytes: 64, waitMs: 5_000 });
  timers.advance(499);
  t.is(results.size, 0);
  timers.advance(1);
  t.deepEqual(
    [...results],
    [
      ['large', { error: 'StoreFull' }],
      ['small', { offset: 60_032 }],
    ],
  );
});

test('allocation queue: refuses at once what can never fit, what may not wait, and what exceeds the bound', (t) => {
  const { store, queue, results, ask, timers } = setUp(2);
  ask('tooLarge', { sizeBytes: store.objectSizeBytesMax + 1 });
  t.deepEqual(results.get('tooLarge'), { error: 'ObjectTooLarge' });
  store.allocate('b', sizeBytes, 'running');
  ask('impatient', { waitMs: 0 });
  t.deepEqual(results.get('impatient'), { error: 'StoreFull' });
  ask('first', {});
  ask('second', { class: 'new' });
  ask('third', {});
  t.deepEqual(results.get('third'), { error: 'StoreFull' });
  t.is(queue.waiting, 2);
  t.is(timers.pending, 2);
});

test('allocation queue: forgets the requests of a dead owner, and makes way', (t) => {
  const { store, queue, results, ask, timers } = setUp();
  store.allocate('b', 60_000, 'running');
  ask('dead', { owner: 'thread:1', sizeBytes: 20_000 });
  ask('alive', { owner: 'thread:2', sizeBytes: 64 });
  queue.cancelOwner('thread:1');
  t.deepEqual([...results.keys()], ['alive']);
  timers.advance(10_000);
  t.deepEqual([...results.keys()], ['alive']);
});

test('allocation queue: a grant that frees, asks and cancels leaves the queue in order', (t) => {
  const { store, queue } = setUp();
  const block = store.allocate('b', sizeBytes, 'running');
  const order: string[] = [];
  const request = { owner: 'a', sizeBytes: 30_000, class: 'running', waitMs: 1_000 } as const;
  queue.request(request, (result) => {
    order.push('first');
    queue.cancelOwner('c');
    queue.request(request, () => order.push('fourth'));
    if ('offset' in result) store.release(result.offset);
  });
  queue.request(request, () => order.push('second'));
  queue.request({ ...request, owner: 'c' }, () => order.push('cancelled'));
  queue.request(request, () => order.push('third'));
  store.release(block);
  t.deepEqual(order, ['first', 'second', 'third']);
  t.is(queue.waiting, 1);
});

test('allocation queue: every request is answered exactly once, in order within its class, whatever is freed when', (t) => {
  const action = fc.record({
    kind: fc.constantFrom('ask', 'ask', 'release', 'wait'),
    size: fc.integer({ min: 1, max: 40_000 }),
    isNew: fc.boolean(),
    pick: fc.nat({ max: 2_000 }),
  });
  let waited = 0;
  fc.assert(
    fc.property(fc.array(action, { maxLength: 100, size: 'max' }), (actions) => {
      const { store, queue, timers } = setUp();
      const answers: number[] = [];
      const lastGranted = { running: -1, new: -1 };
      const held: number[] = [];
      for (const [i, { kind, size, isNew, pick }] of actions.entries()) {
        const allocationClass = isNew ? 'new' : 'running';
        if (kind === 'ask') {
          queue.request({ owner: 'a', sizeBytes: size, class: allocationClass, waitMs: pick }, (result) => {
            answers.push(i);
            if (!('offset' in result)) return;
            if (i < lastGranted[allocationClass]) throw new Error(`request ${lastGranted[allocationClass]} overtook ${i}`);
            lastGranted[allocationClass] = i;
            held.push(result.offset);
          });
          waited += queue.waiting;
        } else if (kind === 'release' && held.length > 0) store.release(held.splice(pick % held.length, 1)[0]!);
        else timers.advance(pick);
      }
      timers.advance(2_000);
      const asked = actions.flatMap(({ kind }, i) => (kind === 'ask' ? [i] : []));
      if (JSON.stringify(answers.toSorted((a, b) => a - b)) !== JSON.stringify(asked)) throw new Error('not each was answered once');
      if (queue.waiting !== 0) throw new Error('somebody waits for ever');
      for (const offset of held) store.release(offset);
      store.assertEmpty();
    }),
    { numRuns: 300 },
  );
  t.true(waited > 0);
});

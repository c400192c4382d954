import test from 'ava';
import fc from 'fast-check';
import { ObjectStore, poisonByte } from '../../../src/storage/object-store.ts';
import type { Segment } from '../../../src/storage/segment.ts';
import { createSegment } from '../../../src/storage/segment.ts';
import { ManualTimers } from './manual-timers.ts';

const mebibyte = 2 ** 20;

interface Range {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** A segment that tells which of its ranges were faulted in and given back. */
function observedSegment(sizeBytes: number) {
  const populated: Range[] = [];
  const givenBack: Range[] = [];
  const plain = createSegment({ sizeBytes, mapped: false });
  const segment: Segment = {
    handle: plain.handle,
    bytes: plain.bytes,
    fallbackReason: null,
    populate: async (offset, lengthBytes) => void populated.push({ offset, lengthBytes }),
    giveBack: (offset, lengthBytes) => void givenBack.push({ offset, lengthBytes }),
    close: () => {},
  };
  return { segment, populated, givenBack };
}

function setUp(sizeBytes = mebibyte, poison = true) {
  const timers = new ManualTimers();
  const observed = observedSegment(sizeBytes);
  const store = new ObjectStore({ segment: observed.segment, poison, timers, giveBackIdleMs: 1_000 });
  return { store, timers, ...observed };
}

test('object store: a block lives from its grant over adoption and pins to its last release', (t) => {
  const { store } = setUp();
  const offset = store.allocate('thread:1', 5_000, 'running');
  store.adopt(offset);
  store.pin(offset);
  store.release(offset);
  t.is(store.blocks, 1);
  t.is(store.usedBytes, 5_056);
  store.release(offset);
  t.is(store.blocks, 0);
  t.is(store.usedBytes, 0);
  t.is(store.highWaterBytes, 5_056);
  store.assertEmpty();
});

test('object store: a second release, an unknown offset, a second adoption and an early pin are bugs that name the offset', (t) => {
  const { store } = setUp();
  store.allocate('thread:1', 64, 'running');
  const offset = store.allocate('thread:1', 64, 'running');
  t.throws(() => store.pin(offset), { message: 'bug: pin of the block at offset 64, which thread:1 still fills' });
  store.adopt(offset);
  t.throws(() => store.adopt(offset), { message: 'bug: adopt of the block at offset 64, which is adopted already' });
  store.release(offset);
  t.throws(() => store.release(offset), { message: 'bug: release of offset 64, where no block is' });
  t.throws(() => store.pin(7), { message: 'bug: pin of offset 7, where no block is' });
  t.throws(() => store.adopt(7), { message: 'bug: adopt of offset 7, where no block is' });
});

test('object store: a late reader sees poison in all of a freed block, and its neighbours do not', (t) => {
  const { store, segment } = setUp();
  const [before, block, after] = [
    store.allocate('a', 100, 'running'),
    store.allocate('a', 100, 'running'),
    store.allocate('a', 100, 'running'),
  ];
  segment.bytes.fill(1);
  const view = segment.bytes.subarray(block, block + 128);
  store.release(block);
  t.true(view.every((byte) => byte === poisonByte));
  t.is(segment.bytes[before + 127], 1);
  t.is(segment.bytes[after], 1);
});

test('object store: without poison, freed bytes stay as they are', (t) => {
  const { store, segment } = setUp(mebibyte, false);
  const block = store.allocate('a', 100, 'running');
  segment.bytes.fill(1);
  store.release(block);
  t.is(segment.bytes[block], 1);
});

test('object store: reclaiming frees what a dead owner was granted, and nothing that was adopted or is of others', (t) => {
  const { store } = setUp();
  const adopted = store.allocate('thread:1', 100, 'running');
  store.adopt(adopted);
  store.allocate('thread:1', 100, 'running');
  store.allocate('thread:1', 100, 'running');
  const other = store.allocate('thread:2', 100, 'running');
  t.is(store.reclaim('thread:1'), 2);
  t.is(store.reclaim('thread:1'), 0);
  t.is(store.blocks, 2);
  store.release(adopted);
  store.release(other);
  store.assertEmpty();
});

test('object store: O6: what lies at a place later has another serial; nothing that is not sealed has one', (t) => {
  const { store } = setUp();
  const offset = store.allocate('thread:1', 100, 'running');
  t.is(store.serialOf(offset), 0, 'it is being filled');
  store.adopt(offset);
  const serial = store.serialOf(offset);
  t.true(serial > 0);
  store.pin(offset);
  store.release(offset);
  t.is(store.serialOf(offset), serial, 'as long as it is held');
  t.true(store.has(offset, serial, 100));
  t.false(store.has(offset, serial, 101));
  store.release(offset);
  t.is(store.serialOf(offset), 0);
  t.is(store.allocate('thread:2', 100, 'running'), offset);
  t.false(store.has(offset, serial), 'it is being filled');
  store.adopt(offset);
  t.false(store.has(offset, serial));
  t.true(store.has(offset, store.serialOf(offset)));
  t.not(store.serialOf(offset), serial);
});

test('object store: new sessions leave the last tenth to running ones', (t) => {
  const { store } = setUp(640_000);
  t.is(store.objectSizeBytesMax, 576_000);
  const large = store.allocate('client', 576_000, 'new');
  t.is(large, 0);
  t.is(store.allocate('client', 1, 'new'), -1);
  t.is(store.allocate('thread:1', 64_000, 'running'), 576_000);
  t.is(store.allocate('thread:1', 1, 'running'), -1);
});

test('object store: assertEmpty names what leaked', (t) => {
  const { store } = setUp();
  store.adopt(store.allocate('thread:1', 100, 'running'));
  store.allocate('thread:2', 10, 'running');
  t.throws(() => store.assertEmpty(), {
    message: 'bug: 2 blocks leaked, 192 bytes: 0 (100 bytes, 1 holders, adopted), 128 (10 bytes, 1 holders, thread:2)',
  });
});

test('object store: counts holders as a plain model does, and is empty when all are gone', (t) => {
  const action = fc.record({ kind: fc.constantFrom('allocate', 'adopt', 'pin', 'release', 'reclaim'), pick: fc.nat() });
  let reclaimed = 0;
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200, size: 'max' }), (actions) => {
      const { store } = setUp();
      const model = new Map<number, { owner: string | null; holders: number }>();
      for (const { kind, pick } of actions) {
        const offsets = [...model.keys()];
        const offset = offsets[pick % Math.max(1, offsets.length)];
        const block = offset === undefined ? undefined : model.get(offset);
        if (kind === 'allocate') {
          const owner = `thread:${pick % 3}`;
          model.set(store.allocate(owner, 1 + (pick % 2_000), 'running'), { owner, holders: 1 });
        } else if (kind === 'reclaim') {
          const owner = `thread:${pick % 3}`;
          const gone = [...model].filter(([, { owner: its }]) => its === owner);
          for (const [at] of gone) model.delete(at);
          if (store.reclaim(owner) !== gone.length) throw new Error('reclaimed another number');
          reclaimed += gone.length;
        } else if (offset !== undefined && block) {
          if (kind === 'adopt' && block.owner !== null) {
            store.adopt(offset);
            block.owner = null;
          } else if (kind === 'pin' && block.owner === null) {
            store.pin(offset);
            block.holders++;
          } else if (kind === 'release') {
            store.release(offset);
            if (--block.holders === 0) model.delete(offset);
          }
        }
        if (store.blocks !== model.size) throw new Error(`${store.blocks} blocks instead of ${model.size}`);
      }
      for (const [offset, { holders }] of model) for (let i = 0; i < holders; i++) store.release(offset);
      store.assertEmpty();
    }),
  );
  t.true(reclaimed > 0);
});

test('object store: touches no page at the start, then faults in ahead of its growth, once each', async (t) => {
  const { store, populated } = setUp(256 * mebibyte, false);
  await Promise.resolve();
  t.deepEqual(populated, []);
  store.allocate('a', 1_000, 'running');
  await Promise.resolve();
  t.deepEqual(populated, [{ offset: 0, lengthBytes: 1_000 + 4 * mebibyte }]);
  store.allocate('a', 1_000, 'running');
  await Promise.resolve();
  t.is(populated.length, 1, 'near enough: nothing to do');
  store.allocate('a', 40 * mebibyte, 'running');
  await Promise.resolve();
  t.is(populated.length, 2);
  t.is(populated[1]!.offset, 1_000 + 4 * mebibyte, 'goes on where the first ended');
  t.is(populated[1]!.offset + populated[1]!.lengthBytes, 2 * (40 * mebibyte + 1_024 * 2), 'as far ahead as the store is large');
});

test('object store: gives large free extents back when idle, in steps from the top, and then has no timer', (t) => {
  const { store, timers, givenBack } = setUp(256 * mebibyte, false);
  const low = store.allocate('a', 2 * mebibyte, 'running');
  const between = store.allocate('a', 64, 'running');
  const high = store.allocate('a', 40 * mebibyte, 'running');
  t.is(timers.pending, 0);
  store.release(low);
  store.release(high);
  t.is(timers.pending, 1);
  timers.advance(999);
  t.deepEqual(givenBack, []);
  timers.advance(10_000);
  t.is(timers.pending, 0);
  const covered = givenBack.toSorted((a, b) => a.offset - b.offset);
  t.deepEqual(covered[0], { offset: low, lengthBytes: 2 * mebibyte });
  t.is(covered[1]!.offset, between + 64);
  t.true(givenBack.every(({ lengthBytes }) => lengthBytes <= 16 * mebibyte));
  for (const [i, range] of covered.slice(2).entries()) t.is(range.offset, covered[i + 1]!.offset + covered[i + 1]!.lengthBytes);
  const end = covered.at(-1)!.offset + covered.at(-1)!.lengthBytes;
  t.true(end >= high + 40 * mebibyte && end <= 2 * (high + 40 * mebibyte), 'as far as pages have been touched, and no further');
});

test('object store: gives nothing back while it is busy, nor what was granted meanwhile', (t) => {
  const { store, timers, givenBack } = setUp(256 * mebibyte, false);
  const first = store.allocate('a', 40 * mebibyte, 'running');
  store.release(first);
  for (let i = 0; i < 20; i++) {
    store.release(store.allocate('a', 40 * mebibyte, 'running'));
    timers.advance(900);
  }
  t.deepEqual(givenBack, []);
  timers.advance(1_100);
  const started = givenBack.length;
  const block = store.allocate('a', 40 * mebibyte, 'running');
  timers.advance(60_000);
  const late = givenBack.slice(started);
  t.true(late.every(({ offset, lengthBytes }) => offset >= block + 40 * mebibyte || offset + lengthBytes <= block));
});

test('object store: faults pages in again after they were given back', async (t) => {
  const { store, timers, populated } = setUp(64 * mebibyte, false);
  store.release(store.allocate('a', 10 * mebibyte, 'running'));
  timers.advance(10_000);
  await new Promise(setImmediate);
  t.is(populated.length, 1, 'giving back is no reason to fault in');
  store.allocate('a', 10 * mebibyte, 'running');
  t.deepEqual(populated[1], populated[0]);
});

test('object store: closing stops its timer', (t) => {
  const { store, timers } = setUp(8 * mebibyte);
  store.release(store.allocate('a', 2 * mebibyte, 'running'));
  t.is(timers.pending, 1);
  store.close();
  t.is(timers.pending, 0);
});

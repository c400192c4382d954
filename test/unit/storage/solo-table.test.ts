/** The memory of solo sessions: state words, boxes, bells, slabs, counters. One thread plays all of its users. */
import test from 'ava';
import fc from 'fast-check';
import {
  placeOf,
  positionOf,
  positionUnitBytes,
  slotState,
  stageEnded,
  stageOf,
  stageQueued,
  stageRecalled,
  stageRunning,
} from '../../../src/storage/solo/slot-state.ts';
import {
  bellOfBox,
  clientBox,
  createSoloMemory,
  parkedOfBox,
  placesMax,
  slabBytes,
  slotBytes,
  sessionsMax,
  slotsMax,
} from '../../../src/storage/solo/memory.ts';
import { SoloTable } from '../../../src/storage/solo/table.ts';

const slabs = 64;

function tableOf(sessions: number = sessionsMax, executors = 4): SoloTable {
  const memory = createSoloMemory(sessions, executors);
  if (!memory) throw new Error(`no memory for ${sessions} sessions`);
  return new SoloTable(memory);
}

function drained(table: SoloTable, box: number): number[] {
  const slots: number[] = [];
  table.drain(box, (slot) => slots.push(slot));
  return slots;
}

const everyPosition = fc.nat(2 ** 23 - 1).map((units) => units * positionUnitBytes);
const everyState = fc.record({ stage: fc.integer({ min: 0, max: 4 }), place: fc.nat(placesMax - 1), position: everyPosition });

test('table: a state word keeps its stage, its place and its position, up to the largest', (t) => {
  fc.assert(
    fc.property(everyState, ({ stage, place, position }) => {
      const state = slotState(stage, place, position);
      return stageOf(state) === stage && placeOf(state) === place && positionOf(state) === position;
    }),
    { examples: [[{ stage: 4, place: 62, position: (2 ** 23 - 1) * 8 }], [{ stage: 0, place: 0, position: 0 }]], numRuns: 1_000 },
  );
  t.pass();
});

test('table: a state word is in the slot as it was put there', (t) => {
  const table = tableOf();
  fc.assert(
    fc.property(everyState, fc.nat(slotsMax - 1), ({ stage, place, position }, slot) => {
      const state = slotState(stage, place, position);
      table.give(slot, state);
      const kept = table.state(slot) === state;
      table.give(slot, 0);
      return kept && table.swap(slot, 0, state) && table.state(slot) === state && table.swap(slot, state, 0);
    }),
  );
  t.pass();
});

test('table: who parks just when an earlier ringing goes on, and takes the mark away, does not stay where nobody wakes it', (t) => {
  const table = tableOf();
  const { waitAsync } = Atomics;
  t.teardown(() => (Atomics.waitAsync = waitAsync));
  // It has rung before, and seen a parked thread, which another has woken since.
  Atomics.waitAsync = ((words: Int32Array, bell: number, seen: number) => {
    Atomics.store(words, bell + parkedOfBox - bellOfBox, 0);
    Atomics.notify(words, bell);
    return waitAsync(words, bell, seen);
  }) as typeof waitAsync;
  t.is(table.park(clientBox, table.bell(clientBox)), null);
  Atomics.waitAsync = waitAsync;
  t.not(table.park(clientBox, table.bell(clientBox)), null);
  t.true(table.ring(clientBox));
});

test('table: of several that claim a slot, from several views of the memory, one gets it', (t) => {
  const memory = createSoloMemory(32, 2)!;
  const users = Array.from({ length: 4 }, () => new SoloTable(memory));
  const queued = slotState(stageQueued, 1, 64);
  for (let slot = 0; slot < 32; slot++) {
    users[0]!.give(slot, queued);
    const got = users.filter((user, i) => user.swap(slot, queued, slotState(i % 2 ? stageRecalled : stageRunning, i, 64)));
    t.is(got.length, 1, `slot ${slot}`);
    t.is(users[3]!.state(slot), slotState(stageRunning, 0, 64));
  }
});

test('table: a slot that has gone on is not swapped by who saw it before', (t) => {
  const table = tableOf(32);
  const before = slotState(stageRunning, 3, 800);
  table.give(5, slotState(stageRunning, 3, 808));
  t.false(table.swap(5, before, slotState(stageRecalled, 3, 800)));
  t.true(table.swap(5, slotState(stageRunning, 3, 808), slotState(stageEnded, 3, 816)));
  t.is(positionOf(table.state(5)), 816);
});

test('table: generations tell the sessions of a slot apart, each slot for itself', (t) => {
  const table = tableOf(32);
  t.is(table.generation(0), 0);
  t.is(table.nextGeneration(0), 1);
  t.is(table.nextGeneration(0), 2);
  t.is(table.nextGeneration(31), 1);
  t.deepEqual([table.generation(0), table.generation(1), table.generation(31)], [2, 0, 1]);
});

test('box: what is posted twice is in it once, the lowest slot first, and draining empties it', (t) => {
  const table = tableOf();
  for (const slot of [1023, 0, 31, 32, 31, 1023]) table.post(2, slot);
  t.deepEqual(drained(table, 2), [0, 31, 32, 1023]);
  t.deepEqual(drained(table, 2), []);
  table.post(2, 31);
  t.deepEqual(drained(table, 2), [31], 'and is filled again');
});

test('box: each has its own slots and its own bell, also those at the ends', (t) => {
  const table = tableOf(sessionsMax, placesMax);
  const boxes = [clientBox, 0, 1, placesMax - 1];
  const bells = boxes.map((box) => table.bell(box));
  for (const [i, box] of boxes.entries()) table.post(box, i);
  for (const [i, box] of boxes.entries()) {
    t.deepEqual(drained(table, box), [i], `box ${box}`);
    t.is(table.bell(box), bells[i]! + 1);
  }
});

test('box: any set of slots arrives, whole and once', (t) => {
  const table = tableOf();
  fc.assert(
    fc.property(fc.array(fc.nat(slotsMax - 1), { maxLength: 200 }), (slots) => {
      for (const slot of slots) table.post(0, slot);
      const expected = [...new Set(slots)].sort((a, b) => a - b);
      return JSON.stringify(drained(table, 0)) === JSON.stringify(expected);
    }),
  );
  t.pass();
});

test('bell: who parks is woken by a post', async (t) => {
  const table = tableOf(32);
  for (const box of [clientBox, 3]) {
    t.false(table.isParked(box));
    const woken = table.park(box, table.bell(box));
    t.truthy(woken);
    t.true(table.isParked(box));
    table.post(box, 7);
    t.false(table.isParked(box), 'who was woken is not parked');
    t.is(await woken, 'ok');
  }
});

test('bell: who parks is woken by a ring without a post, and only by his own', async (t) => {
  const table = tableOf(32);
  const woken = table.park(1, table.bell(1));
  table.ring(0);
  table.ring(clientBox);
  t.true(table.isParked(1));
  table.ring(1);
  t.is(await woken, 'ok');
});

test('bell: who has missed a ring does not park', (t) => {
  const table = tableOf(32);
  const seen = table.bell(0);
  table.post(0, 1);
  t.is(table.park(0, seen), null);
  t.false(table.isParked(0));
});

test('bell: who looks for a while sees each ring that he has missed, and none that is another box’s', (t) => {
  const table = tableOf(32);
  const seen = table.bell(0);
  table.ring(1);
  t.false(table.isRungSoon(0, seen, 100));
  table.ring(0);
  t.true(table.isRungSoon(0, seen, 100));
  t.false(table.isRungSoon(0, table.bell(0), 100));
});

test('watch: a request wakes the node, unless it watches already; one that it has missed keeps it from waiting', async (t) => {
  const table = tableOf(32);
  const seen = table.watchBell;
  const asked = table.awaitWatch(seen);
  t.truthy(asked);
  table.askWatch();
  t.is(await asked, 'ok');
  t.is(table.awaitWatch(seen), null);
  table.setWatching(true);
  const during = table.watchBell;
  table.askWatch();
  t.is(table.watchBell, during);
  table.setWatching(false);
  table.askWatch();
  t.not(table.watchBell, during);
});

test('slabs: each is taken once, is released with its slot, and none is left when all are taken', (t) => {
  const table = tableOf(32);
  const ofFirst = Array.from({ length: 40 }, () => table.takeSlab(0));
  const ofLast = Array.from({ length: 24 }, () => table.takeSlab(31));
  t.is(new Set([...ofFirst, ...ofLast]).size, slabs);
  t.false([...ofFirst, ...ofLast].includes(-1));
  t.is(table.slabsTaken, slabs);
  t.is(table.takeSlab(5), -1);
  table.releaseSlabs(5);
  t.is(table.slabsTaken, slabs, 'it has none');
  table.releaseSlabs(31);
  t.is(table.slabsTaken, 40);
  table.releaseSlabs(31);
  const again = table.takeSlab(5);
  t.true(ofLast.includes(again));
  table.releaseSlabs(0);
  t.is(table.slabsTaken, 1);
});

test('memory: slots, slabs and what stands before them do not overlap, and all lie in it', (t) => {
  for (const executors of [1, placesMax]) {
    const table = tableOf(sessionsMax, executors);
    const starts = [
      ...Array.from({ length: slotsMax }, (_, slot) => table.slotOffset(slot)),
      ...Array.from({ length: slabs }, (_, i) => table.slabOffset(i)),
    ];
    for (const [i, start] of starts.entries()) {
      const size = i < slotsMax ? slotBytes : slabBytes;
      if (start % positionUnitBytes !== 0) t.fail(`${start} is not a multiple of ${positionUnitBytes}`);
      if (start + size > (starts[i + 1] ?? table.bytes.byteLength)) t.fail(`piece ${i} is too long`);
    }
    // What is written into the first and the last piece changes no word of the head.
    table.count(executors - 1, 1, 2, 3, 4);
    table.bytes.fill(255, starts[0]);
    t.deepEqual(table.totals(), { sessions: 1, invocations: 2, objects: 3, objectBytes: 4 });
    t.is(table.state(slotsMax - 1), 0);
    t.is(table.slabsTaken, 0);
  }
});

test('polling: at most so many have leave at a time, and what is given back is given again', (t) => {
  const table = tableOf(32, 8);
  t.true(table.startPolling(clientBox, 2));
  t.true(table.startPolling(0, 2));
  t.false(table.startPolling(1, 2));
  table.stopPolling(1);
  t.false(table.startPolling(1, 2), 'who has none gives none back');
  table.stopPolling(clientBox);
  t.true(table.startPolling(1, 2));
  t.false(table.startPolling(clientBox, 2));
  table.stopPolling(0);
  table.stopPolling(0);
  t.true(table.startPolling(clientBox, 2));
  t.false(table.startPolling(2, 2));
});

test('polling: the leave of a thread that has died is given back, and its place takes nothing', (t) => {
  const table = tableOf(32, 8);
  table.setBusy(7, false);
  t.true(table.startPolling(7, 1));
  t.false(table.startPolling(0, 1));
  table.leave(7);
  t.true(table.isBusy(7));
  t.true(table.startPolling(0, 1));
  table.leave(6);
  t.false(table.startPolling(1, 1), 'of one that had none, none comes back');
});

test('polling: of as many places as there may be, each has leave in its turn, and takes none from the others', (t) => {
  const table = tableOf(32, placesMax);
  for (let place = 0; place < placesMax; place++) t.true(table.startPolling(place, placesMax), `place ${place}`);
  t.false(table.startPolling(clientBox, placesMax));
  table.leave(placesMax - 1);
  t.true(table.startPolling(clientBox, placesMax));
  t.false(table.startPolling(placesMax - 1, placesMax));
});

test('away: counts as parked and is not woken; who has its place after it is neither', (t) => {
  const table = tableOf(32, 2);
  table.setAway(1, true);
  t.true(table.isParked(1));
  t.false(table.ring(1));
  t.true(table.isParked(1));
  t.false(table.isParked(0));
  table.leave(1);
  t.false(table.isParked(1));
});

test('busy: a place takes nothing until its thread says so', (t) => {
  const table = tableOf(32, 3);
  t.deepEqual(
    [0, 1, 2].map((place) => table.isBusy(place)),
    [true, true, true],
  );
  table.setBusy(1, false);
  t.deepEqual(
    [0, 1, 2].map((place) => table.isBusy(place)),
    [true, false, true],
  );
  table.setBusy(1, true);
  t.true(table.isBusy(1));
});

test('closed: says what was last said', (t) => {
  const table = tableOf(32);
  t.false(table.isClosed);
  table.setClosed(true);
  t.true(table.isClosed);
  table.setClosed(false);
  t.false(table.isClosed);
});

test('memory: for fewer than 32 sessions there is none; others are rounded down to 32; a slot more for each four; places are at most 63', (t) => {
  for (const sessions of [0, 1, 31]) t.is(createSoloMemory(sessions, 2), null, `${sessions}`);
  const made = (wanted: number, executors: number) => {
    const { sessions, slots, places } = createSoloMemory(wanted, executors)!;
    return [sessions, slots, places];
  };
  t.deepEqual(made(32, 2), [32, 64, 2]);
  t.deepEqual(made(63, 1), [32, 64, 1]);
  t.deepEqual(made(128, 63), [128, 160, 63]);
  t.deepEqual(made(1_023, 64), [992, 1_248, 63]);
  t.deepEqual(made(5_000, 1_024), [sessionsMax, slotsMax, placesMax]);
});

test('counters: what all places have done, beyond 32 bits', (t) => {
  const table = tableOf(32, placesMax);
  t.deepEqual(table.totals(), { sessions: 0, invocations: 0, objects: 0, objectBytes: 0 });
  table.count(0, 1, 2, 3, 2 ** 40);
  table.count(placesMax - 1, 10, 20, 30, 2 ** 40);
  table.count(0, 1, 0, 0, 1);
  t.deepEqual(table.totals(), { sessions: 12, invocations: 22, objects: 33, objectBytes: 2 ** 41 + 1 });
  for (const box of [clientBox, 0, placesMax - 1]) t.deepEqual(drained(table, box), []);
});

test('table: a run is begun or taken back, not both, and those after it begin again (M5)', (t) => {
  const table = tableOf();
  t.true(table.beginRun(1, 1));
  t.true(table.beginRun(1, 2));
  t.is(table.takeBackRuns(1, 5), 2);
  for (const run of [3, 4, 5]) t.false(table.beginRun(1, run), `${run}`);
  t.is(table.takeBackRuns(1, 5), 5, 'there is nothing left to be taken');
  t.true(table.beginRun(1, 6));
  t.true(table.beginRun(0, 1), 'of another place');
  table.leave(1);
  t.true(table.beginRun(1, 1), 'of the next thread there');
});

test('table: numbers of runs go on beyond what a word holds', (t) => {
  const table = tableOf();
  const last = 2 ** 32 - 2;
  for (let half = 2 ** 31 - 1; half <= last; half += 2 ** 31 - 1) table.takeBackRuns(0, half);
  t.true(table.beginRun(0, last + 1));
  t.true(table.beginRun(0, last + 2));
  t.is(table.takeBackRuns(0, last + 5), last + 2);
  t.true(table.beginRun(0, last + 6));
});

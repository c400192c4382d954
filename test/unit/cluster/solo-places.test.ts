/** To which executor a session is posted (`solo/places.ts`). */
import test from 'ava';
import { Pace, Places, type Posted } from '../../../src/cluster/solo/places.ts';
import { slotState, stageEnded, stageQueued } from '../../../src/storage/solo/slot-state.ts';
import { createSoloMemory } from '../../../src/storage/solo/memory.ts';
import { SoloTable } from '../../../src/storage/solo/table.ts';

const executors = 3;

class World {
  readonly table: SoloTable;
  readonly places: Places;
  readonly pace = new Pace();
  nowMs = 0;
  #slots = 0;

  constructor() {
    this.table = new SoloTable(createSoloMemory(64, executors)!);
    for (let place = 0; place < executors; place++) this.table.setBusy(place, false);
    this.places = new Places(this.table, () => this.nowMs);
  }

  get chosen(): number {
    return this.places.choose(this.pace);
  }

  /** Sessions that took so long have ended. */
  learn(tookMs: number, sessions = 100): void {
    for (let i = 0; i < sessions; i++) this.pace.note(tookMs);
  }

  post(place = this.chosen): Posted {
    const session = { slot: this.#slots++, place };
    this.table.give(session.slot, slotState(stageQueued, place, 0));
    this.places.posted(session);
    return session;
  }

  /** Its executor has ended it; the client has not read it. */
  end({ slot, place }: Posted): void {
    this.table.give(slot, slotState(stageEnded, place, 0));
  }
}

test('P2: of sessions that nobody knows to be short, each goes where least is out', (t) => {
  const world = new World();
  t.deepEqual(
    [world.post(), world.post(), world.post(), world.post()].map(({ place }) => place),
    [0, 1, 2, 0],
  );
  world.table.setBusy(1, true);
  t.is(world.chosen, 2, 'but to none that is busy');
  for (const place of [0, 2]) world.table.setBusy(place, true);
  t.is(world.chosen, -1);
});

test('P2: of those where as much is out, to one that is awake', (t) => {
  const world = new World();
  void world.table.park(0, world.table.bell(0));
  t.is(world.chosen, 1);
  world.post(1);
  t.is(world.chosen, 2);
  world.post(2);
  t.is(world.chosen, 0);
});

test('P1: short ones stay together while their executor keeps up', (t) => {
  const world = new World();
  world.learn(0.01);
  const first = world.post();
  world.nowMs = 0.9;
  t.deepEqual(
    [world.post(), world.post()].map(({ place }) => place),
    [0, 0],
  );
  world.nowMs = 1.1;
  t.is(world.chosen, 1, 'the first is out for too long');
  world.end(first);
  t.is(world.chosen, 0, 'it has ended, though the client has not read it yet');
});

test('P3: the next that is watched is one that is posted after', (t) => {
  const world = new World();
  world.learn(0.01);
  const first = world.post();
  world.end(first);
  world.places.left(first);
  world.nowMs = 5;
  const second = world.post();
  world.nowMs = 5.9;
  t.is(world.chosen, 0);
  world.nowMs = 6.1;
  t.is(world.chosen, 1);
  world.places.left(second);
  t.is(world.chosen, 0, 'it was brought home: nothing of it is waited for');
});

test('P1: an executor that sleeps is not woken for short ones while another is awake', (t) => {
  const world = new World();
  world.learn(0.01);
  for (const place of [0, 1]) void world.table.park(place, world.table.bell(place));
  t.deepEqual(
    [world.post(), world.post(), world.post()].map(({ place }) => place),
    [2, 2, 2],
  );
});

test('P1: what was short and is not any more is spread at once', (t) => {
  const world = new World();
  world.learn(0.01);
  t.true(world.pace.isShort);
  world.learn(5, 1);
  t.false(world.pace.isShort);
  world.learn(0.01, 20);
  t.false(world.pace.isShort, 'until many were short again');
  world.learn(0.01, 100);
  t.true(world.pace.isShort);
  world.pace.noteLong();
  t.false(world.pace.isShort, 'also when one was brought home');
  world.pace.noteLong();
  world.learn(0.01, 100);
  t.true(world.pace.isShort);
});

test('P4: where all are busy short ones go to one that runs what the scheduler gave it and is awake, others nowhere', (t) => {
  const world = new World();
  for (const place of [0, 1, 2]) world.table.setBusy(place, true);
  for (const place of [1, 2]) world.table.setAtWork(place);
  t.is(world.chosen, -1, 'it may be long');
  world.learn(0.01);
  t.is(world.chosen, 1);
  world.post(1);
  t.is(world.chosen, 2, 'where least is out');
  world.table.setAway(2, true);
  t.is(world.chosen, 1, 'not where a function waits for something');
  world.table.endAtWork(1);
  t.is(world.chosen, -1, 'nor where one has taken too long');
  world.table.setBusy(0, false);
  t.is(world.chosen, 0);
});

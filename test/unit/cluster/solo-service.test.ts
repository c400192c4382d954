/** How the node brings sessions home (`node/solo-service.ts`). What becomes of them there: `integration/runtime/solo`, and the simulation. */
import test from 'ava';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { SoloService } from '../../../src/cluster/node/solo-service.ts';
import { writeFields } from '../../../src/storage/solo/journal.ts';
import { slotState, stageEnded, stageQueued, stageRecalled, stageRunning } from '../../../src/storage/solo/slot-state.ts';
import { createSoloMemory } from '../../../src/storage/solo/memory.ts';
import { SoloTable } from '../../../src/storage/solo/table.ts';

const slot = 3;
const owner = 'client:local';

/** A node's service with a session in each of these slots, and what it tells; a message to itself is handled after all others. */
function driven(stage: number, slots: readonly number[] = [slot]) {
  const memory = createSoloMemory(32, 1);
  if (!memory) throw new Error('no memory');
  const table = new SoloTable(memory);
  for (const one of slots) {
    table.nextGeneration(one);
    writeFields(table, one, { install: 1, openedMs: 1, maker: 1, counter: 1 });
    table.give(one, slotState(stage, 0, 0));
  }
  const generation = table.generation(slot);
  const told: string[] = [];
  const service = new SoloService({
    table,
    timers: { setTimeout: () => null, clearTimeout: () => undefined },
    keeper: owner,
    clientOf: () => owner,
    executorAt: () => 0,
    deliver(to, message: Message) {
      if (to === 'solo') service.take(message);
      else told.push(`${to} ${message.kind}`);
    },
  });
  return {
    table,
    service,
    told,
    recall: () => service.take({ kind: 'recallSolo', owner, request: 1, slots: [{ slot, generation }] }),
    handedOver: () => service.take({ kind: 'soloHandedOver', slot, generation }),
  };
}

const home = ['scheduler adoptSession', `${owner} requestDone`];

test('a session that waits or runs is brought home before its recall is answered', (t) => {
  const { told, recall } = driven(stageQueued);
  recall();
  t.deepEqual(told, home);
});

test('so is one that its executor has handed over, whose message has not come yet; once', (t) => {
  const { told, recall, handedOver } = driven(stageRecalled);
  recall();
  handedOver();
  recall();
  t.deepEqual(told, [...home, `${owner} requestDone`]);
});

test('one that has ended stays where it is', (t) => {
  const { told, recall } = driven(stageEnded);
  recall();
  t.deepEqual(told, [`${owner} requestDone`]);
});

/** How many it has brought home after each look. */
function looks({ service, told }: ReturnType<typeof driven>, times: number): number[] {
  return Array.from({ length: times }, () => {
    service.look();
    return told.filter((what) => what === 'scheduler adoptSession').length;
  });
}

test('V1: one whose function lets its thread go on comes home after 3 looks, one whose thread does not listen after 10', (t) => {
  const waiting = driven(stageRunning, [0]);
  waiting.table.setAway(0, true);
  t.deepEqual(looks(waiting, 4), [0, 0, 0, 1]);
  const blocking = driven(stageRunning, [0]);
  t.deepEqual(looks(blocking, 11), [...Array<number>(10).fill(0), 1]);
});

test('V1: of those that wait one comes home at first, and twice as many in each look; none while their executor begins others', (t) => {
  const queued = driven(
    stageQueued,
    Array.from({ length: 20 }, (_, i) => i),
  );
  for (let i = 0; i < 30; i++) {
    queued.table.beat(0);
    t.deepEqual(looks(queued, 1), [0]);
  }
  t.deepEqual(looks(queued, 14).slice(8), [0, 1, 3, 7, 15, 20]);
});

test('V4: where what waits has waited too long behind what the scheduler gave its executor, nothing more is posted', (t) => {
  const queued = driven(stageQueued, [0]);
  queued.table.setAtWork(0);
  looks(queued, 10);
  t.true(queued.table.isAtWork(0));
  looks(queued, 1);
  t.false(queued.table.isAtWork(0));
  t.true(queued.table.isBusy(0));
});

test('V4: an executor that was only put aside is not taken for one that is blocked', (t) => {
  const queued = driven(stageQueued, [0]);
  queued.table.setBusy(0, false);
  t.deepEqual(looks(queued, 11).at(-1), 1);
  t.false(queued.table.isBusy(0));
});

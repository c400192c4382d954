/** How the node brings sessions home (`node/solo-service.ts`). What becomes of them there: `integration/runtime/solo`, and the simulation. */
import test from 'ava';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { SoloService } from '../../../src/cluster/node/solo-service.ts';
import { writeFields } from '../../../src/storage/solo/journal.ts';
import { slotState, stageEnded, stageQueued, stageRecalled } from '../../../src/storage/solo/slot-state.ts';
import { createSoloMemory, SoloTable } from '../../../src/storage/solo/table.ts';

const slot = 3;
const owner = 'client:local';

/** A node's service with one session, and what it tells; a message to itself is handled after all others. */
function driven(stage: number): { readonly told: string[]; readonly recall: () => void; readonly handedOver: () => void } {
  const memory = createSoloMemory(32, 1);
  if (!memory) throw new Error('no memory');
  const table = new SoloTable(memory);
  const generation = table.nextGeneration(slot);
  writeFields(table, slot, { install: 1, openedMs: 1, maker: 1, counter: 1 });
  table.give(slot, slotState(stage, 0, 0));
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

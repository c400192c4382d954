/** How a thread listens (`solo/doorbell.ts`): `post` tells whether it had parked. */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { Doorbell, type DoorbellOptions } from '../../../src/cluster/solo/doorbell.ts';
import { clientBox, createSoloMemory } from '../../../src/storage/solo/memory.ts';
import { SoloTable } from '../../../src/storage/solo/table.ts';

const slot = 3;
/** Longer than anyone polls. */
const patienceMs = 100;
/** Who is younger says nothing. */
const youngMs = 200;

function listening(more: Partial<DoorbellOptions> = {}) {
  const memory = createSoloMemory(32, 1);
  if (!memory) throw new Error('no memory');
  const table = new SoloTable(memory);
  const heard: number[] = [];
  const doorbell = new Doorbell({
    table,
    box: clientBox,
    answer: () => table.drain(clientBox, (posted) => heard.push(posted)),
    isWanted: () => true,
    ...more,
  });
  doorbell.attend();
  return { post: () => table.post(clientBox, slot), heard, doorbell, table };
}

for (const [who, more] of [
  ['who has nothing else to do', {}],
  ['who shares its turns with others', { sharesTurns: true }],
] as const) {
  test.serial(`${who} parks when nothing comes for a while, and hears what comes then`, async (t) => {
    const { post, heard, doorbell } = listening(more);
    await sleep(patienceMs);
    t.true(post());
    await sleep(patienceMs);
    t.deepEqual(heard, [slot]);
    t.true(post());
    doorbell.stop();
  });
}

test.serial('D5: who was woken within its patience polls for so long the next time, and after a longer wait no more', async (t) => {
  const { post, heard, doorbell } = listening({ patienceMs: 5 * patienceMs });
  await sleep(patienceMs);
  t.true(post(), 'it had parked');
  await sleep(patienceMs);
  t.false(post(), 'it polls');
  await sleep(6 * patienceMs + patienceMs);
  t.true(post(), 'it has parked again');
  await sleep(patienceMs);
  t.true(post(), 'it was woken late');
  await sleep(patienceMs);
  t.is(heard.length, 4);
  doorbell.stop();
});

test.serial('D4: who is not free counts as parked, is not woken, and hears when it is free again what came meanwhile', async (t) => {
  let isFree = false;
  const { post, heard, doorbell, table } = listening({ isFree: () => isFree });
  await sleep(patienceMs);
  t.true(table.isParked(clientBox));
  t.false(post());
  t.true(table.isParked(clientBox), 'also for who comes next');
  await sleep(patienceMs);
  t.deepEqual(heard, []);
  isFree = true;
  doorbell.attend();
  t.false(table.isParked(clientBox));
  await sleep(patienceMs);
  t.deepEqual(heard, [slot]);
  t.true(post(), 'it had parked');
  doorbell.stop();
});

const onLinux = process.platform === 'linux' ? test.serial : test.serial.skip;

onLinux('D6: who waits says on which processor, until it parks', async (t) => {
  const { doorbell, table } = listening();
  await sleep(youngMs + patienceMs);
  t.is(table.processor(clientBox), -1);
  doorbell.attend();
  const giveUpMs = performance.now() + 10_000;
  while (table.processor(clientBox) === -1 && performance.now() < giveUpMs) await turn();
  t.true(table.processor(clientBox) >= 0);
  await sleep(patienceMs);
  t.is(table.processor(clientBox), -1);
  doorbell.stop();
});

test.serial('who goes on with something in its next turn does not park', async (t) => {
  const { post, heard, doorbell } = listening({ isTurnAwaited: () => true });
  await sleep(patienceMs);
  t.false(post());
  await sleep(patienceMs);
  t.deepEqual(heard, [slot]);
  doorbell.stop();
});

test.serial('who shares its turns leaves the event loop its turns while it polls', async (t) => {
  let turns = 0;
  const count = () => {
    turns++;
    if (turns < 5) setImmediate(count);
  };
  setImmediate(count);
  let looks = 0;
  const { doorbell } = listening({ sharesTurns: true, isWanted: () => ++looks > 0 });
  while (turns < 5) await new Promise((resolve) => setImmediate(resolve));
  t.true(looks <= 7, `${looks} looks in 5 turns`);
  doorbell.stop();
});

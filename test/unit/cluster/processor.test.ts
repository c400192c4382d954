/** Executors that run at a time keep to processors of their own. This thread plays one of them. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { OwnProcessor } from '../../../src/cluster/executors/processor.ts';
import { loadLibc } from '../../../src/storage/libc.ts';
import { clientBox, createSoloMemory } from '../../../src/storage/solo/memory.ts';
import { SoloTable } from '../../../src/storage/solo/table.ts';

const here = 0;
const canMove = process.platform === 'linux' && availableParallelism() > 1;
const testHere = canMove ? test.serial : test.serial.skip;

function tableOf(executors: number): SoloTable {
  const memory = createSoloMemory(32, executors);
  if (!memory) throw new Error('no memory');
  return new SoloTable(memory);
}

/** Where this thread may run. */
function allowed(): string | undefined {
  return /^Cpus_allowed:\s*(\S+)$/m.exec(readFileSync('/proc/thread-self/status', 'utf8'))?.[1];
}

testHere(
  'processor: A1, A2, A3: it leaves one that another is at work on, may run where it might, and says where it is for a turn',
  async (t) => {
    const table = tableOf(2);
    const own = new OwnProcessor(table, here);
    const before = allowed();
    for (let i = 0; i < 5; i++) {
      table.setProcessor(1, loadLibc().processor());
      own.note();
      t.not(table.processor(here), -1);
      t.not(table.processor(here), table.processor(1));
      t.is(allowed(), before);
      await turn();
      t.is(table.processor(here), -1);
      // Not sooner again.
      await sleep(5);
    }
  },
);

testHere('processor: A2: also an only executor leaves that on which the client polls, when it is asked now and then', async (t) => {
  const table = tableOf(1);
  const own = new OwnProcessor(table, here);
  table.setProcessor(clientBox, loadLibc().processor());
  own.noteNowAndThen();
  t.not(table.processor(here), -1);
  t.not(table.processor(here), table.processor(clientBox));
  await turn();
  t.is(table.processor(here), -1);
});

testHere('processor: A2: it stays where it is if there are more at work than processors', (t) => {
  const table = tableOf(availableParallelism() + 1);
  for (let place = 1; place <= availableParallelism(); place++) table.setProcessor(place, loadLibc().processor());
  const movedBefore = table.processor(1);
  new OwnProcessor(table, here).note();
  // Unless the system has moved it meanwhile.
  if (loadLibc().processor() === movedBefore) t.is(table.processor(here), movedBefore);
  else t.pass();
});

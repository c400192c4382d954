/** Who asks for an object when another has its place (T10), and peers that go while it may still be sent (T1: `transfer/object-sender.ts`). */
import test from 'ava';
import { TransferFailed } from '../../../src/cluster/transfer/object-fetcher.ts';
import { pieceBytes } from '../../../src/cluster/transfer/object-sender.ts';
import type { Ref } from '../../../src/storage/object.ts';
import { TransferDriver, turn } from './transfer-driver.ts';

/** The code of what a fetch is rejected with. */
async function codeOf(fetch: Promise<Ref>): Promise<string> {
  return fetch.then(
    () => 'none',
    (error: unknown) => (error instanceof TransferFailed ? error.data.code : String(error)),
  );
}

test('transfer: an object whose place is another’s is refused, though that one has its size; who asks for that one gets it', async (t) => {
  const driver = new TransferDriver();
  const late = driver.put(64, 100);
  driver.source.release(64);
  const current = driver.put(64, 100);
  const code = codeOf(driver.fetcher.fetch(late, false));
  const fetching = driver.fetcher.fetch(current, false);
  await driver.carry();
  t.is(await code, 'InputsLost');
  t.is((await fetching).sizeBytes, 100);
  t.is(driver.asked.length, 2, 'T4: they share no transfer');
  t.is(driver.source.holds.get(64), 1);
});

test('transfer: one that waits for its turn is refused if its place is another’s by then', async (t) => {
  const driver = new TransferDriver();
  driver.way.roomMax = 1;
  for (let offset = 1; offset <= 4; offset++) void driver.fetcher.fetch(driver.put(offset, 2 * pieceBytes), false);
  const code = codeOf(driver.fetcher.fetch(driver.put(64, 100), false));
  await turn();
  driver.source.release(64);
  driver.put(64, 100);
  await driver.carry();
  t.is(await code, 'InputsLost');
});

test('transfer: T1: a peer that goes: what may still be sent is held, what waited for its turn is not', async (t) => {
  const driver = new TransferDriver();
  driver.way.roomMax = 1;
  driver.way.isLending = true;
  const sizeBytes = 2 * pieceBytes;
  for (let offset = 1; offset <= 6; offset++) driver.put(offset, sizeBytes);
  for (let offset = 1; offset <= 6; offset++)
    driver.sender.take({ kind: 'fetchObject', owner: 'imports@w1', request: offset, incarnation: 1, offset, serial: 1, sizeBytes });
  await turn();
  driver.way.die();
  await turn();
  // There was room for one piece, of the first.
  t.deepEqual([...driver.source.holds.values()], [2, 1, 1, 1, 1, 1]);
  t.is(driver.sender.holding, 1);
  let isReleased = false;
  const released = driver.sender.released().then(() => (isReleased = true));
  await turn();
  t.false(isReleased);
  driver.way.giveBack();
  await released;
  t.deepEqual([...driver.source.holds.values()], [1, 1, 1, 1, 1, 1]);
});

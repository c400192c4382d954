/** How objects come from one node to another: `transfer/object-sender.ts` and `transfer/object-fetcher.ts` against each other. */
import test from 'ava';
import fc from 'fast-check';
import { errorData } from '../../../src/actors/protocol/error.ts';
import { TransferFailed } from '../../../src/cluster/transfer/object-fetcher.ts';
import { pieceBytes } from '../../../src/cluster/transfer/object-sender.ts';
import type { Ref } from '../../../src/storage/object.ts';
import { contentOf, silenceMs, TestWay, TransferDriver, turn } from './transfer-driver.ts';

const far = (offset: number, sizeBytes: number, node = 'w2', incarnation = 1): Ref => ({
  encoding: 1,
  sizeBytes,
  inline: null,
  offset: -1,
  remote: { node, incarnation, offset, serial: 1 },
});

/** The code of what a fetch is rejected with. */
async function codeOf(fetch: Promise<Ref>): Promise<string> {
  return fetch.then(
    () => 'none',
    (error: unknown) => (error instanceof TransferFailed ? error.data.code : String(error)),
  );
}

/** `deepEqual` takes seconds for so many bytes. */
function isAs(got: Uint8Array | undefined, expected: Uint8Array): boolean {
  return got !== undefined && Buffer.compare(got, expected) === 0;
}

test('transfer: an object comes whole, in pieces, and is held once by who asked for it', async (t) => {
  for (const sizeBytes of [1, pieceBytes - 1, pieceBytes, pieceBytes + 1, 3 * pieceBytes + 17]) {
    const driver = new TransferDriver();
    const fetching = driver.fetcher.fetch(driver.put(640, sizeBytes), false);
    await turn();
    t.is(driver.way.load, Math.ceil(sizeBytes / pieceBytes));
    await driver.carry();
    t.deepEqual(await fetching, { encoding: 1, sizeBytes, inline: null, offset: 0 });
    t.like(driver.landings, [{ holders: 1, isDiscarded: false }]);
    t.true(isAs(driver.landings[0]?.bytes, contentOf(640, sizeBytes)));
    t.is(driver.source.holds.get(640), 1);
    t.is(driver.timers.pending, 0);
    t.deepEqual(driver.fetcher.totals, { objects: 1, bytes: sizeBytes });
  }
});

test('transfer: an object of no bytes needs no message', async (t) => {
  const driver = new TransferDriver();
  const ref = await driver.fetcher.fetch(far(64, 0), false);
  t.deepEqual(ref, { encoding: 1, sizeBytes: 0, inline: null, offset: 0 });
  t.deepEqual(driver.asked, []);
  t.like(driver.landings, [{ holders: 1 }]);
  t.is(driver.timers.pending, 0);
});

test('transfer: T1: what is being sent is held until the peer has its last piece, however long that takes', async (t) => {
  const driver = new TransferDriver();
  driver.way.roomMax = 2;
  const fetching = driver.fetcher.fetch(driver.put(64, 5 * pieceBytes), false);
  await turn();
  t.is(driver.way.load, 2);
  // Whoever had it lets go of it.
  driver.source.release(64);
  t.is(driver.source.holds.get(64), 1);
  driver.way.carry();
  await turn();
  t.is(driver.way.load, 2);
  t.is(driver.source.holds.get(64), 1);
  driver.way.carry();
  await turn();
  t.is(driver.way.load, 1);
  t.is(driver.source.holds.get(64), 1);
  await driver.carry();
  await fetching;
  t.is(driver.source.holds.get(64), 0);
  t.true(isAs(driver.landings[0]?.bytes, contentOf(64, 5 * pieceBytes)));
});

test('transfer: T1: each piece is flushed', async (t) => {
  const driver = new TransferDriver();
  const fetching = driver.fetcher.fetch(driver.put(64, 3 * pieceBytes), false);
  await driver.carry();
  await fetching;
  t.is(driver.way.flushed, 3);
});

test('transfer: what a former process of the name had is refused, though another object lies there now', async (t) => {
  const driver = new TransferDriver();
  driver.put(640, 10);
  const former = codeOf(driver.fetcher.fetch(far(640, 10, 'w2', 2), false));
  const own = codeOf(driver.fetcher.fetch(far(640, 10, 'w1', 2), false));
  const current = driver.fetcher.fetch(far(640, 10), false);
  await driver.carry();
  t.deepEqual([await former, await own], ['InputsLost', 'InputsLost']);
  t.deepEqual(
    driver.asked.map(({ to }) => to),
    ['objects@w2', 'objects@w2'],
  );
  t.is((await current).sizeBytes, 10);
  t.is(driver.source.holds.get(640), 1);
});

test('transfer: T2: four are under way to a node, and the others have their turn in the order of asking', async (t) => {
  const driver = new TransferDriver();
  driver.way.roomMax = 1;
  const done: number[] = [];
  for (let offset = 1; offset <= 7; offset++)
    void driver.fetcher.fetch(driver.put(offset, 2 * pieceBytes), false).then(() => done.push(offset));
  await turn();
  const held = () => [...driver.source.holds].flatMap(([offset, holds]) => (holds > 1 ? [offset] : []));
  t.deepEqual(held(), [1, 2, 3, 4]);
  await driver.carry();
  t.deepEqual(held(), []);
  t.deepEqual(done, [1, 2, 3, 4, 5, 6, 7]);
});

test('transfer: T2: more than so many that wait are refused, and can be asked for again', async (t) => {
  const driver = new TransferDriver();
  driver.way.roomMax = 0;
  const first = driver.put(1, 10);
  for (let request = 1; request <= 10_004; request++)
    driver.sender.take({ kind: 'fetchObject', owner: 'imports@w1', request, incarnation: 1, offset: 1, serial: 1, sizeBytes: 10 });
  t.is(driver.way.load, 0);
  const refused = codeOf(driver.fetcher.fetch(first, false));
  await turn();
  t.is(driver.way.load, 1);
  driver.way.carry();
  t.is(await refused, 'Overloaded');
  t.true(driver.landings[0]?.isDiscarded);
});

test('transfer: T3: a peer that does not read holds up only what is for it', async (t) => {
  const driver = new TransferDriver();
  driver.way.roomMax = 0;
  const got: number[] = [];
  const other = new TestWay((message) => message.kind === 'objectPiece' && got.push(message.bytes.byteLength));
  driver.ways.set('w3', other);
  driver.put(1, 2 * pieceBytes);
  for (let request = 1; request <= 8; request++)
    driver.sender.take({
      kind: 'fetchObject',
      owner: 'imports@w1',
      request,
      incarnation: 1,
      offset: 1,
      serial: 1,
      sizeBytes: 2 * pieceBytes,
    });
  driver.sender.take({
    kind: 'fetchObject',
    owner: 'imports@w3',
    request: 1,
    incarnation: 1,
    offset: 1,
    serial: 1,
    sizeBytes: 2 * pieceBytes,
  });
  await turn();
  other.carry();
  t.deepEqual(got, [pieceBytes, pieceBytes]);
  t.is(driver.way.load, 0);
});

test('transfer: a peer that goes while it is sent to: what was held for it is let go of, and others have their turn', async (t) => {
  const driver = new TransferDriver();
  driver.way.roomMax = 1;
  for (let offset = 1; offset <= 6; offset++) driver.put(offset, 2 * pieceBytes);
  for (let offset = 1; offset <= 6; offset++)
    driver.sender.take({
      kind: 'fetchObject',
      owner: 'imports@w1',
      request: offset,
      incarnation: 1,
      offset,
      serial: 1,
      sizeBytes: 2 * pieceBytes,
    });
  await turn();
  driver.way.die();
  await turn();
  t.deepEqual([...driver.source.holds.values()], [1, 1, 1, 1, 1, 1]);
});

test('transfer: whom there is no way to gets nothing, and nothing is held for him', async (t) => {
  const driver = new TransferDriver();
  driver.put(1, 10);
  driver.sender.take({ kind: 'fetchObject', owner: 'imports@nobody', request: 1, incarnation: 1, offset: 1, serial: 1, sizeBytes: 10 });
  await turn();
  t.is(driver.source.holds.get(1), 1);
});

test('transfer: an object that is not there any more, or has another size, is refused, and its place is given back', async (t) => {
  const driver = new TransferDriver();
  driver.put(64, 100);
  for (const ref of [far(128, 100), far(64, 99)]) {
    const fetching = driver.fetcher.fetch(ref, false);
    await driver.carry();
    const { data } = await t.throwsAsync<TransferFailed>(fetching, { instanceOf: TransferFailed });
    t.like(data, { code: 'InputsLost', detail: { offset: ref.remote?.offset, sizeBytes: ref.sizeBytes } });
  }
  t.like(driver.landings, [
    { holders: null, isDiscarded: true },
    { holders: null, isDiscarded: true },
  ]);
  t.is(driver.timers.pending, 0);
});

test('transfer: T4: whoever asks for an object that is coming waits for the same transfer, and each holds it once', async (t) => {
  const driver = new TransferDriver();
  const ref = driver.put(64, 2 * pieceBytes);
  const fetching = [driver.fetcher.fetch(ref, false), driver.fetcher.fetch({ ...ref }, true)];
  await turn();
  driver.way.carry(1);
  fetching.push(driver.fetcher.fetch(ref, false));
  await driver.carry();
  t.deepEqual(
    (await Promise.all(fetching)).map(({ offset }) => offset),
    [0, 0, 0],
  );
  t.is(driver.asked.length, 1);
  t.like(driver.landings, [{ holders: 3 }]);
  const again = driver.fetcher.fetch(ref, false);
  await driver.carry();
  t.is((await again).offset, 64, 'what has come is not known here any more');
  t.like(driver.landings, [{ holders: 3 }, { holders: 1 }]);
});

test('transfer: T4: objects of other places, or other nodes, are others', async (t) => {
  const driver = new TransferDriver();
  void driver.fetcher.fetch(driver.put(64, 10), false);
  void driver.fetcher.fetch(driver.put(128, 10), false);
  driver.fetcher.fetch(far(64, 10, 'w3'), false).catch(() => undefined);
  await turn();
  t.deepEqual(
    driver.asked.map(({ to }) => to),
    ['objects@w2', 'objects@w2', 'objects@w3'],
  );
});

test('transfer: T4: also who asks at the very moment at which it has come holds it', async (t) => {
  for (let hops = 0; hops < 12; hops++) {
    const driver = new TransferDriver();
    const ref = driver.put(64, 10);
    const fetching = [driver.fetcher.fetch(ref, false)];
    await turn();
    driver.way.carry();
    for (let hop = 0; hop < hops; hop++) await Promise.resolve();
    fetching.push(driver.fetcher.fetch(ref, false));
    await driver.carry();
    const refs = await Promise.all(fetching);
    for (const [number, { holders }] of driver.landings.entries())
      t.is(holders, refs.filter(({ offset }) => offset === number * 64).length, `after ${hops} hops`);
  }
});

test('transfer: T4: who shares a transfer that fails fails with it, and the next one is another', async (t) => {
  const driver = new TransferDriver();
  const ref = far(64, 10);
  const codes = [codeOf(driver.fetcher.fetch(ref, false)), codeOf(driver.fetcher.fetch(ref, false))];
  await driver.carry();
  t.deepEqual(await Promise.all(codes), ['InputsLost', 'InputsLost']);
  driver.put(64, 10);
  const again = driver.fetcher.fetch(ref, false);
  await driver.carry();
  await t.notThrowsAsync(again);
});

test('transfer: T5: one of which nothing comes any more fails, and not before silenceMs', async (t) => {
  const driver = new TransferDriver();
  driver.way.roomMax = 0;
  const code = codeOf(driver.fetcher.fetch(driver.put(64, 2 * pieceBytes), false));
  let settled: string | null = null;
  void code.then((text) => (settled = text));
  await turn();
  driver.timers.advance(silenceMs - 1);
  await turn();
  t.is(settled, null);
  driver.timers.advance(1);
  t.is(await code, 'InputsLost');
  t.true(driver.landings[0]?.isDiscarded);
  t.is(driver.timers.pending, 0);
});

test('transfer: T5: one that is slow goes on, as long as something comes', async (t) => {
  const driver = new TransferDriver();
  driver.way.roomMax = 1;
  const fetching = driver.fetcher.fetch(driver.put(64, 6 * pieceBytes), false);
  for (let i = 0; i < 6; i++) {
    await turn();
    driver.timers.advance(silenceMs * 0.9);
    driver.way.carry();
  }
  t.is((await fetching).sizeBytes, 6 * pieceBytes);
  t.is(driver.timers.pending, 0);
});

test('transfer: T5: one that stops half way fails, and what comes of it later is for nobody', async (t) => {
  const driver = new TransferDriver();
  driver.way.roomMax = 1;
  const code = codeOf(driver.fetcher.fetch(driver.put(64, 3 * pieceBytes), false));
  await turn();
  driver.way.carry();
  await turn();
  driver.timers.advance(3 * silenceMs);
  t.is(await code, 'InputsLost');
  await driver.carry();
  t.is(driver.landings.length, 1);
  t.is(driver.landings[0]?.bytes[pieceBytes], 0, 'its place may be another’s');
});

test('transfer: T5: the node is gone: what came from it fails, what comes from others does not', async (t) => {
  const driver = new TransferDriver();
  const lost = codeOf(driver.fetcher.fetch(far(64, 10, 'w3'), false));
  const fetching = driver.fetcher.fetch(driver.put(64, 10), false);
  await turn();
  driver.fetcher.take({ kind: 'nodeGone', node: 'w3' });
  t.is(await lost, 'InputsLost');
  await driver.carry();
  t.is((await fetching).sizeBytes, 10);
});

test('transfer: closing ends all that is under way, with what it is told', async (t) => {
  const driver = new TransferDriver();
  const codes = [codeOf(driver.fetcher.fetch(far(1, 10, 'w3'), false)), codeOf(driver.fetcher.fetch(far(2, 10, 'w3'), false))];
  await turn();
  driver.fetcher.close(errorData('RuntimeClosed', 'it is stopping'));
  t.deepEqual(await Promise.all(codes), ['RuntimeClosed', 'RuntimeClosed']);
  t.is(driver.timers.pending, 0);
  t.true(driver.landings.every(({ isDiscarded }) => isDiscarded));
});

test('transfer: what there is no room for is not asked for', async (t) => {
  const driver = new TransferDriver();
  driver.isFull = true;
  const code = codeOf(driver.fetcher.fetch(driver.put(64, 10), true));
  await turn();
  t.deepEqual(driver.asked, []);
  driver.allocate(false);
  t.is(await code, 'StoreFull');
  t.deepEqual(driver.asked, []);
  const fetching = driver.fetcher.fetch(far(64, 10), true);
  await driver.carry();
  await fetching;
  t.like(driver.landings, [{ isNew: true, sizeBytes: 10 }]);
});

test('transfer: pieces that are not the next ones, or too long, change nothing', async (t) => {
  const driver = new TransferDriver();
  driver.way.roomMax = 0;
  const fetching = driver.fetcher.fetch(driver.put(64, 10), false);
  await turn();
  const piece = (at: number, length: number, request = 1) =>
    driver.fetcher.take({ kind: 'objectPiece', request, at, bytes: new Uint8Array(length).fill(9) });
  piece(4, 6);
  piece(0, 11);
  piece(0, 10, 2);
  t.deepEqual(driver.landings[0]?.bytes, new Uint8Array(10));
  piece(0, 4);
  piece(0, 4);
  piece(4, 6);
  piece(4, 6);
  t.is((await fetching).sizeBytes, 10);
  t.like(driver.landings, [{ holders: 1 }]);
});

test('transfer: whatever is asked for in whatever order, over a way with whatever room, comes as it is', async (t) => {
  const asks = fc.array(fc.record({ offset: fc.integer({ min: 1, max: 6 }), room: fc.nat(3), carry: fc.nat(4) }), { maxLength: 30 });
  const sizes = [0, 1, 1_000, pieceBytes, pieceBytes + 1, 2 * pieceBytes + 5];
  await fc.assert(
    fc.asyncProperty(asks, async (moves) => {
      const driver = new TransferDriver();
      const refs = sizes.map((sizeBytes, i) => driver.put(i + 1, sizeBytes));
      const fetching: Promise<Ref>[] = [];
      for (const { offset, room, carry } of moves) {
        driver.way.roomMax = room;
        fetching.push(driver.fetcher.fetch(refs[offset - 1] as Ref, false));
        await Promise.resolve();
        driver.way.carry(carry);
        if (carry === 0) await turn();
      }
      driver.way.roomMax = 2;
      driver.way.carry(0);
      await driver.carry();
      const got = await Promise.all(fetching);
      for (const [number, landing] of driver.landings.entries()) {
        const mine = got.flatMap(({ offset }, i) => (offset === number * 64 ? [moves[i]?.offset ?? 0] : []));
        if (landing.holders !== mine.length) throw new Error(`${mine.length} hold what counts ${landing.holders} holders`);
        if (!mine.every((offset) => Buffer.compare(landing.bytes, contentOf(offset, landing.sizeBytes)) === 0)) throw new Error('torn');
      }
      if ([...driver.source.holds.values()].some((holds) => holds !== 1)) throw new Error('something is still held');
      if (driver.timers.pending > 0) throw new Error('a timer runs');
    }),
    { numRuns: 50 },
  );
  t.pass();
});

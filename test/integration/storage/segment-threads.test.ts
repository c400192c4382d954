import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import test from 'ava';
import { ObjectStore, poisonByte } from '../../../src/storage/object-store.ts';
import type { SegmentHandle } from '../../../src/storage/segment.ts';
import { createSegment, openSegment } from '../../../src/storage/segment.ts';
import { decodeValue, encodeValue } from '../../../src/storage/value.ts';
import { startThread } from './segment-thread.ts';

/** Opens the segment; then does what it is told, and answers. */
const thread = `
  import { parentPort, workerData } from 'node:worker_threads';
  import { openSegment } from 'storage/segment.ts';
  import { decodeValue } from 'storage/value.ts';
  const segment = openSegment(workerData);
  parentPort.on('message', ({ kind, offset, sizeBytes, encoding }) => {
    const bytes = segment.bytes.subarray(offset, offset + sizeBytes);
    if (kind === 'read') parentPort.postMessage([...bytes]);
    if (kind === 'decode') parentPort.postMessage(structuredClone(decodeValue(encoding, bytes)));
    if (kind === 'write') { bytes.fill(42); parentPort.postMessage('written'); }
  });
`;

async function ask(worker: Worker, question: object): Promise<unknown> {
  worker.postMessage(question);
  const [answer] = (await once(worker, 'message')) as [unknown];
  return answer;
}

for (const mapped of [true, false]) {
  const name = mapped ? 'mapped' : 'shared array buffer';

  test(`segment: ${name}: two threads see the same bytes, in both directions`, async (t) => {
    const segment = createSegment({ sizeBytes: 2 ** 20, mapped });
    t.is(segment.handle.kind, mapped ? 'mapped' : 'shared', segment.fallbackReason ?? '');
    const worker = await startThread(thread, segment.handle);
    segment.bytes.set([1, 2, 3], 64);
    t.deepEqual(await ask(worker, { kind: 'read', offset: 64, sizeBytes: 3 }), [1, 2, 3]);
    segment.bytes.set([4], 64);
    t.deepEqual(await ask(worker, { kind: 'read', offset: 64, sizeBytes: 3 }), [4, 2, 3], 'the same memory, not a copy of it');
    await ask(worker, { kind: 'write', offset: 128, sizeBytes: 2 });
    t.deepEqual([...segment.bytes.subarray(127, 131)], [0, 42, 42, 0]);
    await worker.terminate();
    t.is(segment.bytes[128], 42, 'the thread’s end takes nothing with it');
    segment.close();
  });

  test(`segment: ${name}: values are decoded in another thread where they lie`, async (t) => {
    const segment = createSegment({ sizeBytes: 2 ** 20, mapped });
    const worker = await startThread(thread, segment.handle);
    const value = { text: 'é'.repeat(500), numbers: new Float64Array([1.5, -0]), big: 2n ** 70n, map: new Map([['k', [undefined]]]) };
    const { encoding, bytes } = encodeValue(value);
    segment.bytes.set(bytes, 4096);
    const back = await ask(worker, { kind: 'decode', offset: 4096, sizeBytes: bytes.length, encoding });
    t.deepEqual(back, value);
    t.deepEqual(decodeValue(encoding, segment.bytes.subarray(4096, 4096 + bytes.length)), value);
    await worker.terminate();
    segment.close();
  });
}

test('object store: a late reader in another thread sees poison', async (t) => {
  const segment = createSegment({ sizeBytes: 2 ** 20 });
  const store = new ObjectStore({ segment, poison: true });
  const worker = await startThread(thread, segment.handle);
  const offset = store.allocate('thread:1', 5, 'running');
  await ask(worker, { kind: 'write', offset, sizeBytes: 5 });
  store.adopt(offset);
  t.deepEqual(await ask(worker, { kind: 'read', offset, sizeBytes: 5 }), [42, 42, 42, 42, 42]);
  store.release(offset);
  t.deepEqual(
    await ask(worker, { kind: 'read', offset, sizeBytes: 5 }),
    Array.from({ length: 5 }, () => poisonByte),
  );
  await worker.terminate();
  store.close();
  segment.close();
});

test('segment: outlives the thread that created it', async (t) => {
  const creator = `
    import { parentPort } from 'node:worker_threads';
    import { createSegment } from 'storage/segment.ts';
    const segment = createSegment({ sizeBytes: 2 ** 20 });
    segment.bytes[9] = 5;
    parentPort.postMessage(segment.handle);
  `;
  const first = await startThread(creator, null);
  const [handle] = (await once(first, 'message')) as [unknown];
  await first.terminate();
  const second = await startThread(thread, handle);
  t.deepEqual(await ask(second, { kind: 'read', offset: 9, sizeBytes: 1 }), [5]);
  await second.terminate();
});

test('segment: where memory cannot be mapped, it falls back to a SharedArrayBuffer and says why', async (t) => {
  const stranger = `
    import { parentPort } from 'node:worker_threads';
    import { createSegment } from 'storage/segment.ts';
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    const { handle, fallbackReason, bytes } = createSegment({ sizeBytes: 4096 });
    bytes[7] = 7;
    parentPort.postMessage({ handle, fallbackReason });
  `;
  const worker = await startThread(stranger, null);
  const [{ handle, fallbackReason }] = (await once(worker, 'message')) as [{ handle: SegmentHandle; fallbackReason: string }];
  t.is(fallbackReason, 'memfd_create does not exist on darwin');
  t.is(handle.kind, 'shared');
  t.is(openSegment(handle).bytes[7], 7);
  await worker.terminate();
});

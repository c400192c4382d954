/**
 * What every durable store must do, run over each of them.
 */
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { DurableStore } from '../../src/storage/durable-store.ts';
import { DurableStoreError, MemoryDurableStore } from '../../src/storage/durable-store.ts';
import { LmdbDurableStore } from '../../src/storage/durable-store-lmdb.ts';

const implementations: Record<string, (t: ExecutionContext) => Promise<DurableStore>> = {
  memory: async () => new MemoryDurableStore(),
  lmdb: async (t) => new LmdbDurableStore(await temporaryDirectory(t)),
};

async function temporaryDirectory(t: ExecutionContext): Promise<string> {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'pheromone-test-'));
  t.teardown(() => fs.rm(directory, { recursive: true }));
  return path.join(directory, 'made.at', 'first-use');
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

for (const [name, make] of Object.entries(implementations)) {
  const conforms = (title: string, run: (t: ExecutionContext, store: DurableStore) => Promise<void>) =>
    test(`durable store: ${name}: ${title}`, async (t) => {
      const store = await make(t);
      await run(t, store);
      await store.close();
    });

  conforms('get returns what was put last, and undefined for what was never put or is deleted', async (t, store) => {
    t.is(await store.get('a'), undefined);
    await store.put('a', bytes('1'));
    await store.put('a', bytes('22'));
    t.deepEqual(await store.get('a'), bytes('22'));
    await store.delete('a');
    await store.delete('a');
    t.is(await store.get('a'), undefined);
  });

  conforms('holds empty and large values', async (t, store) => {
    const large = new Uint8Array(5_000_000).map((_, i) => i % 251);
    await store.put('empty', new Uint8Array(0));
    await store.put('large', large);
    t.deepEqual(await store.get('empty'), new Uint8Array(0));
    t.is(Buffer.compare((await store.get('large'))!, large), 0);
  });

  conforms('takes the bytes as they are when put is called, and gives out bytes of the caller’s own', async (t, store) => {
    const given = new Uint8Array(10_000).fill(1);
    const put = store.put('a', given);
    given.fill(2);
    await put;
    const got = await store.get('a');
    t.deepEqual(got, new Uint8Array(10_000).fill(1));
    got!.fill(3);
    t.deepEqual(await store.get('a'), new Uint8Array(10_000).fill(1));
    t.is(got![0], 3, 'a later get does not write into it');
  });

  conforms('stores a view of a larger or shared buffer as what it shows', async (t, store) => {
    await store.put('a', bytes('abcdef').subarray(2, 4));
    const shared = new Uint8Array(new SharedArrayBuffer(3));
    shared.set([1, 2, 3]);
    await store.put('b', shared);
    t.deepEqual(await store.get('a'), bytes('cd'));
    t.deepEqual(await store.get('b'), new Uint8Array([1, 2, 3]));
  });

  conforms('lists the keys of a prefix, in the order of their bytes', async (t, store) => {
    for (const key of ['b/2', 'b/10', 'b', 'a', 'c', 'b/😀', 'b/\uffff', 'b/ä']) await store.put(key, bytes(key));
    t.deepEqual(await store.keys('b/'), ['b/10', 'b/2', 'b/ä', 'b/\uffff', 'b/😀']);
    t.deepEqual((await store.keys('')).length, 8);
    t.deepEqual(await store.keys('none'), []);
    t.deepEqual(await store.keys('x'.repeat(3_000)), []);
  });

  conforms('takes keys up to 1,900 bytes and refuses others with the operation, the key and the limit', async (t, store) => {
    await store.put('k'.repeat(1_900), bytes('1'));
    t.deepEqual(await store.get('k'.repeat(1_900)), bytes('1'));
    const tooLong = await t.throwsAsync(store.put('ä'.repeat(951), bytes('1')), { instanceOf: DurableStoreError });
    t.regex(tooLong.message, /put of "ä{80}…" failed: the key has 1902 bytes, and a key has at most 1900/);
    t.like(tooLong, { code: 'DurableStoreFailed', operation: 'put' });
    await t.throwsAsync(store.get(''), { message: /at least one character/ });
    await t.throwsAsync(store.delete('\ud800'), { message: /surrogate/ });
  });

  conforms('keeps many writes that are under way at once', async (t, store) => {
    await Promise.all(Array.from({ length: 500 }, (_, i) => store.put(`key${i}`, bytes(`${i}`))));
    t.is((await store.keys('key')).length, 500);
    t.deepEqual(await store.get('key321'), bytes('321'));
  });

  conforms('refuses everything after close, and closes twice', async (t, store) => {
    const last = store.put('a', bytes('1'));
    await store.close();
    await t.notThrowsAsync(last);
    for (const attempt of [store.get('a'), store.put('a', bytes('1')), store.delete('a'), store.keys('')]) {
      await t.throwsAsync(attempt, { instanceOf: DurableStoreError, message: /closed/ });
    }
  });
}

test('durable store: lmdb: what was put is there after the store was opened again', async (t) => {
  const directory = await temporaryDirectory(t);
  const first = new LmdbDurableStore(directory);
  await first.put('a', bytes('1'));
  await first.close();
  const second = new LmdbDurableStore(directory);
  t.deepEqual(await second.get('a'), bytes('1'));
  await second.close();
});

test('durable store: lmdb: makes its directory at the first use, and not before', async (t) => {
  const directory = await temporaryDirectory(t);
  const unused = new LmdbDurableStore(directory);
  await unused.close();
  await t.throwsAsync(fs.stat(directory), { code: 'ENOENT' });
});

test('durable store: lmdb: a directory that cannot be made is an error that names it', async (t) => {
  const parent = path.dirname(await temporaryDirectory(t));
  await fs.writeFile(parent, 'a file');
  const store = new LmdbDurableStore(path.join(parent, 'store'));
  const error = await t.throwsAsync(store.get('a'), { instanceOf: DurableStoreError });
  t.true(error.message.includes(parent), error.message);
  t.is(error.operation, 'open');
  await store.close();
});

/** What the registry keeps of apps for their next coordinator (`cluster/roles/app-records.ts`). */
import { EventEmitter, once } from 'node:events';
import test from 'ava';
import type { AppRecord } from '../../../src/actors/protocol/coordinator.ts';
import { shardOf } from '../../../src/actors/protocol/session-id.ts';
import { MemoryRegistry } from '../../../src/cluster/registry/memory-registry.ts';
import { RegistryError } from '../../../src/cluster/registry/registry-error.ts';
import type { Registry } from '../../../src/cluster/registry/registry.ts';
import { AppRecords, recordKey } from '../../../src/cluster/roles/app-records.ts';
import { decodeEntry, encodeEntry, type Shard, shardKey } from '../../../src/cluster/view.ts';
import { single } from '../actors/coordinator-workers-driver.ts';
import { ManualTimers } from '../storage/manual-timers.ts';

const bundle = { hash: 'h', code: '', content: 'c', module: 'm' };
const recordOf = (name: string, revision: number, isThere = true): AppRecord => ({
  name,
  revision,
  client: 'client:local@~u/c1',
  app: isThere ? { definition: { ...single, name }, bundle } : null,
});

/** A coordinator that has claimed the shards of these apps. */
async function owner(registry: Pick<Registry, 'get' | 'list' | 'put'>, name: string, ...apps: readonly string[]) {
  const shards = new Map<number, Shard>();
  for (const app of apps) await claim(registry, shards, name, app);
  const restored: AppRecord[] = [];
  const failures: string[] = [];
  const left: string[] = [];
  const records = new AppRecords({
    name,
    registry,
    view: { shards, ownerOf: (shard) => shards.get(shard)?.owner ?? null },
    restored: (record) => restored.push(record),
    left: (hash) => left.push(hash),
    log: (_level, text) => failures.push(text),
    retryMs: 0,
  });
  return { records, restored, failures, shards, left };
}

/** `shards`: the view that hears of it. */
async function claim(registry: Pick<Registry, 'get' | 'put'>, shards: Map<number, Shard>, name: string, app: string): Promise<void> {
  const key = shardKey(shardOf(app));
  const expected = (await registry.get(key))?.revision ?? 0;
  shards.set(shardOf(app), { owner: name, epoch: await registry.put(key, encodeEntry({ owner: name }), { expected, ttlMs: null }) });
}

const written = async (registry: Pick<Registry, 'get'>, app: string) =>
  decodeEntry<AppRecord>((await registry.get(recordKey(app)))?.value as Uint8Array).revision;

const memory = () => new MemoryRegistry({ nowMs: () => 0, timers: new ManualTimers() });

test('app records: who acts for a shard next gets its apps, and no others; also of one that was unregistered the revision', async (t) => {
  const registry = memory();
  const first = await owner(registry, 'c1', 'a', 'b', 'z');
  await first.records.record(recordOf('a', 1));
  await first.records.record(recordOf('a', 2));
  await first.records.record(recordOf('b', 7, false));
  await first.records.record(recordOf('z', 1));
  const next = await owner(registry, 'c2', 'a', 'b');
  t.truthy(next.records.whenKnown(shardOf('a')), 'nothing is answered yet');
  await next.records.settle();
  t.deepEqual(
    new Set(next.restored.map(({ name, revision, app }) => `${name} ${revision} ${app ? 'is there' : 'was unregistered'}`)),
    new Set(['a 2 is there', 'b 7 was unregistered']),
  );
  t.is(next.records.whenKnown(shardOf('a')), null);
  t.deepEqual([first.failures, next.failures], [[], []]);
});

test('app records: Y3: what a former coordinator still writes changes nothing', async (t) => {
  const registry = memory();
  const former = await owner(registry, 'c1', 'a');
  await former.records.record(recordOf('a', 1));
  const next = await owner(registry, 'c2', 'a');
  await next.records.settle();
  await next.records.record(recordOf('a', 2));
  t.like(await former.records.record(recordOf('a', 5, false)), { code: 'DurableStoreFailed', retryable: true, detail: { app: 'a' } });
  t.is(former.failures.length, 1);
  t.is(await written(registry, 'a'), 2);
});

for (const code of ['CallTimedOut', 'RegistryConflict'] as const) {
  test(`app records: Y3: a write that was done, but answered by ${code}, is not in the way of the next`, async (t) => {
    const registry = memory();
    let isLost = false;
    const losing: Pick<Registry, 'get' | 'list' | 'put'> = {
      get: (key) => registry.get(key),
      list: (prefix) => registry.list(prefix),
      async put(...given) {
        const revision = await registry.put(...given);
        if (isLost) throw new RegistryError(code, 'the answer was lost');
        return revision;
      },
    };
    const { records } = await owner(losing, 'c1', 'a');
    isLost = true;
    const first = await records.record(recordOf('a', 1));
    if (code === 'CallTimedOut') t.like(first, { code: 'DurableStoreFailed', retryable: true });
    else t.is(first, null, 'what is there is what was to be written');
    isLost = false;
    t.is(await records.record(recordOf('a', 2)), null);
    t.is(await records.record(recordOf('a', 3)), null);
    t.is(await written(registry, 'a'), 3);
  });
}

test('app records: Y2: a shard that was another’s meanwhile is read anew, and a registry that fails is asked again', async (t) => {
  const registry = memory();
  let failing = 2;
  const flaky: Pick<Registry, 'get' | 'list' | 'put'> = {
    get: (key) => registry.get(key),
    put: (...given) => registry.put(...given),
    list: (prefix) => (failing-- > 0 ? Promise.reject(new Error('not now')) : registry.list(prefix)),
  };
  const coordinator = await owner(flaky, 'c1', 'a');
  await coordinator.records.settle();
  t.is(coordinator.failures.length, 2);
  await (await owner(registry, 'c2', 'a')).records.record(recordOf('a', 3));
  await claim(registry, coordinator.shards, 'c1', 'a');
  await coordinator.records.settle();
  t.like(coordinator.restored, [recordOf('a', 3)]);
});

test('app records: Y2: what was read of an epoch that ended meanwhile is not gone by, and the shard not taken for known', async (t) => {
  const registry = memory();
  await (await owner(registry, 'c0', 'a')).records.record(recordOf('a', 1));
  const gate = new EventEmitter();
  const isAsked = once(gate, 'asked');
  const slow: Pick<Registry, 'get' | 'list' | 'put'> = {
    get: (key) => registry.get(key),
    put: (...given) => registry.put(...given),
    async list(prefix) {
      const found = await registry.list(prefix);
      const mayAnswer = once(gate, 'answer');
      gate.emit('asked');
      await mayAnswer;
      return found;
    },
  };
  const { records, restored, shards } = await owner(slow, 'c1', 'a');
  const settled = records.settle();
  await isAsked;
  await claim(registry, shards, 'c2', 'a');
  gate.emit('answer');
  await settled;
  t.deepEqual([restored, records.isKnown(shardOf('a'))], [[], false]);
});

test('app records: Y3: what a former coordinator has written behind its successor’s reading is written over, and nobody is told of it', async (t) => {
  const registry = memory();
  const former = await owner(registry, 'c1', 'a');
  t.is(await former.records.record(recordOf('a', 1)), null);
  const next = await owner(registry, 'c2', 'a');
  await next.records.settle();
  t.like(await former.records.record(recordOf('a', 2)), { code: 'DurableStoreFailed', retryable: true });
  t.is(await written(registry, 'a'), 2);
  t.is(await next.records.record(recordOf('a', 3)), null);
  t.is(await written(registry, 'a'), 3);
  t.like(await former.records.record(recordOf('a', 4)), { code: 'DurableStoreFailed', retryable: true });
  t.is(await written(registry, 'a'), 3);
});

test('app records: the code that an app has left is told, also by its next coordinator', async (t) => {
  const registry = memory();
  const first = await owner(registry, 'c1', 'a');
  const withCode = (revision: number, hash: string): AppRecord => ({
    ...recordOf('a', revision),
    app: { definition: { ...single, name: 'a' }, bundle: { ...bundle, hash } },
  });
  await first.records.record(withCode(1, 'one'));
  await first.records.record(withCode(2, 'one'));
  await first.records.record(withCode(3, 'two'));
  t.deepEqual(first.left, ['one']);
  const next = await owner(registry, 'c2', 'a');
  await next.records.settle();
  await next.records.record(recordOf('a', 4, false));
  t.deepEqual(next.left, ['two']);
});

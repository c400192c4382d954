/**
 * What every registry must do, run over each of them.
 */
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { ErrorCode } from '../../src/actors/protocol/error.ts';
import { LmdbRegistry } from '../../src/cluster/registry/lmdb-registry.ts';
import type { RegistryChange } from '../../src/cluster/registry/registry.ts';
import { RegistryError } from '../../src/cluster/registry/registry-error.ts';
import { Clock } from '../simulation/clock.ts';
import { stopNats } from './nats-bench.ts';
import { natsMissing } from './nats-server.ts';
import { advance, anyRevision, type Bench, benches, bytes, Log, mustBeNew, portsOf, together } from './registry-bench.ts';

test.after.always(stopNats);

if (natsMissing) test.skip(`registry: nats: conforms${natsMissing}`, () => undefined);

for (const [name, make] of Object.entries(benches)) {
  const conforms = (title: string, run: (t: ExecutionContext, bench: Bench) => Promise<void>) =>
    test(`registry: ${name}: ${title}`, async (t) => {
      const bench = await make();
      await run(t, bench);
      await bench.close();
    });

  conforms('get returns what was put last, with its revision, and null for what is not there', async (t, { registry }) => {
    t.is(await registry.get('a'), null);
    const first = await registry.put('a', bytes('1'), mustBeNew);
    const second = await registry.put('a', bytes('22'), anyRevision);
    t.true(first > 0 && second > first);
    t.deepEqual(await registry.get('a'), { key: 'a', value: bytes('22'), revision: second });
    t.true(await registry.delete('a', null));
    t.is(await registry.get('a'), null);
    t.is(await registry.get('b/c.d_E-9'), null);
  });

  conforms('revisions grow with every change, of whatever key, also over deletions', async (t, { registry }) => {
    const revisions = [await registry.put('a', bytes(''), anyRevision), await registry.put('b', bytes(''), anyRevision)];
    await registry.delete('b', null);
    revisions.push(await registry.put('b', bytes(''), mustBeNew), await registry.put('a', bytes(''), anyRevision));
    t.deepEqual(revisions, [1, 2, 4, 5]);
  });

  conforms('a put is refused if the key has another revision, and changes nothing', async (t, { registry }) => {
    const first = await registry.put('k', bytes('1'), mustBeNew);
    const second = await registry.put('k', bytes('2'), { expected: first, ttlMs: null });
    for (const expected of [0, first, second + 1]) {
      const error = await t.throwsAsync(registry.put('k', bytes('3'), { expected, ttlMs: null }), { instanceOf: RegistryError });
      t.like(error, { code: 'RegistryConflict', retryable: false, detail: { key: 'k', expected, actual: second } });
    }
    await t.throwsAsync(registry.put('none', bytes('3'), { expected: second, ttlMs: null }), { message: /"none".*there is nothing/ });
    t.deepEqual(await registry.get('k'), { key: 'k', value: bytes('2'), revision: second });
    t.is(await registry.get('none'), null);
  });

  conforms('of many that create the same key at once, one succeeds', async (t, { another }) => {
    const attempts = Array.from({ length: 20 }, (_, i) => another().put('shards/1', bytes(`${i}`), mustBeNew));
    const outcomes = await Promise.allSettled(attempts);
    t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
    t.deepEqual((await another().get('shards/1'))?.value, bytes(`${winner}`));
  });

  conforms('of many that add one by compare-and-swap, none is lost', async (t, { another }) => {
    const add = async () => {
      const registry = another();
      for (;;) {
        const entry = await registry.get('count');
        const next = bytes(`${Number(Buffer.from(entry?.value ?? []).toString()) + 1}`);
        try {
          return await registry.put('count', next, { expected: entry?.revision ?? 0, ttlMs: null });
        } catch (error) {
          if ((error as RegistryError).code !== 'RegistryConflict') throw error;
        }
      }
    };
    const revisions = await Promise.all(Array.from({ length: 12 }, add));
    t.is(new Set(revisions).size, 12);
    t.deepEqual((await another().get('count'))?.value, bytes('12'));
  });

  conforms('delete says whether there was anything, and is refused for another revision', async (t, { registry }) => {
    t.false(await registry.delete('a', null));
    t.false(await registry.delete('a', 7));
    const revision = await registry.put('a', bytes('1'), mustBeNew);
    await t.throwsAsync(registry.delete('a', revision + 1), { instanceOf: RegistryError, message: /"a" was expected to have revision 2/ });
    await t.throwsAsync(registry.delete('a', 0), { instanceOf: RegistryError, message: /"a" was expected not to exist/ });
    t.truthy(await registry.get('a'));
    t.true(await registry.delete('a', revision));
    t.false(await registry.delete('a', revision));
  });

  conforms('lists what is under a prefix, by key', async (t, { registry }) => {
    for (const key of ['b/2', 'b/10', 'b', 'ba', 'a', 'b-', 'b/2/x', 'B/1', 'top']) await registry.put(key, bytes(key), anyRevision);
    const keys = async (prefix: string) => (await registry.list(prefix)).map(({ key }) => key);
    t.deepEqual(await keys('b/'), ['b/10', 'b/2', 'b/2/x']);
    t.deepEqual(await keys('b/2'), ['b/2', 'b/2/x']);
    t.deepEqual(await keys('b'), ['b', 'b-', 'b/10', 'b/2', 'b/2/x', 'ba']);
    t.deepEqual(await keys(''), ['B/1', 'a', 'b', 'b-', 'b/10', 'b/2', 'b/2/x', 'ba', 'top']);
    t.deepEqual(await keys('c/'), []);
    t.deepEqual((await registry.list('b/10'))[0], { key: 'b/10', value: bytes('b/10'), revision: 2 });
  });

  conforms('of a large value nothing is left when another has replaced it, whatever its size', async (t, { registry, pieces }) => {
    const large = new Uint8Array(1_000_000);
    for (const value of [large, bytes('small'), large, large, bytes('small')]) {
      await registry.put('durable/k', value, anyRevision);
      t.deepEqual((await registry.get('durable/k'))?.value, value);
    }
    const small = await registry.get('durable/k');
    await registry.put('durable/k', large, { expected: small?.revision ?? 0, ttlMs: null });
    await registry.delete('durable/k', null);
    t.is((await pieces?.()) ?? 0, 0);
  });

  conforms('holds empty and large values, alone and in lists', async (t, { registry }) => {
    const sizes = [0, 1, 262_143, 262_144, 262_145, 5_000_000, 7_000_000];
    const valueOf = (size: number) => new Uint8Array(size).map((_, i) => (i + size) % 251);
    for (const size of sizes) await registry.put(`v/${size}`, valueOf(size), mustBeNew);
    for (const size of sizes) t.is(Buffer.compare((await registry.get(`v/${size}`))!.value, valueOf(size)), 0, `${size} bytes`);
    const listed = await registry.list('v/');
    t.is(listed.length, sizes.length);
    for (const { key, value } of listed) t.is(Buffer.compare(value, valueOf(Number(key.slice(2)))), 0, `${key} of a list`);
    await registry.put('v/more', valueOf(16 * 2 ** 20), mustBeNew);
    t.is(Buffer.compare((await registry.get('v/more'))!.value, valueOf(16 * 2 ** 20)), 0);
    t.is((await registry.list('v/more')).length, 1);
    await t.throwsAsync(registry.list('v/'), { message: /"v\/" has \d+ bytes, and a list at most 17825792/ });
    t.is((await registry.list('v/2')).length, 3);
  });

  conforms('takes the bytes as they are when put is called, and gives out bytes of the caller’s own', async (t, bench) => {
    const { registry } = bench;
    const told: Uint8Array[] = [];
    const watcher = { changed: (change: RegistryChange) => void (change.kind === 'put' && told.push(change.entry.value)), current() {} };
    registry.watch('', watcher);
    registry.watch('', watcher);
    await bench.quiet();
    for (const size of [10, 300_000]) {
      const given = new Uint8Array(size).fill(1);
      const put = registry.put('a', given.subarray(0, size - 1), anyRevision);
      given.fill(2);
      await put;
      const got = await registry.get('a');
      t.deepEqual(got!.value, new Uint8Array(size - 1).fill(1));
      got!.value.fill(3);
      const [listed] = await registry.list('a');
      t.deepEqual(listed!.value, new Uint8Array(size - 1).fill(1));
    }
    t.deepEqual(told, [new Uint8Array(9).fill(1), new Uint8Array(9).fill(1)]);
    told[0]!.fill(3);
    t.is(told[1]![0], 1);
  });

  conforms('refuses bad keys, prefixes, values, revisions and leases, and says why', async (t, { registry }) => {
    const refused = async (work: Promise<unknown>, message: RegExp, code: ErrorCode = 'InvalidOption') => {
      const error = await t.throwsAsync(work, { instanceOf: RegistryError, message });
      t.is(error.code, code);
    };
    const put = (key: string, options: Partial<{ expected: number; ttlMs: number }>, value = bytes('1')) =>
      registry.put(key, value, { expected: null, ttlMs: null, ...options });
    await registry.put('k'.repeat(512), bytes('1'), anyRevision);
    await refused(put('k'.repeat(513), {}), /key "k{80}…" is refused: it has 513 characters, at most 512/);
    await refused(put('', {}), /key "" is refused: a key has at least one character/);
    for (const key of ['a b', 'ä', 'a\n', 'a*', 'a>', 'a:b']) await refused(registry.get(key), /is refused: it consists of the letters/);
    await refused(registry.delete('a b', null), /key "a b"/);
    await refused(registry.list('a b'), /prefix "a b"/);
    await refused(put('a', {}, new Uint8Array(16 * 2 ** 20 + 1)), /value of "a" has 16777217 bytes, and one has at most/, 'ObjectTooLarge');
    for (const expected of [-1, 0.5, Number.NaN]) await refused(put('a', { expected }), /expected .* a revision is a whole number/);
    await refused(registry.delete('a', -1), /a revision is a whole number/);
    for (const ttlMs of [99, 3_600_001, 100.5]) await refused(put('a', { ttlMs }), /ttlMs .* from 100 to 3600000/);
    t.throws(() => registry.watch('a b', { changed: () => undefined, current: () => undefined }), { instanceOf: RegistryError });
    t.is(await registry.get('a'), null);
  });

  conforms('a watch tells what there is, by revision, then that it is all, then every change in order', async (t, bench) => {
    const { registry } = bench;
    await registry.put('m/b', bytes('1'), anyRevision);
    await registry.put('m/a', bytes('2'), anyRevision);
    await registry.put('m/b', bytes('3'), anyRevision);
    await registry.put('other', bytes('4'), anyRevision);
    const log = new Log(registry, 'm/');
    const all = new Log(registry, '');
    t.deepEqual(log.lines, [], 'nothing before it has returned');
    await bench.quiet();
    t.deepEqual(log.take(), ['m/a=2 @2', 'm/b=3 @3', 'current']);
    t.deepEqual(all.take(), ['m/a=2 @2', 'm/b=3 @3', 'other=4 @4', 'current']);
    await together(
      bench,
      () => registry.put('m/c', bytes('5'), anyRevision),
      () => registry.put('x', bytes('6'), anyRevision),
      () => registry.delete('m/a', null),
      () => registry.put('m/c', bytes('7'), anyRevision),
      () => registry.put('m/c', bytes('8'), mustBeNew).catch(() => undefined),
      () => registry.delete('m/none', null),
    );
    await bench.quiet();
    t.deepEqual(log.take(), ['m/c=5 @5', 'm/a gone @7', 'm/c=7 @8']);
    t.deepEqual(all.take(), ['m/c=5 @5', 'x=6 @6', 'm/a gone @7', 'm/c=7 @8']);
    log.stop();
    log.stop();
    await registry.put('m/c', bytes('9'), anyRevision);
    await bench.quiet();
    t.deepEqual(log.take(), []);
    t.deepEqual(all.take(), ['m/c=9 @9']);
  });

  conforms('a watch stands at its place among the changes that are asked for with it', async (t, bench) => {
    const { registry } = bench;
    const first = registry.put('a', bytes('1'), anyRevision);
    if (!bench.isOrdered) await first;
    const log = new Log(registry, '');
    if (!bench.isOrdered) await bench.quiet();
    await Promise.all([first, registry.put('a', bytes('2'), anyRevision)]);
    await bench.quiet();
    t.deepEqual(log.take(), ['a=1 @1', 'current', 'a=2 @2']);
  });

  conforms('a watch of nothing is current at once, and one that is stopped at once tells nothing', async (t, bench) => {
    const { registry } = bench;
    const log = new Log(registry, 'none/');
    const stopped = new Log(registry, '');
    stopped.stop();
    await registry.put('a', bytes('1'), anyRevision);
    await bench.quiet();
    t.deepEqual(log.take(), ['current']);
    t.deepEqual(stopped.take(), []);
  });

  conforms('a watch does not carry values of more than 64 KiB', async (t, bench) => {
    const { registry } = bench;
    await registry.put('a', new Uint8Array(65_537), anyRevision);
    const sizes: number[] = [];
    const log = new Log(registry, 'a');
    registry.watch('', { changed: (change) => void sizes.push(change.kind === 'put' ? change.entry.value.byteLength : -1), current() {} });
    await bench.quiet();
    await registry.put('a', new Uint8Array(65_536), anyRevision);
    await registry.put('a', new Uint8Array(16 * 2 ** 20), anyRevision);
    await bench.quiet();
    t.is(log.lines[0], 'a has 65537 bytes @1');
    t.is(log.lines.at(-1), 'a has 16777216 bytes @3');
    t.deepEqual(sizes, [-1, 65_536, -1]);
  });

  conforms('a leased key is gone when it is not put again in time, and watchers hear of it', async (t, bench) => {
    const { registry } = bench;
    await registry.put('m/1', bytes('1'), { expected: 0, ttlMs: 1_000 });
    await registry.put('m/2', bytes('2'), { expected: 0, ttlMs: 1_500 });
    await registry.put('m/3', bytes('3'), anyRevision);
    const log = new Log(registry, 'm/');
    await advance(bench, 999);
    t.truthy(await registry.get('m/1'));
    await advance(bench, 1);
    t.is(await registry.get('m/1'), null);
    t.deepEqual(log.take(), ['m/1=1 @1', 'm/2=2 @2', 'm/3=3 @3', 'current', 'm/1 gone @4']);
    await advance(bench, 100_000);
    t.deepEqual(log.take(), ['m/2 gone @5']);
    t.deepEqual(
      (await registry.list('m/')).map(({ key }) => key),
      ['m/3'],
    );
    t.is(await registry.put('m/1', bytes('4'), mustBeNew), 6);
  });

  conforms('a lease that is renewed lasts, one that is put without ttl stays, and one that is deleted ends once', async (t, bench) => {
    const { registry } = bench;
    let revision = await registry.put('renewed', bytes(''), { expected: 0, ttlMs: 1_000 });
    await registry.put('kept', bytes(''), { expected: 0, ttlMs: 1_000 });
    await registry.put('deleted', bytes(''), { expected: 0, ttlMs: 1_000 });
    await registry.put('shorter', bytes(''), { expected: 0, ttlMs: 60_000 });
    for (let i = 0; i < 5; i++) {
      await advance(bench, 600);
      revision = await registry.put('renewed', bytes(''), { expected: revision, ttlMs: 1_000 });
      if (i === 0) await registry.put('kept', bytes(''), anyRevision);
      if (i === 0) await registry.delete('deleted', null);
      if (i === 0) await registry.put('shorter', bytes(''), { expected: null, ttlMs: 100 });
      if (i === 0) await registry.put('deleted', bytes('again'), anyRevision);
    }
    t.deepEqual(
      (await registry.list('')).map(({ key }) => key),
      ['deleted', 'kept', 'renewed'],
    );
    await advance(bench, 1_000);
    t.is(await registry.get('renewed'), null);
    await advance(bench, 10_000_000);
    t.is((await registry.list('')).length, 2);
  });

  conforms('keeps many writes that are under way at once', async (t, { registry }) => {
    const revisions = await Promise.all(Array.from({ length: 600 }, (_, i) => registry.put(`key${i}`, bytes(`${i}`), mustBeNew)));
    t.deepEqual(
      revisions,
      revisions.map((_, i) => i + 1),
    );
    t.is((await registry.list('key')).length, 600);
    t.deepEqual((await registry.get('key321'))?.value, bytes('321'));
  });

  conforms('ends what is under way, refuses everything after close, and closes twice', async (t, bench) => {
    const { registry } = bench;
    const log = new Log(registry, '');
    await bench.quiet();
    const last = registry.put('a', bytes('1'), { expected: null, ttlMs: 100 });
    await Promise.all([registry.close(), registry.close()]);
    t.is(await last, 1);
    const refusal = { instanceOf: RegistryError, message: /closed/ };
    for (const attempt of [registry.get('a'), registry.put('a', bytes('1'), anyRevision), registry.delete('a', null), registry.list('')])
      await t.throwsAsync(attempt, refusal);
    t.throws(() => registry.watch('', { changed: () => undefined, current: () => undefined }), refusal);
    t.deepEqual(log.take(), ['current'], 'watchers hear nothing more');
  });
}

async function temporaryDirectory(t: ExecutionContext): Promise<string> {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'pheromone-test-'));
  t.teardown(() => fs.rm(directory, { recursive: true }));
  return path.join(directory, 'registry');
}

test('registry: lmdb: opened again it has its data and goes on with its revisions, also of deletions', async (t) => {
  const directory = await temporaryDirectory(t);
  const first = await LmdbRegistry.open(directory);
  const large = new Uint8Array(300_000).fill(7);
  await first.put('a', bytes('1'), anyRevision);
  await first.put('b/large', large, anyRevision);
  await first.put('c', bytes(''), anyRevision);
  await first.delete('c', null);
  await first.close();
  const second = await LmdbRegistry.open(directory);
  t.deepEqual(await second.list(''), [
    { key: 'a', value: bytes('1'), revision: 1 },
    { key: 'b/large', value: large, revision: 2 },
  ]);
  t.is(await second.put('c', bytes('2'), mustBeNew), 5);
  await second.close();
});

test('registry: lmdb: opened again every lease begins anew', async (t) => {
  const directory = await temporaryDirectory(t);
  const clock = new Clock(0);
  const first = await LmdbRegistry.open(directory, portsOf(clock));
  const revision = await first.put('m/1', bytes('1'), { expected: 0, ttlMs: 1_000 });
  await first.put('m/2', bytes('2'), { expected: 0, ttlMs: 1_000 });
  await advance({ clock, registry: first }, 900);
  await first.close();
  clock.nowMs += 50_000;
  const second = await LmdbRegistry.open(directory, portsOf(clock));
  const bench = { clock, registry: second };
  const log = new Log(second, 'm/');
  await advance(bench, 999);
  t.deepEqual(log.take(), ['m/1=1 @1', 'm/2=2 @2', 'current']);
  await second.put('m/1', bytes('1'), { expected: revision, ttlMs: 1_000 });
  await advance(bench, 1);
  t.deepEqual(log.take(), ['m/1=1 @3', 'm/2 gone @4']);
  await second.close();
});

test('registry: lmdb: a second one that writes into the directory is found out, and nothing of what is refused is stored', async (t) => {
  const directory = await temporaryDirectory(t);
  const first = await LmdbRegistry.open(directory);
  await first.put('a', bytes('1'), anyRevision);
  const second = await LmdbRegistry.open(directory);
  await second.put('b', bytes('2'), anyRevision);
  const error = await t.throwsAsync(first.put('c', bytes('3'), anyRevision), { instanceOf: RegistryError, message: /another process/ });
  t.is(error.code, 'DurableStoreFailed');
  t.is(await first.get('c'), null);
  t.is(await second.put('c', bytes('4'), mustBeNew), 3);
  await first.close();
  await second.close();
});

test('registry: lmdb: a directory that cannot be made is an error that names it', async (t) => {
  const directory = await temporaryDirectory(t);
  await fs.writeFile(directory, 'a file');
  const error = await t.throwsAsync(LmdbRegistry.open(path.join(directory, 'below')), { instanceOf: RegistryError });
  t.is(error.code, 'DurableStoreFailed');
  t.true(error.message.includes(directory), error.message);
});

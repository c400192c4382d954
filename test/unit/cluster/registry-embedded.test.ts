/** The registry within a process: what it does when its storage fails, its process is held up, and too much is asked. */
import test from 'ava';
import { EmbeddedRegistry } from '../../../src/cluster/registry/embedded-registry.ts';
import { MemoryRegistry } from '../../../src/cluster/registry/memory-registry.ts';
import { RegistryError } from '../../../src/cluster/registry/registry-error.ts';
import { type Held, RegistryState } from '../../../src/cluster/registry/registry-state.ts';
import type { RegistryStorage, StoredChange } from '../../../src/cluster/registry/registry-storage.ts';
import { advance, anyRevision, bytes, Log, mustBeNew, portsOf } from '../../conformance/registry-bench.ts';
import { Clock } from '../../simulation/clock.ts';

/** A storage whose commits wait to be let through. */
class Gate implements RegistryStorage {
  readonly values = new Map<string, Uint8Array>();
  readonly commits: (readonly StoredChange[])[] = [];
  #waiting: (() => void)[] = [];
  isOpen = true;
  failure: Error | null = null;

  read(key: string): Uint8Array | null {
    return this.values.get(key)?.slice() ?? null;
  }

  async commit(changes: readonly StoredChange[]): Promise<void> {
    this.commits.push(changes);
    if (!this.isOpen) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.failure) throw this.failure;
    for (const change of changes) {
      if (change.kind === 'put') this.values.set(change.key, change.value);
      else this.values.delete(change.key);
    }
  }

  open(): void {
    this.isOpen = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async close(): Promise<void> {}
}

function setUp(entries: readonly Held[] = []) {
  const clock = new Clock(0);
  const gate = new Gate();
  const ports = portsOf(clock);
  const registry = new EmbeddedRegistry(new RegistryState(entries.length, entries, clock.nowMs), gate, ports);
  return { clock, gate, registry, timers: ports.timers, bench: { clock, registry } };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('embedded registry: nothing of a change is heard before it is stored', async (t) => {
  const { gate, registry } = setUp();
  const log = new Log(registry, '');
  await turn();
  gate.isOpen = false;
  const heard: string[] = [];
  const operations = [
    registry.put('a', bytes('1'), mustBeNew).then((revision) => heard.push(`put ${revision}`)),
    registry.put('a', bytes('2'), mustBeNew).catch((error: RegistryError) => heard.push(error.code)),
    registry.get('a').then((entry) => heard.push(`got ${entry?.revision}`)),
  ];
  await turn();
  t.deepEqual([heard, log.take()], [[], ['current']]);
  gate.open();
  await Promise.all(operations);
  t.deepEqual(heard, ['put 1', 'RegistryConflict', 'got 1']);
  t.deepEqual(log.take(), ['a=1 @1']);
  await registry.close();
});

test('embedded registry: writes that are asked for together are stored together, and reads between them see what is before them', async (t) => {
  const { gate, registry } = setUp();
  const [, first, , , second] = await Promise.all([
    registry.put('a', bytes('1'), anyRevision),
    registry.get('a'),
    registry.put('a', bytes('2'), anyRevision),
    registry.delete('a', null),
    registry.get('a'),
    registry.put('a', bytes('3'), anyRevision),
  ]);
  t.deepEqual(first, { key: 'a', value: bytes('1'), revision: 1 });
  t.is(second, null);
  t.deepEqual(
    gate.commits.map((changes) => changes.length),
    [1, 2, 1],
  );
  await Promise.all(Array.from({ length: 600 }, (_, i) => registry.put(`k${i}`, bytes(''), anyRevision)));
  t.deepEqual(
    gate.commits.slice(3).map((changes) => changes.length),
    [256, 256, 88],
  );
  await registry.close();
});

test('embedded registry: what could not be stored has not been, and it goes on from there', async (t) => {
  const { gate, registry, bench } = setUp();
  await registry.put('a', bytes('1'), { expected: null, ttlMs: 1_000 });
  await registry.put('b', bytes('2'), anyRevision);
  const log = new Log(registry, '');
  gate.failure = new Error('no space left');
  const attempts = [
    registry.put('a', bytes('9'), anyRevision),
    registry.put('a', bytes('9'), anyRevision),
    registry.delete('b', null),
    registry.put('c', bytes('9'), mustBeNew),
    registry.put('c', bytes('9'), mustBeNew),
  ];
  for (const attempt of attempts) await t.throwsAsync(attempt, { instanceOf: RegistryError, message: /no space left/ });
  gate.failure = null;
  t.deepEqual(await registry.list(''), [
    { key: 'a', value: bytes('1'), revision: 1 },
    { key: 'b', value: bytes('2'), revision: 2 },
  ]);
  t.is(await registry.put('c', bytes('3'), mustBeNew), 3);
  await advance(bench, 1_000);
  t.deepEqual(log.take(), ['a=1 @1', 'b=2 @2', 'current', 'c=3 @3', 'a gone @4']);
  await registry.close();
});

test('embedded registry: the end of a lease that could not be stored comes later', async (t) => {
  const { gate, registry, bench } = setUp();
  await registry.put('a', bytes('1'), { expected: null, ttlMs: 1_000 });
  gate.failure = new Error('no space left');
  await advance(bench, 1_000);
  t.truthy(await registry.get('a'));
  gate.failure = null;
  await advance(bench, 1_000);
  t.is(await registry.get('a'), null);
  await registry.close();
});

test('embedded registry: a renewal that came before a lease’s end, but waits to be stored, counts', async (t) => {
  const { clock, gate, registry } = setUp();
  const revision = await registry.put('a', bytes('1'), { expected: null, ttlMs: 1_000 });
  gate.isOpen = false;
  const other = registry.put('b', bytes(''), anyRevision);
  await turn();
  const renewal = registry.put('a', bytes('1'), { expected: revision, ttlMs: 1_000 });
  clock.step(1_000);
  await turn();
  gate.open();
  await other;
  t.is(await renewal, 3);
  await advance({ clock, registry }, 999);
  t.truthy(await registry.get('a'));
  await registry.close();
});

test('embedded registry: after its process was held up, leases have time for their renewals, but once', async (t) => {
  const { clock, registry, bench } = setUp();
  const revision = await registry.put('a', bytes('1'), { expected: null, ttlMs: 1_000 });
  await registry.put('b', bytes('1'), { expected: null, ttlMs: 1_000 });
  // No timer runs for five seconds.
  clock.nowMs += 5_000;
  clock.step(clock.nowMs);
  t.is(await registry.put('a', bytes('1'), { expected: revision, ttlMs: 10_000 }), 3);
  await advance(bench, 999);
  t.truthy(await registry.get('b'));
  clock.nowMs += 5_000;
  clock.step(clock.nowMs);
  t.is(await registry.get('b'), null);
  t.truthy(await registry.get('a'));
  await registry.close();
});

test('embedded registry: one timer runs while there are leases, and none without', async (t) => {
  const { registry, timers, bench } = setUp();
  t.is(timers.running, 0);
  for (let i = 0; i < 10; i++) await registry.put(`m/${i}`, bytes(''), { expected: null, ttlMs: 1_000 + 100 * i });
  t.is(timers.running, 1);
  await advance(bench, 1_500);
  t.is(timers.running, 1);
  await advance(bench, 1_000);
  t.is(timers.running, 0);
  await registry.put('a', bytes(''), { expected: null, ttlMs: 1_000 });
  await registry.delete('a', null);
  t.is(timers.running, 0);
  await registry.put('a', bytes(''), { expected: null, ttlMs: 1_000 });
  await registry.close();
  t.is(timers.running, 0);
});

test('embedded registry: it holds 250,000 keys, and refuses others until some are deleted', async (t) => {
  const held = Array.from({ length: 250_000 }, (_, i): Held => ({ key: `d/${i}`, revision: i + 1, ttlMs: null, sizeBytes: 0 }));
  const { registry } = setUp(held);
  const error = await t.throwsAsync(registry.put('more', bytes(''), anyRevision), {
    instanceOf: RegistryError,
    message: /250000 keys already/,
  });
  t.is(error.code, 'Overloaded');
  t.is(await registry.put('d/7', bytes('1'), anyRevision), 250_001);
  await registry.delete('d/8', null);
  t.is(await registry.put('more', bytes(''), anyRevision), 250_003);
  await registry.close();
});

test('embedded registry: at most 10,000 operations with 256 MiB wait', async (t) => {
  const registry = new MemoryRegistry();
  const many = Array.from({ length: 10_000 }, () => registry.get('a'));
  await t.throwsAsync(registry.get('a'), { instanceOf: RegistryError, message: /10000 operations with 0 bytes wait already/ });
  await Promise.all(many);
  const large = new Uint8Array(16 * 2 ** 20);
  const puts = Array.from({ length: 16 }, () => registry.put('a', large, anyRevision));
  await t.throwsAsync(registry.put('a', bytes('1'), anyRevision), { message: /16 operations with 268435456 bytes wait already/ });
  await Promise.all(puts);
  await registry.put('a', bytes('1'), anyRevision);
  await registry.close();
});

test('embedded registry: at most 10,000 watches are open', async (t) => {
  const registry = new MemoryRegistry();
  const watcher = { changed: () => undefined, current: () => undefined };
  const watches = Array.from({ length: 9_999 }, () => registry.watch('', watcher));
  await registry.put('a', bytes('1'), anyRevision);
  const last = registry.watch('', watcher);
  t.throws(() => registry.watch('', watcher), { instanceOf: RegistryError, message: /10000 watches are open already/ });
  last.stop();
  watches.push(registry.watch('', watcher));
  for (const watch of watches) watch.stop();
  await registry.close();
});

test('embedded registry: a watcher may stop its watch, and others, and ask for more, while it is told', async (t) => {
  const registry = new MemoryRegistry();
  const heard: string[] = [];
  const first = registry.watch('', {
    changed() {
      heard.push('first');
      first.stop();
      second.stop();
      third ??= new Log(registry, '');
    },
    current: () => undefined,
  });
  const second = registry.watch('', { changed: () => void heard.push('second'), current: () => undefined });
  let third: Log | null = null;
  await registry.get('barrier');
  await registry.put('a', bytes('1'), anyRevision);
  await registry.put('a', bytes('2'), anyRevision);
  await registry.get('barrier');
  t.deepEqual(heard, ['first']);
  t.deepEqual((third as Log | null)?.take(), ['a=1 @1', 'current', 'a=2 @2']);
  await registry.close();
});

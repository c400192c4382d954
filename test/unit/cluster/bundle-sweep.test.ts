/** When code leaves the registry (`cluster/roles/bundle-sweep.ts`). */
import test from 'ava';
import { MemoryRegistry } from '../../../src/cluster/registry/memory-registry.ts';
import { BundleSweep } from '../../../src/cluster/roles/bundle-sweep.ts';
import { bundleKey, publishCode, publishingKey } from '../../../src/cluster/roles/code.ts';
import { encodeEntry } from '../../../src/cluster/view.ts';
import { ManualTimers } from '../storage/manual-timers.ts';
import { turn } from './transfer-driver.ts';

const timers = () => new ManualTimers();
const graceMs = 60_000;
const bundle = { hash: 'h', code: 'code', content: 'c', module: 'm' };
const always = { expected: null, ttlMs: null } as const;

class Sweeping {
  readonly timers = timers();
  readonly registry = new MemoryRegistry({ nowMs: () => 0, timers: timers() });
  readonly failures: string[] = [];
  readonly sweep = new BundleSweep({ registry: this.registry, timers: this.timers, log: (_level, text) => this.failures.push(text) });

  async record(name: string, hash: string): Promise<void> {
    const value = { name, revision: 1, client: 'c', app: { definition: {}, bundle: { ...bundle, hash } } };
    await this.registry.put(`apps/1/${name}`, encodeEntry(value), always);
  }

  async has(hash = 'h'): Promise<boolean> {
    return (await this.registry.get(bundleKey(hash))) !== null;
  }

  async pass(): Promise<void> {
    this.timers.advance(graceMs);
    for (let i = 0; i < 20; i++) await turn();
  }
}

test('bundle sweep: Y5: code that no app uses goes, after a while', async (t) => {
  const sweeping = new Sweeping();
  const { sweep, registry } = sweeping;
  await registry.put(bundleKey('h'), Buffer.from('code'), always);
  sweep.leave('h');
  sweep.leave('h');
  t.true(await sweeping.has());
  await sweeping.pass();
  t.false(await sweeping.has());
  t.is(sweeping.timers.pending, 0);
});

test('bundle sweep: Y5: code that another app’s record names stays', async (t) => {
  const sweeping = new Sweeping();
  await sweeping.registry.put(bundleKey('h'), Buffer.from('code'), always);
  await sweeping.record('other', 'h');
  sweeping.sweep.leave('h');
  await sweeping.pass();
  t.true(await sweeping.has());
});

test('bundle sweep: Y5: code that somebody is publishing stays, and goes when nobody is any more', async (t) => {
  const sweeping = new Sweeping();
  await publishCode(sweeping.registry, bundle);
  sweeping.sweep.leave('h');
  await sweeping.pass();
  t.true(await sweeping.has());
  await sweeping.registry.delete(publishingKey('h'), null);
  await sweeping.pass();
  t.false(await sweeping.has());
});

test('bundle sweep: Y5: who begins to publish while it is being removed finds it again', async (t) => {
  const sweeping = new Sweeping();
  const { registry, timers: own } = sweeping;
  await registry.put(bundleKey('h'), Buffer.from('code'), always);
  const racing = {
    get: (key: string) => registry.get(key),
    list: (prefix: string) => registry.list(prefix),
    put: (...given: Parameters<typeof registry.put>) => registry.put(...given),
    watch: (...given: Parameters<typeof registry.watch>) => registry.watch(...given),
    async delete(...given: Parameters<typeof registry.delete>) {
      await registry.put(publishingKey('h'), Buffer.from('.'), always);
      return registry.delete(...given);
    },
  };
  new BundleSweep({ registry: racing, timers: own, log: () => t.fail() }).leave('h');
  await sweeping.pass();
  t.true(await sweeping.has());
});

test('bundle sweep: code that was published and never recorded goes, some time after its publisher’s lease has ended', async (t) => {
  const sweeping = new Sweeping();
  sweeping.sweep.start();
  await publishCode(sweeping.registry, bundle);
  await publishCode(sweeping.registry, { ...bundle, hash: 'used' });
  await sweeping.record('app', 'used');
  await sweeping.pass();
  t.true(await sweeping.has(), 'while it may still be recorded');
  for (const hash of ['h', 'used']) await sweeping.registry.delete(publishingKey(hash), null);
  for (let i = 0; i < 20; i++) await turn();
  t.is(sweeping.timers.pending, 2);
  await sweeping.pass();
  t.deepEqual([await sweeping.has(), await sweeping.has('used')], [false, true]);
  sweeping.sweep.close();
});

test('bundle sweep: one that is closed removes nothing, and has no timers', (t) => {
  const sweeping = new Sweeping();
  sweeping.sweep.leave('h');
  sweeping.sweep.close();
  t.is(sweeping.timers.pending, 0);
});

/** How the code of apps comes to workers (`roles/code.ts`). */
import { createHash } from 'node:crypto';
import test from 'ava';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { MemoryRegistry } from '../../../src/cluster/registry/memory-registry.ts';
import { bundleKey, CodeDelivery, type CodeDeliveryOptions, publishCode } from '../../../src/cluster/roles/code.ts';
import { appOf, on } from '../actors/scheduler-driver.ts';
import { turn } from './transfer-driver.ts';

const definition = appOf({ use: [] }, [on('in', 'immediate', null, 'use')]);
const hashOf = (code: string) => createHash('sha256').update(code).digest('hex');

class Delivery {
  readonly registry = new MemoryRegistry();
  /** Keys that were asked for, in order. */
  readonly asked: string[] = [];
  /** What was handed on, in words. */
  readonly delivered: string[] = [];
  readonly messages: Message[] = [];
  readonly code: CodeDelivery;
  /** What is asked for waits until it is called. */
  #open: (() => void)[] | null = null;

  constructor(more: Partial<CodeDeliveryOptions> = {}) {
    this.code = new CodeDelivery({
      registry: { get: (key) => this.#get(key) },
      worker: 'scheduler@w1',
      deliver: (envelopes) => {
        for (const { to, message } of envelopes) {
          this.messages.push(message);
          const { revision = '' } = message as { revision?: number };
          this.delivered.push(`${to}: ${message.kind} ${nameOf(message)}${revision}`);
        }
      },
      ...more,
    });
  }

  publish(code: string) {
    return publishCode(this.registry, { hash: hashOf(code), code, content: '', module: 'file:///app' });
  }

  install(app: string, revision: number, hash: string, code = ''): void {
    const bundle = { hash, code, content: '', module: 'file:///app' };
    const message = {
      kind: 'installApp',
      coordinator: 'coordinator@c1',
      revision,
      definition: { ...definition, name: app },
      bundle,
    } as const;
    this.code.take([{ to: 'scheduler', message }]);
  }

  uninstall(app: string, revision: number): void {
    this.code.take([{ to: 'scheduler', message: { kind: 'uninstallApp', app, revision } }]);
  }

  shut(): void {
    this.#open = [];
  }

  async open(): Promise<void> {
    for (const go of this.#open?.splice(0) ?? []) go();
    this.#open = null;
    await settled();
  }

  get installs() {
    return this.messages.flatMap((message) => (message.kind === 'installApp' ? [message] : []));
  }

  get failures() {
    return this.messages.flatMap((message) => (message.kind === 'appInstallFailed' ? [message] : []));
  }

  async #get(key: string) {
    this.asked.push(key);
    const waiting = this.#open;
    if (waiting) await new Promise<void>((resolve) => waiting.push(resolve));
    return this.registry.get(key);
  }
}

function nameOf(message: Message): string {
  const { app, definition: defined } = message as { app?: string; definition?: { name: string } };
  return `${defined?.name ?? app ?? ''} `;
}

async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}

test('code: what is published is stored once, by its hash, and what travels has none', async (t) => {
  const { registry } = new Delivery();
  const code = 'exports.app = 1;';
  const bundle = { hash: hashOf(code), code, content: '', module: 'file:///app' };
  t.deepEqual(await publishCode(registry, bundle), { ...bundle, code: '' });
  const first = await registry.get(bundleKey(bundle.hash));
  t.is(Buffer.from(first?.value ?? []).toString(), code);
  await Promise.all([publishCode(registry, bundle), publishCode(registry, bundle)]);
  t.is((await registry.get(bundleKey(bundle.hash)))?.revision, first?.revision);
});

test('code: an installation waits for its code, which is what was published', async (t) => {
  const delivery = new Delivery();
  const code = 'exports.π = "ü";';
  const { hash } = await delivery.publish(code);
  delivery.install('a', 1, hash);
  t.deepEqual(delivery.delivered, []);
  await settled();
  t.deepEqual(delivery.delivered, ['scheduler: installApp a 1']);
  t.deepEqual(delivery.installs[0]?.bundle, { hash, code, content: '', module: 'file:///app' });
});

test('code: is fetched once, by whomever it is needed', async (t) => {
  const delivery = new Delivery();
  const { hash } = await delivery.publish('1');
  delivery.shut();
  delivery.install('a', 1, hash);
  delivery.install('b', 1, hash);
  await delivery.open();
  delivery.install('a', 2, hash);
  await settled();
  t.deepEqual(delivery.delivered, ['scheduler: installApp a 1', 'scheduler: installApp b 1', 'scheduler: installApp a 2']);
  t.deepEqual(delivery.asked, [bundleKey(hash)]);
});

test('code: with another hash than it was asked for by is not run, and both are named', async (t) => {
  const delivery = new Delivery();
  const { hash } = await delivery.publish('1');
  await delivery.registry.put(bundleKey(hash), Buffer.from('2'), { expected: null, ttlMs: null });
  delivery.install('a', 1, hash);
  await settled();
  t.deepEqual(delivery.delivered, ['coordinator@c1: appInstallFailed a 1']);
  const [failure] = delivery.failures;
  t.like(failure, { worker: 'scheduler@w1', error: { code: 'ModuleFailed', detail: { app: 'a', module: 'file:///app', hash } } });
  t.true(failure?.error.message.includes(hash));
  t.true(failure?.error.message.includes(hashOf('2')));
});

test('code: that is not there is said so, and is asked for again the next time', async (t) => {
  const delivery = new Delivery();
  const hash = hashOf('1');
  delivery.install('a', 1, hash);
  await settled();
  t.like(delivery.failures, [{ app: 'a', revision: 1, error: { code: 'ModuleFailed' } }]);
  t.true(delivery.failures[0]?.error.message.includes(hash));
  await delivery.publish('1');
  delivery.install('a', 2, hash);
  await settled();
  t.deepEqual(delivery.delivered.slice(1), ['scheduler: installApp a 2']);
});

test('code: a registry that fails fails the installation', async (t) => {
  const delivery = new Delivery();
  await delivery.registry.close();
  delivery.install('a', 1, hashOf('1'));
  await settled();
  t.like(delivery.failures, [{ error: { code: 'ModuleFailed' } }]);
  t.regex(delivery.failures[0]?.error.message ?? '', /could not get the code of app a/);
});

test('code: what concerns one app comes in its order; others do not wait', async (t) => {
  const delivery = new Delivery();
  const { hash } = await delivery.publish('1');
  delivery.install('b', 1, hash);
  await settled();
  const other = await delivery.publish('2');
  delivery.delivered.splice(0);
  delivery.shut();
  delivery.install('a', 1, other.hash);
  delivery.uninstall('a', 1);
  delivery.install('a', 2, hash, '1');
  delivery.install('a', 3, hash);
  delivery.uninstall('b', 1);
  delivery.code.take([{ to: 'scheduler', message: { kind: 'forwardDue' } }]);
  t.deepEqual(delivery.delivered, ['scheduler: uninstallApp b 1', 'scheduler: forwardDue  ']);
  await delivery.open();
  t.deepEqual(delivery.delivered.slice(2), [
    'scheduler: installApp a 1',
    'scheduler: uninstallApp a 1',
    'scheduler: installApp a 2',
    'scheduler: installApp a 3',
  ]);
});

test('code: what waits behind an installation that fails goes on', async (t) => {
  const delivery = new Delivery();
  const { hash } = await delivery.publish('1');
  delivery.install('a', 1, hashOf('nothing'));
  delivery.uninstall('a', 1);
  delivery.install('a', 2, hash);
  await settled();
  t.deepEqual(delivery.delivered, ['coordinator@c1: appInstallFailed a 1', 'scheduler: uninstallApp a 1', 'scheduler: installApp a 2']);
});

test('code: that comes with its message needs no registry', (t) => {
  const delivery = new Delivery();
  delivery.install('a', 1, hashOf('1'), '1');
  t.deepEqual(delivery.delivered, ['scheduler: installApp a 1']);
  t.deepEqual(delivery.asked, []);
});

test('code: of many apps only the newest is kept', async (t) => {
  const delivery = new Delivery();
  const hashes: string[] = [];
  for (let i = 0; i < 17; i++) hashes.push((await delivery.publish(String(i))).hash);
  for (const [i, hash] of hashes.entries()) delivery.install(`app${i}`, 1, hash);
  await settled();
  delivery.asked.splice(0);
  delivery.install('again', 1, hashes[16] ?? '');
  delivery.install('again', 2, hashes[0] ?? '');
  await settled();
  t.deepEqual(delivery.asked, [bundleKey(hashes[0] ?? '')]);
});

test('code: nothing of an app changes before whoever runs it has been told', async (t) => {
  const told: string[] = [];
  let go: () => void = () => undefined;
  const delivery = new Delivery({
    changing: async (app, gone) => {
      told.push(`${app} ${gone}`);
      await new Promise<void>((resolve) => (go = resolve));
    },
  });
  const { hash } = await delivery.publish('1');
  delivery.install('a', 2, hash);
  delivery.uninstall('a', 1);
  await settled();
  t.deepEqual([told, delivery.delivered], [['a null'], []]);
  go();
  await settled();
  t.deepEqual([told, delivery.delivered], [['a null', 'a 1'], ['scheduler: installApp a 2']]);
  go();
  await settled();
  t.deepEqual(delivery.delivered, ['scheduler: installApp a 2', 'scheduler: uninstallApp a 1']);
});

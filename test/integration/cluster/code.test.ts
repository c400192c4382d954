/** How the code of apps comes to workers, and changes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { App, Runtime, SessionHandle } from 'pheromone';
import { sourceOf } from '../../../src/api/arguments.ts';
import { bundleApp } from '../../../src/cluster/bundle.ts';
import { defaultConfig } from '../../../src/cluster/config.ts';
import type { Registry } from '../../../src/cluster/registry/registry.ts';
import { RemoteClient } from '../../../src/cluster/remote-client.ts';
import { bundleKey } from '../../../src/cluster/roles/code.ts';
import { immediateApp } from '../runtime/apps/primitives.ts';
import { assertEmpty, eventually, failureOf } from '../runtime/started.ts';
import { napsApp, waitingApp } from './apps.ts';
import { clientOf, clusterFor, workerProcess } from './started.ts';

/** The cluster's own, as a node sees it. */
async function remoteOf(t: ExecutionContext, gateway: string): Promise<RemoteClient> {
  const nothing = () => undefined;
  const config = defaultConfig();
  const client = await RemoteClient.open({ config, keys: null, log: nothing, gateway, timeoutMs: 5_000, receive: nothing, lost: nothing });
  t.teardown(() => client.close());
  return client;
}

async function registryOf(t: ExecutionContext, gateway: string): Promise<Registry> {
  return (await remoteOf(t, gateway)).registry;
}

test('a bundle that has another hash than it is asked for by is not run: ModuleFailed names both, and nothing else breaks', async (t) => {
  const { address } = await clusterFor(t, { coordinators: 2, workers: 2 });
  const registry = await registryOf(t, address);
  const { hash, code } = await bundleApp(sourceOf(napsApp));
  const wrong = Buffer.from('throw new Error("it was run");');
  await registry.put(bundleKey(hash), wrong, { expected: 0, ttlMs: null });
  const client = await clientOf(t, address);
  const error = await failureOf(t, 'ModuleFailed', client.registerApp(napsApp));
  t.is(error.detail.hash, hash);
  t.regex(error.message, new RegExp(`the bundle has the hash [0-9a-f]{64}, not ${hash}: it is not run`));
  await failureOf(t, 'UnknownApp', client.call(napsApp, 'naps', 1));
  await client.registerApp(immediateApp);
  t.regex(String(await client.call(immediateApp, 'each', 'x')), /x!$/);

  await registry.put(bundleKey(hash), Buffer.from(code), { expected: null, ttlMs: null });
  await client.registerApp(napsApp);
  t.is(await client.call(napsApp, 'naps', 1), process.pid);
});

test('a worker that joins gets the apps there are, and sessions', async (t) => {
  const cluster = await clusterFor(t, { coordinators: 2, workers: 1 });
  const client = await clientOf(t, cluster.address, { apps: [waitingApp, napsApp] });
  const first = await client.start(waitingApp, 'opened', 1);
  const { pid } = await workerProcess(t, cluster.address, 'second');
  const sessions: SessionHandle<number>[] = [first];
  const homedThere = async () => (await client.clusterStatus()).nodes.find(({ name }) => name === 'second')?.openSessions ?? 0;
  await eventually(t, 'it has sessions', async () => {
    sessions.push(await client.start(waitingApp, 'opened', 1));
    return (await homedThere()) > 1;
  });
  for (const session of sessions) await session.put('told', { key: 'end', value: 1 });
  t.deepEqual(new Set(await Promise.all(sessions.map((session) => session.result()))), new Set([process.pid, pid]));
  await eventually(t, 'calls go there, too', async () => {
    const calls = Array.from({ length: 4 }, () => client.call(napsApp, 'naps', 20));
    return (await Promise.all(calls)).includes(pid);
  });
  await assertEmpty(t, client);
});

/** A module that changes; the app is told by its name, as clients may that do not have it. */
async function writeApp(t: ExecutionContext) {
  // Where `pheromone` resolves.
  const folder = await mkdtemp(fileURLToPath(new URL('changed-', import.meta.url)));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'greeting.ts');
  return async (text: string): Promise<App> => {
    await writeFile(
      file,
      `import { bucket, bySet, defineApp, fn, immediate } from 'pheromone';
      const guests = bucket('guests', { external: true });
      const names = bucket('names');
      const doors = bucket('doors');
      const welcome = fn('welcome', { inputs: guests }, ([guest], ctx) => ctx.output(\`${text} \${guest.value}\`));
      const greet = fn('greet', { input: names }, ({ value }, ctx) => ctx.output(\`${text} \${value}\`));
      const open = fn('open', { input: doors }, () => undefined);
      const triggers = [guests.on(bySet({ keys: ['guest'] }), welcome), names.on(immediate(), greet), doors.on(immediate(), open)];
      export default defineApp('greeting', { module: import.meta.url, triggers });`,
    );
    return ((await import(`${pathToFileURL(file).href}?${text}`)) as { default: App }).default;
  };
}

async function greetings(client: Runtime, count: number): Promise<ReadonlySet<unknown>> {
  const calls = Array.from({ length: count }, () => client.call('greeting', { names: [{ value: 'you' }] }));
  return new Set(await Promise.all(calls));
}

test('a new revision takes new sessions, those of other clients too, while old ones finish on the old one', async (t) => {
  const cluster = await clusterFor(t, { coordinators: 2, workers: 2 });
  const write = await writeApp(t);
  const one = await clientOf(t, cluster.address, { apps: [await write('hello')] });
  const other = await clientOf(t, cluster.coordinators[1]!.address);
  const old = await Promise.all(Array.from({ length: 4 }, () => one.start('greeting', { doors: [{ value: 1 }] })));
  t.deepEqual(await greetings(other, 20), new Set(['hello you']));
  await other.registerApp(await write('good day'));
  t.deepEqual(await greetings(other, 20), new Set(['good day you']));
  t.deepEqual(await greetings(one, 20), new Set(['good day you']));
  for (const session of old) {
    t.is((await session.status()).revision, 1);
    await session.put('guests', { key: 'guest', value: 'old friend' });
    t.deepEqual(await session.result({ until: 'end' }), ['hello old friend']);
  }
  await assertEmpty(t, one);
});

test('revisions that come while calls go on fail none of them', async (t) => {
  const cluster = await clusterFor(t, { coordinators: 2, workers: 2 });
  const write = await writeApp(t);
  const client = await clientOf(t, cluster.address, { apps: [await write('1')] });
  let isOver = false;
  const seen = new Set<unknown>();
  const calling = Array.from({ length: 8 }, async () => {
    while (!isOver) seen.add(await client.call('greeting', { names: [{ value: '' }] }));
  });
  for (const text of ['2', '3', '4', '5']) await client.registerApp(await write(text));
  t.is(await client.call('greeting', { names: [{ value: '' }] }), '5 ');
  isOver = true;
  await Promise.all(calling);
  t.true(seen.size > 1, [...seen].join());
  await assertEmpty(t, client);
});

test('an app survives its coordinator: another acts for it, its revisions count on, and it can be changed and called', async (t) => {
  const apps = [napsApp, immediateApp, waitingApp];
  // Which coordinator has which app is up to their names, which are different each time.
  for (let tries = 0; tries < 8; tries++) {
    const cluster = await clusterFor(t, { coordinators: 2, workers: 2 });
    const [first, second] = cluster.coordinators;
    const client = await clientOf(t, cluster.address, { apps });
    const view = (await remoteOf(t, cluster.address)).view;
    if (view.ownerOfApp(napsApp.name) !== second?.name) continue;
    await client.registerApp(napsApp);
    await second.stop();
    await eventually(t, 'the first acts for it', () => view.ownerOfApp(napsApp.name) === first?.name);
    t.is(await client.call(napsApp, 'naps', 1), process.pid);
    const session = await client.start(napsApp, 'naps', 1);
    t.is(await session.result(), process.pid);
    t.is((await session.status()).revision, 3);
    await client.registerApp(napsApp);
    t.is(await client.call(napsApp, 'naps', 1), process.pid);
    await client.unregisterApp(napsApp);
    await failureOf(t, 'UnknownApp', client.start(napsApp, 'naps', 1));
    return;
  }
  t.fail('the app was never of the second coordinator');
});

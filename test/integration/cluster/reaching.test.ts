/** Who cannot reach a cluster, or is refused by it, is told so in time, and leaves nothing behind. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { connect, type Runtime } from 'pheromone';
import { startCoordinator } from '../../../src/cluster/roles/coordinator.ts';
import { startWorker } from '../../../src/cluster/roles/worker.ts';
import { closingApp } from '../runtime/apps/closing.ts';
import { outputsApp, slowApp } from '../runtime/apps/sessions.ts';
import { napApp } from '../runtime/apps/busy.ts';
import { eventually, failureOf } from '../runtime/started.ts';
import { anyPort, openMesh } from '../transport/meshes.ts';
import { clientOf, clusterFor, roleConfig } from './started.ts';

/** A port, and who listens there: nobody any more if `served` is null. */
async function portOf(t: ExecutionContext, served: ((socket: Socket) => void) | null): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    served?.(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  if (served) t.teardown(close);
  else await close();
  return `tcp://127.0.0.1:${port}`;
}

/** That nobody has it. */
async function assertFree(t: ExecutionContext, address: string): Promise<void> {
  const port = Number(new URL(address.replace('tcp', 'http')).port);
  await eventually(t, `${address} is free`, async () => {
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = once(server, 'listening').then(
      () => true,
      () => false,
    );
    return isFree.finally(() => server.close());
  });
}

async function assertUnreachable(t: ExecutionContext, address: string, work: Promise<unknown>, withinMs: number): Promise<void> {
  const startedMs = performance.now();
  const error = await failureOf(t, 'PeerUnreachable', work);
  const elapsedMs = performance.now() - startedMs;
  t.true(error.message.includes(address), error.message);
  t.is(error.detail.address, address);
  t.true(elapsedMs < withinMs + 700, `after ${Math.round(elapsedMs)} of ${withinMs} ms`);
}

const others: readonly (readonly [who: string, served: ((socket: Socket) => void) | null])[] = [
  ['nobody', null],
  ['who says nothing', () => undefined],
  ['who hangs up', (socket) => socket.end()],
  ['who speaks HTTP', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')],
  [
    'who talks nonsense without end',
    (socket) => setInterval(() => socket.destroyed || socket.write(Buffer.alloc(1_000, 0xff)), 20).unref(),
  ],
];

for (const [who, served] of others) {
  test(`connect: to ${who}: PeerUnreachable names the address, within timeoutMs`, async (t) => {
    const address = await portOf(t, served);
    await assertUnreachable(t, address, connect(address, { timeoutMs: 400, logLevel: 'silent' }), 400);
  });
}

test('connect: to a worker, and to a node that only seems to be a coordinator: PeerUnreachable, within timeoutMs', async (t) => {
  const cluster = await clusterFor(t);
  const [worker] = cluster.workers;
  await assertUnreachable(t, worker!.address, connect(worker!.address, { timeoutMs: 500, logLevel: 'silent' }), 500);
  const { mesh } = openMesh(t, 'mute', { role: 'coordinator' });
  const address = await mesh.listen(anyPort);
  await assertUnreachable(t, address, connect(address, { timeoutMs: 500, logLevel: 'silent' }), 500);
});

test('connect: to a node of another release: ProtocolMismatch', async (t) => {
  const { mesh } = openMesh(t, 'old', { role: 'coordinator', version: '0' });
  const error = await failureOf(t, 'ProtocolMismatch', connect(await mesh.listen(anyPort), { logLevel: 'silent' }));
  t.is(error.detail.theirs, '0');
});

test('connect: every bad address and option is refused with its name, value and limit', async (t) => {
  const dial = connect as (address: unknown, options?: unknown) => Promise<Runtime>;
  const refuse = async (message: RegExp, ...args: [unknown, unknown?]) =>
    t.regex((await failureOf(t, 'InvalidOption', dial(...args))).message, message);
  const bad = [
    '',
    'localhost:7000',
    'tcp://127.0.0.1',
    'tcp://127.0.0.1:0',
    'tcp://127.0.0.1:65536',
    'tcp://*:7000',
    'ipc://x',
    'tcp://a b:7',
  ];
  for (const address of [...bad, 7_000, undefined, null])
    await refuse(/^connect: address is .*: must be a coordinator's address: tcp:/, address);
  const address = 'tcp://127.0.0.1:9';
  await refuse(/^connect: options is "fast": must be an object/, address, 'fast');
  await refuse(/^connect: options\.timeoutMs is 0: /, address, { timeoutMs: 0 });
  await refuse(/^connect: options\.logLevel is "loud": must be one of 'debug'/, address, { logLevel: 'loud' });
  await refuse(/^connect: options\.apps/, address, { apps: [{}] });
  await refuse(/^connect: options\.executors is 2: is not an option \(there are apps, timeoutMs, keyFile, key, logLevel\)/, address, {
    executors: 2,
  });
});

test('connect: without a worker it works, and apps cannot be registered yet', async (t) => {
  const { address } = await clusterFor(t, { workers: 0 });
  const client = await clientOf(t, address);
  const error = await failureOf(t, 'Overloaded', client.registerApp(closingApp));
  t.regex(error.message, /app closing cannot be installed: no worker has joined the cluster/);
  await failureOf(t, 'UnknownApp', client.call(closingApp, 'naps', 1));
  await failureOf(t, 'Overloaded', connect(address, { apps: [closingApp], logLevel: 'silent' }));
});

test('a worker, a coordinator: where `join` leads to nobody, PeerUnreachable; nothing stays behind', async (t) => {
  const [nobody, listen] = [await portOf(t, null), await portOf(t, null)];
  const config = await roleConfig(t, { name: 'lonely', join: nobody, listen });
  await assertUnreachable(t, nobody, startWorker(config), 10_000);
  await assertFree(t, listen);
  await assertUnreachable(t, nobody, startCoordinator(config), 10_000);
  await assertFree(t, listen);
});

test('a worker: where `join` leads to one that is no coordinator, PeerUnreachable', async (t) => {
  const { workers } = await clusterFor(t);
  const listen = await portOf(t, null);
  const config = await roleConfig(t, { name: 'astray', join: workers[0]!.address, listen });
  await assertUnreachable(t, workers[0]!.address, startWorker(config), 10_000);
  await assertFree(t, listen);
});

test('a port in use: AddressInUse, for workers and coordinators, which can be started elsewhere then', async (t) => {
  const { address } = await clusterFor(t);
  const taken = await portOf(t, () => undefined);
  const config = await roleConfig(t, { name: 'late', join: address, listen: taken });
  t.is((await failureOf(t, 'AddressInUse', startWorker(config))).detail.address, taken);
  t.is((await failureOf(t, 'AddressInUse', startCoordinator({ ...config, join: null }))).detail.address, taken);
  for (const [start, join] of [
    [startWorker, address],
    [startCoordinator, null],
  ] as const) {
    const role = await start({ ...config, join, listen: anyPort });
    await role.stop();
  }
});

test('a name that a worker has: another is refused, leaves nothing behind, and harms nobody; when it has left, the name is free', async (t) => {
  const cluster = await clusterFor(t, { coordinators: 2 });
  const client = await clientOf(t, cluster.address);
  const [first] = cluster.workers;
  for (const { address } of cluster.coordinators) {
    const listen = await portOf(t, null);
    const error = await failureOf(t, 'NodeNameTaken', startWorker(await roleConfig(t, { name: first!.name, join: address, listen })));
    t.is(error.detail.name, first!.name);
    await assertFree(t, listen);
  }
  for (const app of [closingApp, napApp, slowApp, outputsApp]) await client.registerApp(app);
  t.is(new Set((await client.clusterStatus()).apps.map(({ coordinator }) => coordinator)).size, 2, 'both have some');
  t.is(await (await client.start(closingApp, 'naps', 1)).result(), 1);
  t.is(await (await client.start(napApp, 'naps', 2)).result(), 2);
  t.regex(String(await (await client.start(slowApp, 'slow', 'x')).result()), /^x:/);
  t.deepEqual(await (await client.start(outputsApp, 'many', 'good')).result({ until: 'end' }), [0, 1, 2]);
  await first!.stop();
  await cluster.addWorker({ name: first!.name });
  await eventually(t, 'it has the apps', async () =>
    (await client.start(closingApp, 'naps', 3, { id: 'again' })).result().then((value) => value === 3),
  );
});

test('a name that two workers want at the same time: one gets it', async (t) => {
  const { address } = await clusterFor(t, { coordinators: 2, workers: 0 });
  const configs = await Promise.all([1, 2].map(() => roleConfig(t, { name: 'twin', join: address })));
  const started = await Promise.allSettled(configs.map((config) => startWorker(config)));
  const running = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  t.teardown(() => Promise.all(running.map((worker) => worker.stop())).then(() => undefined));
  t.is(running.length, 1);
  const refused = started.find((one) => one.status === 'rejected');
  await failureOf(t, 'NodeNameTaken', Promise.reject(refused?.reason as Error));
  const client = await clientOf(t, address, { apps: [closingApp] });
  t.is(await client.call(closingApp, 'naps', 1), 1);
});

/** Who may be a peer, and what is said to who may not. */
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { protocolVersion } from '../../../src/cluster/transport/zmq/greeting.ts';
import { TransportError } from '../../../src/cluster/transport/zmq/mesh.ts';
import { freePort } from '../free-port.ts';
import { anyPort, numbers, openMesh, openPair, say, until } from './meshes.ts';

test.serial('transport: handshake: both ends know each other by name, role, incarnation and address', async (t) => {
  const a = openMesh(t, 'a', { role: 'worker', incarnation: 7 });
  const b = openMesh(t, 'b', { role: 'coordinator', incarnation: 8 });
  const endpoint = await b.mesh.listen(anyPort);
  t.regex(endpoint, /^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/);
  a.mesh.advertise('tcp://a.example:7001');
  b.mesh.advertise('tcp://b.example:7001');
  const expected = { name: 'b', role: 'coordinator', incarnation: 8, address: endpoint } as const;
  t.deepEqual(await a.mesh.connect(endpoint, 10_000), expected);
  t.deepEqual(a.ups, [expected]);
  t.deepEqual(a.mesh.peers(), [expected]);
  t.deepEqual(b.ups, [{ name: 'a', role: 'worker', incarnation: 7, address: 'tcp://a.example:7001' }]);
  t.is(a.mesh.name, 'a');
  t.is(b.mesh.outletTo('c'), null);
  t.deepEqual(await a.mesh.connect(endpoint, 10_000), expected, 'once more is the same connection');
});

test.serial('transport: handshake: another version is refused, and both versions are named at both ends', async (t) => {
  const old = openMesh(t, 'old', { version: '0-beef' });
  const b = openMesh(t, 'b');
  const endpoint = await b.mesh.listen(anyPort);
  const error = await t.throwsAsync(old.mesh.connect(endpoint, 10_000), { instanceOf: TransportError });
  t.like(error.data, { code: 'ProtocolMismatch', detail: { ours: '0-beef', theirs: protocolVersion } });
  t.true(error.message.includes('0-beef') && error.message.includes(protocolVersion), error.message);
  const [warning] = b.log.filter(({ level }) => level === 'warn');
  t.true(JSON.stringify(warning).includes('0-beef') && JSON.stringify(warning).includes(protocolVersion));
  t.true(b.mesh.counters.refused >= 1);
  t.deepEqual([b.ups, old.ups], [[], []]);
});

test.serial('transport: handshake: a name that a living node has is refused, also its own', async (t) => {
  const b = openMesh(t, 'b');
  const endpoint = await b.mesh.listen(anyPort);
  const first = openMesh(t, 'a');
  await first.mesh.connect(endpoint, 10_000);
  for (const name of ['a', 'b']) {
    const error = await t.throwsAsync(openMesh(t, name).mesh.connect(endpoint, 10_000), { instanceOf: TransportError });
    t.like(error.data, { code: 'NodeNameTaken', detail: { name } });
  }
  const earlier = openMesh(t, 'a', { incarnation: 5 });
  await t.throwsAsync(earlier.mesh.connect(endpoint, 10_000), { instanceOf: TransportError, message: /named a is connected already/ });
  t.deepEqual(b.downs, []);
  say(first, 'b', 1, 2, 3);
  await until('the first is heard as before', () => b.got.length === 3);
});

test.serial('transport: handshake: of two nodes of one name that were dialled the second is refused', async (t) => {
  const [one, other, a] = [openMesh(t, 'b'), openMesh(t, 'b'), openMesh(t, 'a')];
  await a.mesh.connect(await one.mesh.listen(anyPort), 10_000);
  const error = await t.throwsAsync(a.mesh.connect(await other.mesh.listen(anyPort), 10_000), { instanceOf: TransportError });
  t.is(error.code, 'NodeNameTaken');
  await until('the refused node has noted it', () => other.downs.length === 1);
  t.deepEqual(a.downs, []);
});

test.serial('transport: handshake: nobody listens: it is said which address, within the time-out', async (t) => {
  const a = openMesh(t, 'a');
  const free = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => free.once('listening', resolve));
  const endpoint = `tcp://127.0.0.1:${(free.address() as net.AddressInfo).port}`;
  await new Promise((resolve) => free.close(resolve));
  const startMs = performance.now();
  const error = await t.throwsAsync(a.mesh.connect(endpoint, 300), { instanceOf: TransportError });
  t.true(performance.now() - startMs < 1_000);
  t.like(error.data, { code: 'PeerUnreachable', retryable: true, detail: { address: endpoint } });
  t.true(error.message.includes(endpoint), error.message);
  const b = openMesh(t, 'b');
  await b.mesh.listen(endpoint);
  await new Promise((resolve) => setTimeout(resolve, 150));
  t.deepEqual([a.ups, b.ups], [[], []], 'what was given up is not dialled any more');
  t.is((await a.mesh.connect(endpoint, 10_000)).name, 'b');
});

test.serial('transport: handshake: a peer that starts after it was dialled is found within the time-out', async (t) => {
  const [a, b, other] = [openMesh(t, 'a'), openMesh(t, 'b'), openMesh(t, 'other')];
  const endpoint = await other.mesh.listen(anyPort);
  await other.mesh.close({ lingerMs: 0 });
  const connecting = a.mesh.connect(endpoint, 3_000);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await b.mesh.listen(endpoint);
  t.is((await connecting).name, 'b');
});

test.serial('transport: handshake: something listens that is no node', async (t) => {
  const a = openMesh(t, 'a');
  const greets = net.createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n').on('error', () => undefined));
  const silent = net.createServer();
  for (const server of [greets, silent]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `tcp://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
    const error = await t.throwsAsync(a.mesh.connect(endpoint, 300), { instanceOf: TransportError });
    t.is(error.code, 'PeerUnreachable');
    server.close();
  }
});

test.serial('transport: handshake: a port in use and endpoints that are none are refused by name', async (t) => {
  const [a, b] = [openMesh(t, 'a'), openMesh(t, 'b')];
  const endpoint = await a.mesh.listen(anyPort);
  const inUse = await t.throwsAsync(b.mesh.listen(endpoint), { instanceOf: TransportError });
  t.like(inUse.data, { code: 'AddressInUse', detail: { address: endpoint } });
  t.true(inUse.message.includes(endpoint));
  for (const bad of [
    '',
    'nonsense',
    'tcp://',
    'tcp://127.0.0.1',
    'tcp://127.0.0.1:70000',
    'ipc:///tmp/x',
    'tcp://1.2.3.4:80',
    'tcp://a b:1',
  ]) {
    const error = await t.throwsAsync(b.mesh.listen(bad), { instanceOf: TransportError }, bad);
    t.is(error.code, 'InvalidOption', bad);
  }
  for (const bad of ['', 'nonsense', 'tcp://127.0.0.1:0', 'tcp://*:80']) {
    const error = await t.throwsAsync(b.mesh.connect(bad, 100), { instanceOf: TransportError }, bad);
    t.is(error.code, 'InvalidOption', bad);
  }
  t.is((await b.mesh.connect(endpoint, 10_000)).name, 'a', 'and all still works');
});

test.serial('transport: handshake: more peers than peersMax are refused, until one is gone for good', async (t) => {
  const b = openMesh(t, 'b', { limits: { peersMax: 2, peerKeptMs: 0 } });
  const endpoint = await b.mesh.listen(anyPort);
  const [one, two, three] = [openMesh(t, 'one'), openMesh(t, 'two'), openMesh(t, 'three')];
  await one.mesh.connect(endpoint, 10_000);
  await two.mesh.connect(endpoint, 10_000);
  const error = await t.throwsAsync(three.mesh.connect(endpoint, 10_000), { instanceOf: TransportError });
  t.like(error.data, { code: 'Overloaded', retryable: true, detail: { peersMax: 2 } });
  await one.mesh.close({ lingerMs: 0 });
  await until('one has left', () => b.downs.length === 1);
  t.is((await three.mesh.connect(endpoint, 10_000)).name, 'b');
});

test.serial('transport: handshake: two that dial each other are one peer to each other', async (t) => {
  const [a, b] = [openMesh(t, 'a'), openMesh(t, 'b')];
  const [toA, toB] = await Promise.all([a.mesh.listen(anyPort), b.mesh.listen(anyPort)]);
  await Promise.all([a.mesh.connect(toB, 10_000), b.mesh.connect(toA, 10_000)]);
  t.deepEqual([a.ups.length, b.ups.length], [1, 1]);
  for (let i = 0; i < 200; i++) {
    say(a, 'b', i);
    say(b, 'a', i);
    if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await until('all has come', () => a.got.length === 200 && b.got.length === 200);
  t.deepEqual([a.got, b.got], [numbers(200), numbers(200)]);
});

test.serial('transport: handshake: a closed mesh refuses', async (t) => {
  const [a, b] = await openPair(t);
  const pending = a.mesh.connect('tcp://127.0.0.1:9', 5_000);
  await a.mesh.close({ lingerMs: 0 });
  await t.throwsAsync(pending, { instanceOf: TransportError, message: /closed/ });
  await t.throwsAsync(a.mesh.listen(anyPort), { instanceOf: TransportError, message: /closed/ });
  await t.throwsAsync(a.mesh.connect('tcp://127.0.0.1:9', 5_000), { instanceOf: TransportError, message: /closed/ });
  await a.mesh.close({ lingerMs: 0 });
  await until('b knows', () => b.downs.length === 1);
});

test.serial('transport: handshake: who has closed before it was heard introduces itself to nobody', async (t) => {
  const a = openMesh(t, 'a');
  const port = await freePort();
  const connecting = a.mesh.connect(`tcp://127.0.0.1:${port}`, 5_000);
  await sleep(50);
  await Promise.all([t.throwsAsync(connecting, { instanceOf: TransportError }), a.mesh.close({ lingerMs: 0 })]);
  const b = openMesh(t, 'b');
  await b.mesh.listen(`tcp://127.0.0.1:${port}`);
  // Longer than what was written last has to leave.
  await sleep(400);
  t.deepEqual([b.ups, b.mesh.peers()], [[], []]);
});

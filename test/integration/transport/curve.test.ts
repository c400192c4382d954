/** Meshes with keys: who gets in, what is said to who does not, and what can be read on the wire. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { createKeyPair } from '../../../src/cluster/keys/key-pair.ts';
import { Keys } from '../../../src/cluster/keys/keys.ts';
import { TransportError } from '../../../src/cluster/transport/zmq/mesh.ts';
import { anyPort, done, openMesh, say, type TestMesh, until, wayTo } from './meshes.ts';
import { TcpProxy } from './tcp-proxy.ts';

const cluster = createKeyPair();
const client = createKeyPair();
const stranger = createKeyPair();
const nodeKeys = Keys.ofCluster(cluster, [client.publicKey]);
const clientKeys = Keys.ofClient(client, cluster.publicKey);

test.serial('curve: nodes and clients with keys connect, and are who they say', async (t) => {
  const b = openMesh(t, 'b', { keys: nodeKeys });
  const endpoint = await b.mesh.listen(anyPort);
  const a = openMesh(t, 'a', { keys: nodeKeys });
  const c = openMesh(t, '~c', { role: 'client', keys: clientKeys });
  t.like(await a.mesh.connect(endpoint, 5_000), { name: 'b' });
  t.like(await c.mesh.connect(endpoint, 5_000), { name: 'b' });
  say(a, 'b', 1);
  say(c, 'b', 2);
  await until('both have come', () => b.got.length === 2);
  t.deepEqual(b.ups.map(({ name, role }) => `${role} ${name}`).sort(), ['client ~c', 'worker a']);
});

for (const [who, keys, why, said] of [
  [
    'with an unknown key',
    Keys.ofClient(stranger, cluster.publicKey),
    /does not know the key of this process/,
    /its key is none of this cluster/,
  ],
  ['without keys', null, /it wants keys, and this process has none/, /it has no keys, or not those/],
  ['that expects another cluster', Keys.ofCluster(stranger, []), /hangs up in the handshake|key file/, /it has no keys, or not those/],
] as const) {
  test.serial(`curve: one ${who} is turned away with a clear error, and the log tells`, async (t) => {
    const b = openMesh(t, 'b', { keys: nodeKeys });
    const a = openMesh(t, 'a', { keys });
    const endpoint = await b.mesh.listen(anyPort);
    const error = await t.throwsAsync(a.mesh.connect(endpoint, 2_500), { instanceOf: TransportError, message: why });
    t.like(error.data, { code: 'PeerUnreachable', detail: { address: endpoint, reason: 'keys' } });
    await until('it is logged', () => b.log.some(({ level, text }) => level === 'warn' && said.test(text)));
    t.true(b.log.length <= 2, `${b.log.length} lines`);
    t.true(b.mesh.counters.refused >= 1);
    t.deepEqual([a.ups, b.ups, b.got], [[], [], []]);
    const logged = JSON.stringify([a.log, b.log, error.data]);
    for (const { secretKey } of [cluster, client, stranger]) t.false(logged.includes(secretKey.slice(0, 12)));
  });
}

test.serial('curve: one with keys is not deceived by a node without: it says nothing, and ends with a clear error', async (t) => {
  const b = openMesh(t, 'b');
  const a = openMesh(t, 'a', { keys: nodeKeys });
  const endpoint = await b.mesh.listen(anyPort);
  const error = await t.throwsAsync(a.mesh.connect(endpoint, 2_500), {
    instanceOf: TransportError,
    message: /it has no keys, while this process has/,
  });
  t.like(error.data, { code: 'PeerUnreachable', detail: { reason: 'keys' } });
  await until('it is logged', () => b.log.some(({ text }) => text.includes('it has keys, and this node has none')));
  t.deepEqual(b.ups, []);
});

test.serial('curve: with the key of a client nobody joins as a node, nor takes the name of one', async (t) => {
  const b = openMesh(t, 'b', { keys: nodeKeys });
  const endpoint = await b.mesh.listen(anyPort);
  for (const [name, role] of [
    ['w9', 'worker'],
    ['c9', 'coordinator'],
    ['w9', 'client'],
  ] as const) {
    const mesh = openMesh(t, name, { role, keys: clientKeys });
    const error = await t.throwsAsync(mesh.mesh.connect(endpoint, 2_500), { instanceOf: TransportError, message: /may not join/ });
    t.like(error.data, { code: 'PeerUnreachable', detail: { reason: 'keys' } });
  }
  t.deepEqual(b.ups, []);
});

test.serial('curve: several clusters in one process keep their doors apart, and another comes after all were closed', async (t) => {
  for (let round = 0; round < 3; round++) {
    const [one, two] = [createKeyPair(), createKeyPair()].map((pair) => Keys.ofCluster(pair, [])) as [Keys, Keys];
    const [b1, b2] = [openMesh(t, 'b1', { keys: one }), openMesh(t, 'b2', { keys: two })];
    const endpoints = await Promise.all([b1.mesh.listen(anyPort), b2.mesh.listen(anyPort)]);
    const [a1, a2] = [openMesh(t, 'a1', { keys: one }), openMesh(t, 'a2', { keys: two })];
    await a1.mesh.connect(endpoints[0], 5_000);
    await a2.mesh.connect(endpoints[1], 5_000);
    await t.throwsAsync(openMesh(t, 'x', { keys: one }).mesh.connect(endpoints[1], 300), { message: /key file/ });
    await Promise.all([a1, a2, b1, b2].map(({ mesh }) => mesh.close({ lingerMs: 100 })));
  }
  t.pass();
});

test.serial('curve: doors that close while somebody shakes hands end no process', async (t) => {
  for (let round = 0; round < 20; round++) {
    const [one, two] = [createKeyPair(), createKeyPair()].map((pair) => Keys.ofCluster(pair, [])) as [Keys, Keys];
    const [b1, b2] = [openMesh(t, 'b1', { keys: one }), openMesh(t, 'b2', { keys: two })];
    const endpoints = await Promise.all([b1.mesh.listen(anyPort), b2.mesh.listen(anyPort)]);
    const [a1, a2, x, y] = [one, two, one, one].map((keys, i) => openMesh(t, `a${i}`, { keys })) as [
      TestMesh,
      TestMesh,
      TestMesh,
      TestMesh,
    ];
    await Promise.all([a1.mesh.connect(endpoints[0], 5_000), a2.mesh.connect(endpoints[1], 5_000)]);
    // They try again and again, also while the doors close.
    const tries = [x, y].map(({ mesh }) => t.throwsAsync(mesh.connect(endpoints[1], 10 + round), { instanceOf: TransportError }));
    await Promise.race(tries);
    await Promise.all([a1, a2, b1, b2].map(({ mesh }, i) => mesh.close({ lingerMs: (i * round) % 20 })));
    await sleep((round * 7) % 20);
    await Promise.all([...tries, x.mesh.close({ lingerMs: 0 }), y.mesh.close({ lingerMs: 0 })]);
  }
});

for (const [how, keys, isClear] of [
  ['without keys a payload can be read on the wire', null, true],
  ['with keys nothing of a payload, nor of a hello, can be read on the wire', nodeKeys, false],
] as const) {
  test.serial(`curve: ${how}`, async (t) => {
    const b = openMesh(t, 'node-b', { keys });
    const proxy = await TcpProxy.open(t, await b.mesh.listen(anyPort));
    const heard: Buffer[] = [];
    proxy.tap = (bytes) => heard.push(bytes);
    const a = openMesh(t, 'node-a', { keys });
    await a.mesh.connect(proxy.endpoint, 5_000);
    for (const text of ['a small payload, to be recognised', 'a large payload, to be recognised '.repeat(4_000)]) {
      wayTo(a, 'node-b').send('somebody', done(1, text));
      wayTo(b, 'node-a').send('somebody', done(1, text));
      a.mesh.flush();
      b.mesh.flush();
    }
    await until('all has come', () => a.got.length === 2 && b.got.length === 2);
    const wire = Buffer.concat(heard).toString('latin1');
    t.true(wire.length > 270_000);
    for (const words of ['a small payload', 'a large payload', 'node-a', 'incarnation', 'PHZ1', 'somebody'])
      t.is(wire.includes(words), isClear, words);
  });
}

/** What is not of this protocol: it is counted and dropped, and nobody else notices. */
import { randomBytes, randomInt } from 'node:crypto';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { writeBody, writePacket, writeSign } from '../../../src/cluster/transport/zmq/datagram.ts';
import { protocolVersion } from '../../../src/cluster/transport/zmq/greeting.ts';
import { encodeFrame } from '../../../src/cluster/wire/codec.ts';
import { anyPort, cameInOrder, done, onlyFrom, openMesh, say, type TestMesh, until } from './meshes.ts';
import { greet, hear, openDealer } from './raw-peer.ts';

/** A mesh with a peer that goes on talking to it. */
async function openTarget(t: ExecutionContext): Promise<{ b: TestMesh; endpoint: string; isUndisturbed(): Promise<void> }> {
  const [a, b] = [openMesh(t, 'a'), openMesh(t, 'b', { limits: { frameBytesMax: 2 ** 20, handshakeTimeoutMs: 2_000 } })];
  const endpoint = await b.mesh.listen(anyPort);
  await a.mesh.connect(endpoint, 10_000);
  let sent = 0;
  const talking = setInterval(() => say(a, 'b', sent++), 2);
  t.teardown(() => clearInterval(talking));
  return {
    b,
    endpoint,
    async isUndisturbed() {
      const before = b.got.length;
      await until('the peer is still heard', () => b.got.length > before + 10);
      clearInterval(talking);
      await until('all has come', () => onlyFrom('a', b).got.length >= sent);
      cameInOrder(t, onlyFrom('a', b), sent);
      t.deepEqual([a.downs, b.downs.filter(({ peer }) => peer.name === 'a')], [[], []]);
      t.deepEqual(
        [...a.log, ...b.log].filter(({ level }) => level === 'error'),
        [],
      );
    },
  };
}

const magic = Buffer.from('PHZ1');

/** Random bytes; more or less like a datagram, so that each check is reached. `saysBye`: may be a goodbye, after which nothing else would be heard. */
function randomDatagram(saysBye: boolean): Buffer[] {
  const kind = Buffer.from([saysBye ? randomInt(12) : randomInt(5, 12), 0, 0, randomInt(20) === 0 ? 1 : 0]);
  const shapes = [
    () => [randomBytes(randomInt(200))],
    () => Array.from({ length: randomInt(1, 6) }, () => randomBytes(randomInt(60))),
    () => [Buffer.concat([magic, randomBytes(randomInt(100))])],
    () => [Buffer.concat([magic, kind, randomBytes(randomInt(100))])],
    () => [Buffer.concat([magic, kind, Buffer.from('{"version":null,"name":[]}')])],
    () => [Buffer.concat([magic, Buffer.alloc(4), randomBytes(32)]), randomBytes(randomInt(100))],
    () => [Buffer.concat([magic, Buffer.alloc(4), ...[5, 0, 0, 0].map(float), randomBytes(randomInt(20))])],
    () => [Buffer.alloc(0), Buffer.alloc(0)],
  ];
  return (shapes[randomInt(shapes.length)] as () => Buffer[])();
}

function float(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

test.serial('transport: garbage: 10,000 random messages of a stranger harm nobody', async (t) => {
  const { b, endpoint, isUndisturbed } = await openTarget(t);
  const dealer = openDealer(t, endpoint);
  for (let i = 0; i < 10_000; i++) {
    await dealer.send(randomDatagram(true));
    if (i % 500 === 0) await sleep(1);
  }
  const { counters } = b.mesh;
  await until('all were seen', () => counters.malformed + counters.unknown + counters.refused > 9_500);
  t.true(counters.malformed > 5_000);
  t.true(counters.unknown > 100);
  await isUndisturbed();
  t.is(b.ups.length, 1);
});

test.serial('transport: garbage: 10,000 random messages and frames of a peer harm nobody', async (t) => {
  const { b, endpoint, isUndisturbed } = await openTarget(t);
  const dealer = openDealer(t, endpoint);
  await greet(dealer, 'liar');
  const [link, dealt] = [2 ** 50, b.mesh.counters];
  let sequence = 0;
  const frames = [
    () => randomBytes(randomInt(1, 300)),
    () => Buffer.from([0x9a, 0x01, 0xff, 0xff, 0xff]),
    () => Buffer.from([0x81, 0x82, 0x61, 0x78, 0x19, 0xff, 0xff]),
    () => Buffer.concat([encodeFrame([{ to: 'x', message: done(1) }]).subarray(0, 5), randomBytes(20)]),
  ];
  await dealer.send([...writePacket({ from: link, to: 0, received: 0, sequence: 0, frame: null })]);
  let to = 0;
  while (to === 0) {
    const answer = await hear(dealer);
    if (answer?.kind === 'packet') to = answer.packet.from;
  }
  const deep = Buffer.alloc(100_000, 0x81);
  for (let i = 0; i < 10_000; i++) {
    const frame = i % 500 === 1 ? deep : (frames[i % frames.length] as () => Buffer)();
    await dealer.send(i % 2 === 0 ? randomDatagram(false) : [...writePacket({ from: link, to, received: 0, sequence: ++sequence, frame })]);
    if (i % 200 === 0) await sleep(1);
  }
  await until('all were seen', () => dealt.malformed > 8_000);
  t.true(b.log.some(({ text }) => text.includes('cannot be read')));
  const good = encodeFrame([{ to: 'x', message: done(-1) }]);
  await dealer.send([...writePacket({ from: link, to, received: 0, sequence: ++sequence, frame: good })]);
  await until('a good frame is read after all these', () => b.got.includes(-1));
  await isUndisturbed();
});

test.serial('transport: garbage: packets that are well made but senseless are ignored', async (t) => {
  const { b, endpoint, isUndisturbed } = await openTarget(t);
  const dealer = openDealer(t, endpoint);
  const frame = encodeFrame([{ to: 'x', message: done(666) }]);
  await dealer.send([...writePacket({ from: 1, to: 1, received: 0, sequence: 1, frame })]);
  t.is((await hear(dealer))?.kind, 'who', 'a stranger is asked who he is');
  await greet(dealer, 'odd');
  for (const from of [1, 2 ** 53 - 1]) {
    for (const to of [0, 1, 2 ** 53 - 1]) {
      for (const received of [0, 1, 2 ** 53 - 1]) {
        for (const sequence of [1, 2, 257, 2 ** 53 - 1]) {
          await dealer.send([...writePacket({ from, to, received, sequence, frame: to === 0 ? null : frame })]);
        }
      }
    }
  }
  for (const kind of ['who', 'pong', 'ping', 'beat'] as const) await dealer.send([...writeSign(kind)]);
  for (const kind of ['welcome', 'refused', 'hello'] as const)
    await dealer.send([...writeBody(kind, { version: protocolVersion, name: '' })]);
  await until('all were seen', () => b.mesh.counters.malformed >= 4);
  t.false(b.got.includes(666));
  await dealer.send([...writeBody('bye', {})]);
  await until('it has left', () => b.downs.some(({ error }) => error.detail['reason'] === 'left'));
  await isUndisturbed();
});

test.serial('transport: garbage: raw bytes on the port harm nobody', async (t) => {
  const { endpoint, isUndisturbed } = await openTarget(t);
  const port = Number(new URL(endpoint).port);
  await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      const socket = net.connect(port, '127.0.0.1').on('error', () => undefined);
      await new Promise((resolve) => socket.once('connect', resolve));
      if (i % 3 === 0) socket.write(zmtpGreeting());
      for (let n = 0; n < 20; n++) socket.write(randomBytes(randomInt(1, 2_000)));
      if (i % 2 === 0) await sleep(20);
      socket.destroy();
    }),
  );
  await isUndisturbed();
});

test.serial('transport: garbage: a frame that says it has 2 GB takes no memory and ends its connection', async (t) => {
  const { endpoint, isUndisturbed } = await openTarget(t);
  const socket = net.connect(Number(new URL(endpoint).port), '127.0.0.1').on('error', () => undefined);
  t.teardown(() => socket.destroy());
  let isClosed = false;
  socket.on('close', () => (isClosed = true));
  socket.resume();
  const before = process.memoryUsage.rss();
  socket.write(zmtpGreeting());
  await sleep(50);
  socket.write(zmtpReady());
  await sleep(50);
  t.false(isClosed, 'the handshake of ZeroMQ itself is good');
  // A long message frame with a length of eight bytes.
  const head = Buffer.alloc(9);
  head[0] = 0x02;
  head.writeBigUInt64BE(2n ** 31n, 1);
  socket.write(head);
  const chunk = Buffer.alloc(65_536);
  for (let i = 0; i < 100 && !isClosed; i++) {
    socket.write(chunk);
    await sleep(1);
  }
  await until('the connection is closed', () => isClosed);
  t.true(process.memoryUsage.rss() - before < 200 * 2 ** 20);
  await isUndisturbed();
});

test.serial('transport: garbage: a message above frameBytesMax ends its connection, one below passes', async (t) => {
  const { b, endpoint, isUndisturbed } = await openTarget(t);
  const small = openDealer(t, endpoint);
  await small.send(randomBytes(1_000_000));
  await until('it was seen', () => b.mesh.counters.malformed === 1);
  const large = openDealer(t, endpoint);
  await large.send(randomBytes(1_100_000));
  await sleep(100);
  t.is(b.mesh.counters.malformed, 1);
  await isUndisturbed();
});

/** ZMTP 3.0, mechanism NULL. */
function zmtpGreeting(): Buffer {
  const greeting = Buffer.alloc(64);
  greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]);
  greeting.write('NULL', 12, 'latin1');
  return greeting;
}

function zmtpReady(): Buffer {
  const text = (value: string) => Buffer.from(value, 'latin1');
  const value = text('DEALER');
  const body = Buffer.concat([
    Buffer.from([5]),
    text('READY'),
    Buffer.from([11]),
    text('Socket-Type'),
    Buffer.from([0, 0, 0, value.length]),
    value,
  ]);
  return Buffer.concat([Buffer.from([0x04, body.length]), body]);
}

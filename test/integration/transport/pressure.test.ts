/** Peers that do not answer, do not read, or are given too much; and how a mesh ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { TransportError } from '../../../src/cluster/transport/zmq/mesh.ts';
import { writePacket, writeSign } from '../../../src/cluster/transport/zmq/datagram.ts';
import { anyPort, cameInOrder, done, numbers, openMesh, openPair, say, type TestMesh, until, wayTo } from './meshes.ts';
import { greet, openDealer } from './raw-peer.ts';

const piece = (sizeBytes: number): Message => ({ kind: 'objectPiece', request: 1, at: 0, bytes: new Uint8Array(sizeBytes) });

/** A peer that is there, says so, and reads nothing. */
async function openDeafPeer(t: ExecutionContext, to: TestMesh, endpoint: string): Promise<void> {
  const dealer = openDealer(t, endpoint);
  dealer.receiveHighWaterMark = 1;
  await greet(dealer, 'deaf');
  await dealer.send([...writePacket({ from: 1, to: 0, received: 0, sequence: 0, frame: null })]);
  const beating = setInterval(() => void dealer.send([...writeSign('beat')]), 50);
  t.teardown(() => clearInterval(beating));
  await until('it is up', () => to.ups.some(({ name }) => name === 'deaf'));
}

test.serial(
  'transport: pressure: who does not read is congested, then given up; memory stays bounded, and others do not notice',
  async (t) => {
    const mebibyte = 2 ** 20;
    const b = openMesh(t, 'b', { limits: { bytesCongested: 4 * mebibyte, bytesHeldMax: 32 * mebibyte } });
    const endpoint = await b.mesh.listen(anyPort);
    await openDeafPeer(t, b, endpoint);
    const other = openMesh(t, 'other');
    await other.mesh.connect(endpoint, 10_000);
    const deaf = wayTo(b, 'deaf');
    while (!deaf.isCongested) {
      deaf.send('there', piece(256 * 1024));
      deaf.flush();
    }
    t.true(deaf.load.bytes < 5 * mebibyte);
    const waiting = deaf.hasRoom();
    let isSettled = false;
    waiting.catch(() => (isSettled = true));
    for (let i = 0; i < 100; i++) {
      say(b, 'other', i);
      say(other, 'b', i);
      if (i % 10 === 0) await sleep(10);
    }
    await until('the others have heard each other', () => other.got.length === 100 && b.got.length === 100);
    t.false(isSettled);
    t.deepEqual(b.downs, [], 'it says that it is there');
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 2_000; i++) {
      deaf.send('there', piece(256 * 1024));
      t.true(deaf.load.bytes <= 32 * mebibyte);
      if (i % 100 === 0) await sleep(1);
    }
    t.true(process.memoryUsage.rss() - before < 300 * mebibyte);
    const error = await t.throwsAsync(waiting, { instanceOf: TransportError, message: /bytesHeldMax/ });
    t.is(error.code, 'PeerUnreachable');
    t.is(b.downs.length, 1);
    t.true(deaf.counters.envelopesLost > 1_800);
    t.deepEqual(deaf.load, { envelopes: 0, frames: 0, bytes: 0 });
    await t.throwsAsync(deaf.hasRoom(), { instanceOf: TransportError });
    say(b, 'other', 100);
    await until('the other hears', () => other.got.length === 101);
  },
);

test.serial('transport: pressure: a peer that says nothing any more is down once, in time', async (t) => {
  const b = openMesh(t, 'b');
  const dealer = openDealer(t, await b.mesh.listen(anyPort));
  await greet(dealer, 'mute');
  const startMs = performance.now();
  const congested = wayTo(b, 'mute');
  for (let i = 0; i < 3_000; i++) congested.send('there', piece(10_000));
  const waiting = t.throwsAsync(congested.hasRoom(), { instanceOf: TransportError, message: /nothing was heard/ });
  await until('it is down', () => b.downs.length > 0);
  const tookMs = performance.now() - startMs;
  t.true(tookMs >= 350 && tookMs < 1_500, `${tookMs} ms`);
  await waiting;
  await sleep(600);
  t.is(b.downs.length, 1);
  t.is(b.downs[0]?.error.code, 'PeerUnreachable');
  t.deepEqual(b.mesh.peers(), []);
});

test.serial('transport: pressure: peers that have nothing to say stay up, and send no frames', async (t) => {
  const [a, b] = await openPair(t);
  await sleep(1_300);
  t.deepEqual([a.downs, b.downs], [[], []]);
  t.deepEqual([a.mesh.counters.framesSent, b.mesh.counters.framesReceived], [0, 0]);
});

test.serial('transport: pressure: a node that was held up itself blames nobody', async (t) => {
  const [a, b] = await openPair(t);
  const untilMs = performance.now() + 1_000;
  while (performance.now() < untilMs) say(a, 'b', ...numbers(0));
  await sleep(300);
  t.deepEqual([a.downs, b.downs], [[], []]);
});

function openChild(t: ExecutionContext, endpoint: string, mode: 'echo' | 'leave'): ChildProcess {
  const file = fileURLToPath(new URL('child-mesh.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import=tsx', '--conditions=source', file, endpoint, mode], { stdio: 'inherit' });
  t.teardown(() => child.kill('SIGKILL'));
  return child;
}

test.serial('transport: pressure: a stopped process is down, and has missed nothing when it goes on', async (t) => {
  const b = openMesh(t, 'b');
  const child = openChild(t, await b.mesh.listen(anyPort), 'echo');
  await until('it is up', () => b.ups.length === 1, 20_000);
  say(b, 'child', 0);
  await until('it answers', () => b.got.length === 1);
  child.kill('SIGSTOP');
  for (let i = 1; i < 500; i++) say(b, 'child', i);
  await until('it is down', () => b.downs.length === 1);
  for (let i = 500; i < 1_000; i++) say(b, 'child', i);
  child.kill('SIGCONT');
  await until('it is up again', () => b.ups.length === 2);
  await until('it has answered all', () => b.got.length >= 1_000);
  cameInOrder(t, b, 1_000);
  t.is(b.ups[0]?.incarnation, b.ups[1]?.incarnation);
});

test.serial('transport: pressure: a process that has closed its mesh ends, and what it said last arrives', async (t) => {
  const b = openMesh(t, 'b');
  const child = openChild(t, await b.mesh.listen(anyPort), 'leave');
  const [code] = (await once(child, 'exit')) as [number];
  t.is(code, 0);
  await until('it has left', () => b.downs.length === 1);
  t.like(b.downs[0]?.error.detail, { reason: 'left' });
  cameInOrder(t, b, 5_000);
});

test.serial('transport: pressure: close waits for what is still to be acknowledged, and no longer than it may', async (t) => {
  const [a, b] = await openPair(t);
  for (let i = 0; i < 100_000; i++) wayTo(a, 'b').send('there', done(i));
  const closing = a.mesh.close({ lingerMs: 5_000 });
  t.is(a.mesh.close({ lingerMs: 0 }), closing, 'closing twice is closing once');
  await closing;
  await until('it has left', () => b.downs.length === 1);
  cameInOrder(t, b, 100_000);
  const endpoint = await openMesh(t, 'c').mesh.listen(anyPort);
  t.truthy(endpoint);
  const d = openMesh(t, 'd');
  await openDeafPeer(t, d, await d.mesh.listen(anyPort));
  say(d, 'deaf', 1);
  const startMs = performance.now();
  await d.mesh.close({ lingerMs: 200 });
  const tookMs = performance.now() - startMs;
  t.true(tookMs >= 150 && tookMs < 1_000, `${tookMs} ms`);
});

test.serial(
  'transport: pressure: what is too large for one frame is sent in several; a message that is too large by itself ends the peer',
  async (t) => {
    const [a, b] = await openPair(t, { limits: { frameBytesMax: 2 ** 20 } });
    const way = wayTo(a, 'b');
    for (let i = 0; i < 10; i++) way.send('there', done(i, 'x'.repeat(300_000)));
    way.flush();
    await until('all has come', () => b.got.length === 10);
    cameInOrder(t, b, 10);
    way.send('there', done(11, 'x'.repeat(2 ** 20)));
    way.flush();
    t.is(a.downs.length, 1);
    t.regex(a.downs[0]?.error.message ?? '', /requestDone.*frameBytesMax/);
    await until('the other end has been told', () => b.downs.length === 1);
    await until('both are up again', () => a.ups.length === 2 && b.ups.length === 2);
    say(a, 'b', 10);
    await until('it hears', () => b.got.length === 11);
    cameInOrder(t, b, 11);
  },
);

test.serial('transport: pressure: a message that cannot be encoded is logged, and takes no other with it', async (t) => {
  const [a, b] = await openPair(t);
  const way = wayTo(a, 'b');
  way.send('there', done(0));
  way.send('there', done(1, Symbol('no')));
  way.send('there', done(1));
  way.flush();
  await until('the others have come', () => b.got.length === 2);
  cameInOrder(t, b, 2);
  t.true(a.log.some(({ level, text }) => level === 'error' && text.includes('encoded')));
});

test.serial('transport: pressure: what the owner throws is logged, and the connection goes on', async (t) => {
  const thrower = () => {
    throw new Error('a bug');
  };
  const a = openMesh(t, 'a', { received: thrower, peerUp: thrower, peerDown: thrower });
  const b = openMesh(t, 'b');
  await a.mesh.connect(await b.mesh.listen(anyPort), 10_000);
  say(b, 'a', 1);
  await until('it was logged', () => a.log.filter(({ text }) => text.includes('has thrown')).length === 2);
  say(a, 'b', 0);
  await until('it hears', () => b.got.length === 1);
  t.deepEqual(a.mesh.peers().length, 1);
});

test.serial('transport: pressure: many peers at once', async (t) => {
  const hub = openMesh(t, 'hub');
  const endpoint = await hub.mesh.listen(anyPort);
  const spokes = numbers(40).map((i) => openMesh(t, `spoke${i}`));
  await Promise.all(spokes.map(({ mesh }) => mesh.connect(endpoint, 5_000)));
  t.is(hub.mesh.peers().length, 40);
  for (let round = 0; round < 50; round++) {
    for (const spoke of spokes) {
      say(spoke, 'hub', round);
      say(hub, spoke.mesh.name, round);
    }
    if (round % 10 === 0) await sleep(1);
  }
  await until('all has come', () => hub.got.length === 2_000 && spokes.every(({ got }) => got.length === 50));
  for (const spoke of spokes) cameInOrder(t, spoke, 50);
});

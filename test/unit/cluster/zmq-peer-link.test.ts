/** The link to a peer, without sockets: what leaves when, and what is held. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { errorData } from '../../../src/actors/protocol/error.ts';
import { collectorIfAny } from '../../../src/cluster/collector.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { Link } from '../../../src/cluster/link/link.ts';
import type { Packet } from '../../../src/cluster/link/packet.ts';
import { createCounters } from '../../../src/cluster/transport/zmq/counters.ts';
import { type Frame, type Parts, readDatagram } from '../../../src/cluster/transport/zmq/datagram.ts';
import { type MeshLimits, meshLimitsDefault } from '../../../src/cluster/transport/zmq/limits.ts';
import { PeerLink } from '../../../src/cluster/transport/zmq/peer-link.ts';
import { decodeFrame, decodePiece, encodeFrame, encodePiece, type Envelope, MalformedFrame } from '../../../src/cluster/wire/codec.ts';

const done = (request: number): Message => ({ kind: 'requestDone', request, result: null });

const checkOut: Message = { kind: 'checkOut', home: 'scheduler@w1', session: 's' };

class Way {
  readonly packets: Packet<Frame>[] = [];
  isBlocked = false;

  transmit(parts: Parts): void {
    const datagram = readDatagram(
      parts.map((part) => Buffer.from(part)),
      0,
    );
    if (datagram?.kind === 'packet') this.packets.push(datagram.packet);
  }

  take(): Packet<Frame>[] {
    return this.packets.splice(0);
  }

  get frames(): number {
    return this.packets.filter(({ frame }) => frame !== null).length;
  }
}

const closed = errorData('RuntimeClosed', 'closed');

function open(t: ExecutionContext, given: Partial<MeshLimits> = {}) {
  const limits = { ...meshLimitsDefault, ...given };
  const overflows: string[] = [];
  const waiting: number[] = [];
  const links = [1, 2].map((number) => {
    const got: Envelope[] = [];
    const link = new PeerLink({
      peer: 'peer',
      number,
      limits,
      totals: createCounters(),
      log: () => undefined,
      received: (envelopes) => got.push(...envelopes),
      waiting: () => waiting.push(number),
      peerChanged: () => undefined,
      overflowed: (error) => overflows.push(error.message),
    });
    const way = new Way();
    link.use(way);
    // Its timers keep the process alive.
    t.teardown(() => link.end(closed));
    return { link, way, got };
  });
  const [a, b] = links as [(typeof links)[0], (typeof links)[0]];
  const pass = () => {
    for (let i = 0; a.way.packets.length + b.way.packets.length > 0 && i < 100; i++) {
      for (const packet of a.way.take()) b.link.take(packet, 40 + (packet.frame?.byteLength ?? 0));
      for (const packet of b.way.take()) a.link.take(packet, 40 + (packet.frame?.byteLength ?? 0));
    }
  };
  // So that each knows the other.
  a.link.send('x', done(0));
  a.link.flush();
  pass();
  b.got.length = 0;
  waiting.length = 0;
  return { a, b, pass, overflows, waiting };
}

test('peer link: envelopes leave in one frame at flush, or when there are enough of them', (t) => {
  const { a, b, pass } = open(t);
  for (let i = 0; i < 10; i++) a.link.send('x', done(i));
  t.is(a.way.frames, 0);
  a.link.flush();
  a.link.flush();
  t.is(a.way.frames, 1);
  for (let i = 0; i < 256; i++) a.link.send('x', done(i));
  t.is(a.way.frames, 2);
  pass();
  t.is(b.got.length, 266);
});

test('peer link: it says once that something waits, until it has left', (t) => {
  const { a, pass, waiting } = open(t);
  for (let i = 0; i < 3; i++) a.link.send('x', done(i));
  t.deepEqual(waiting, [1]);
  a.link.flush();
  pass();
  t.deepEqual(waiting, [1]);
  a.link.send('x', done(3));
  t.deepEqual(waiting, [1, 1]);
});

test('peer link: what nobody waits for leaves with what somebody does', (t) => {
  const { a, b, pass, waiting } = open(t);
  a.link.send('x', checkOut);
  a.link.flush();
  t.is(a.way.frames, 0);
  t.deepEqual(waiting, []);
  a.link.send('x', done(1));
  t.deepEqual(waiting, [1]);
  a.link.flush();
  t.is(a.way.frames, 1);
  pass();
  t.deepEqual(
    b.got.map(({ message }) => message.kind),
    ['checkOut', 'requestDone'],
  );
});

test('peer link: what nobody waits for leaves after a while, also when nothing else does', async (t) => {
  const { a, b, pass } = open(t);
  a.link.send('x', checkOut);
  for (let i = 0; i < 400 && a.way.frames === 0; i++) await sleep(5);
  pass();
  t.deepEqual(
    b.got.map(({ message }) => message.kind),
    ['checkOut'],
  );
  a.link.send('x', checkOut);
  await Promise.race([a.link.drained(), sleep(0)]);
  t.is(a.way.frames, 1, 'and at once, if that is asked for');
});

test('peer link: while as much is held as may be under way, envelopes wait for a common frame', (t) => {
  const { a, b, pass } = open(t, { framesUnderWayMax: 8 });
  for (let i = 0; i < 100; i++) {
    a.link.send('x', done(i));
    a.link.flush();
  }
  t.is(a.way.frames, 7, 'one more was under way already');
  t.is(a.link.load.envelopes, 93);
  pass();
  t.is(b.got.length, 100);
  t.is(a.link.counters.framesSent, 9);
});

test('peer link: what has come is acknowledged at once when the other end may be waiting for it', (t) => {
  const { a, b } = open(t, { framesUnderWayMax: 8, acknowledgeMsMax: 60_000 });
  a.way.take();
  // One has come before.
  for (const expected of [1, 0, 1, 0, 1]) {
    a.link.send('x', done(0));
    a.link.flush();
    for (const packet of a.way.take()) b.link.take(packet, 50);
    t.is(b.way.take().length, expected);
  }
  a.link.send('x', { kind: 'objectPiece', request: 0, at: 0, bytes: new Uint8Array(2 ** 20) });
  for (const packet of a.way.take()) b.link.take(packet, 2 ** 20);
  t.is(b.way.take().length, 1, 'a large one, at once');
});

test('peer link: an acknowledgement alone leaves after a while, and nothing else does', async (t) => {
  const { a, b } = open(t, { acknowledgeMsMax: 20, resendMsMin: 60_000 });
  a.link.send('x', done(1));
  a.link.flush();
  for (const packet of a.way.take()) b.link.take(packet, 50);
  t.is(b.way.packets.length, 0);
  await sleep(60);
  t.is(b.way.packets.length, 1);
  for (const packet of b.way.take()) a.link.take(packet, 40);
  await sleep(60);
  t.deepEqual([a.way.packets, b.way.packets], [[], []]);
  t.is(a.link.load.frames, 0);
  t.is(a.link.load.bytes, 0);
});

test('peer link: on a new way all that was under way goes again, and arrives once', (t) => {
  const { a, b, pass } = open(t);
  a.way.take();
  for (let i = 0; i < 20; i++) {
    a.link.send('x', done(i));
    a.link.flush();
  }
  const lost = a.way.take();
  const way = new Way();
  a.link.use(way);
  t.is(way.frames, lost.length + 1, 'with the one that introduced them');
  for (const packet of [...way.take(), ...lost]) b.link.take(packet, 50);
  pass();
  t.is(b.got.length, 20);
});

test('peer link: without a way nothing leaves, and all is kept', (t) => {
  const { a, b, pass } = open(t);
  pass();
  a.link.use(null);
  for (let i = 0; i < 1_000; i++) a.link.send('x', done(i));
  a.link.flush();
  t.is(a.way.packets.length, 0);
  a.link.use(a.way);
  pass();
  t.is(b.got.length, 1_000);
});

test('peer link: bytes and frames that are held have a limit, which is told once it is reached', (t) => {
  const bytes = open(t, { bytesHeldMax: 100_000, bytesCongested: 50_000 });
  for (let i = 0; i < 7; i++) bytes.a.link.send('x', { kind: 'objectPiece', request: 0, at: i, bytes: new Uint8Array(20_000) });
  t.true(bytes.a.link.isCongested);
  t.is(bytes.overflows.length, 3);
  t.regex(bytes.overflows[0] ?? '', /bytesHeldMax/);
  t.true(bytes.a.link.load.bytes <= 100_000);
  const frames = open(t, { framesUnderWayMax: 4, framesHeldMax: 16 });
  for (let i = 0; i < 20 * 256; i++) frames.a.link.send('x', done(i));
  t.true(frames.a.link.isCongested);
  t.regex(frames.overflows[0] ?? '', /framesHeldMax/);
  t.is(frames.a.link.load.frames, 16);
});

test('link: resume sends all that is under way again, or asks who the peer is', (t) => {
  const limits = { windowFramesMax: 4, framesMax: 16, resendMsMin: 100, resendMsMax: 400, acknowledgeMsMax: 10 };
  const [a, b] = [new Link(1, limits, () => 0), new Link(2, limits, () => 0)];
  const sent = (decisions: ReturnType<Link['send']>) => decisions.flatMap((one) => (one.kind === 'transmit' ? [one.packet] : []));
  t.deepEqual(a.resume(), []);
  for (let i = 0; i < 6; i++) a.send(new Uint8Array([i]));
  const [asking] = sent(a.resume());
  t.like(asking, { to: 0, sequence: 0 });
  const [answer] = sent(b.receive(asking as Packet));
  t.deepEqual(
    sent(a.receive(answer as Packet)).map(({ sequence }) => sequence),
    [1, 2, 3, 4],
  );
  t.deepEqual(
    sent(a.resume()).map(({ sequence }) => sequence),
    [1, 2, 3, 4],
  );
});

test('codec: the bytes of a piece are not copied, and read as they are', (t) => {
  for (const sizeBytes of [0, 1, 300_000]) {
    const bytes = new Uint8Array(sizeBytes).map((_, i) => i % 253);
    const message: Message = { kind: 'objectPiece', request: 7, at: 2 ** 40, bytes };
    const frame = encodePiece({ to: 'objects@w1', message }, bytes);
    t.is(frame.bytes, bytes);
    t.is(frame.byteLength, frame.head.byteLength + sizeBytes);
    t.deepEqual(decodePiece(frame), [{ to: 'objects@w1', message }]);
  }
});

test('codec: bytes that are of no piece are malformed', (t) => {
  const bytes = new Uint8Array(3);
  const piece: Envelope = { to: 'x', message: { kind: 'objectPiece', request: 7, at: 0, bytes } };
  for (const envelopes of [[], [{ to: 'x', message: done(1) }], [piece, piece]])
    t.throws(() => decodePiece({ head: encodeFrame(envelopes), bytes, byteLength: 4 }), { instanceOf: MalformedFrame });
});

test('peer link: P4: the bytes of a piece are needed until the peer has them', async (t) => {
  const { a, b, pass } = open(t, { framesUnderWayMax: 1_000 });
  const settled: string[] = [];
  const send = (name: string) => {
    a.link.send('x', { kind: 'objectPiece', request: 1, at: 0, bytes: new Uint8Array(20_000) });
    void a.link.settled().then(() => settled.push(name));
  };
  await b.link.drained();
  pass();
  await a.link.settled();
  send('first');
  pass();
  t.is(b.got.length, 1);
  await sleep(0);
  t.deepEqual(settled, []);
  await b.link.drained();
  pass();
  await sleep(0);
  t.deepEqual(settled, ['first']);
  send('second');
  await sleep(0);
  t.deepEqual(settled, ['first']);
});

test('peer link: P4: after its end, the bytes of a piece are needed until what it was sent with has gone', async (t) => {
  const { a } = open(t);
  const kept: Parts[] = [];
  // As ZeroMQ does: it refers to what it was given.
  a.link.use({ transmit: (parts) => kept.push(parts), isBlocked: false });
  const bytes = new Uint8Array(20_000);
  let settled = 0;
  a.link.send('x', { kind: 'objectPiece', request: 1, at: 0, bytes });
  void a.link.settled().then(() => settled++);
  a.link.end(closed);
  // Also who asks only now.
  void a.link.settled().then(() => settled++);
  const collect = collectorIfAny();
  for (let i = 0; i < 5; i++) {
    collect?.();
    await sleep(1);
  }
  t.is(settled, 0);
  t.true(kept.splice(0).length > 0);
  for (let i = 0; i < 1_000 && settled < 2; i++) {
    collect?.();
    await sleep(1);
  }
  t.is(settled, 2);
  t.is(bytes.length, 20_000, 'whoever has sent it may keep the bytes themselves');
});

test('peer link: P4: what has not left when it ends is not waited for', async (t) => {
  const { a, b, pass } = open(t, { framesUnderWayMax: 2 });
  await b.link.drained();
  pass();
  for (const request of [1, 2]) {
    a.link.send('x', done(request));
    a.link.flush();
  }
  t.is(a.link.load.frames, 2);
  a.link.send('x', { kind: 'objectPiece', request: 3, at: 0, bytes: new Uint8Array(20_000) });
  const settled = a.link.settled();
  a.link.end(closed);
  await settled;
  await a.link.settled();
  t.true(a.link.isCongested, 'and whoever has more to send is told');
  await t.throwsAsync(a.link.hasRoom());
});

test('codec: a frame with a field of the wrong type is malformed, and nothing else is thrown', (t) => {
  const good: Envelope[] = [
    {
      to: 'x',
      message: { kind: 'answer', request: 1, error: null, objects: [], ref: { encoding: 0, sizeBytes: 1, inline: null, offset: 3 } },
    },
    { to: 'x', message: { kind: 'putObjects', request: 1, client: 'c', session: 's', entries: [] } },
  ];
  const frame = encodeFrame(good);
  t.is(decodeFrame(frame).length, 2);
  for (let at = 0; at < frame.length; at++) {
    for (let value = 0; value < 256; value++) {
      const bent = Uint8Array.from(frame);
      bent[at] = value;
      try {
        decodeFrame(bent);
      } catch (error) {
        if (!(error instanceof MalformedFrame)) throw error;
      }
    }
  }
});

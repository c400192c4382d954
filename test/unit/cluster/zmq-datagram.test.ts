/** What meshes send each other: written, read, and refused. */
import test from 'ava';
import fc from 'fast-check';
import { kinds, readDatagram, writeBody, writePacket, writeSign } from '../../../src/cluster/transport/zmq/datagram.ts';
import { bindingOf, parseEndpoint } from '../../../src/cluster/transport/zmq/endpoint.ts';
import { protocolVersion, readError, readGreeting } from '../../../src/cluster/transport/zmq/greeting.ts';
import { nodeNameTaken, TransportError } from '../../../src/cluster/transport/zmq/transport-error.ts';

const asReceived = (parts: readonly Uint8Array[]) => parts.map((part) => Buffer.from(part));
const count = fc.maxSafeNat();

test('datagram: packets are read as they were written, small ones in one part, large ones in two', (t) => {
  const packets = fc.record({
    from: count.map((value) => Math.max(1, value)),
    to: count.map((value) => Math.max(1, value)),
    received: count,
    sequence: count.map((value) => Math.max(1, value)),
    frame: fc.oneof(
      fc.uint8Array({ minLength: 1 }),
      fc.constantFrom(new Uint8Array(16_384), new Uint8Array(16_385), new Uint8Array(1_000_000)),
    ),
  });
  fc.assert(
    fc.property(packets, (packet) => {
      const parts = writePacket(packet);
      t.is(parts.length, packet.frame.length > 16_384 ? 2 : 1);
      const datagram = readDatagram([Buffer.from('id'), ...asReceived(parts)], 1);
      if (datagram?.kind !== 'packet') throw new Error('no packet was read');
      const { frame, ...rest } = packet;
      t.like(datagram.packet, rest);
      t.is(Buffer.compare(datagram.packet.frame as Uint8Array, frame), 0);
      t.is(datagram.sizeBytes, 40 + packet.frame.length);
    }),
  );
  const empty = { from: 3, to: 0, received: 0, sequence: 0, frame: null };
  t.deepEqual(readDatagram(asReceived(writePacket(empty)), 0), { kind: 'packet', packet: empty, sizeBytes: 40 });
});

test('datagram: D1: a piece has its envelope behind the header, and its bytes apart, as they lie', (t) => {
  const head = Uint8Array.from([1, 2, 3]);
  for (const sizeBytes of [1, 300_000]) {
    const bytes = new Uint8Array(sizeBytes).fill(9);
    const packet = { from: 1, to: 2, received: 3, sequence: 4, frame: { head, bytes, byteLength: 3 + sizeBytes } };
    const parts = writePacket(packet);
    t.is(parts[1], bytes);
    const datagram = readDatagram(asReceived(parts), 0);
    if (datagram?.kind !== 'packet' || datagram.packet.frame === null || !('head' in datagram.packet.frame))
      throw new Error('no piece was read');
    const { frame, ...rest } = datagram.packet;
    t.deepEqual({ ...rest, frame: { ...frame, head: new Uint8Array(frame.head), bytes: new Uint8Array(frame.bytes) } }, packet);
    t.is(datagram.sizeBytes, 43 + sizeBytes);
  }
});

test('datagram: signs and bodies are read as they were written', (t) => {
  for (const kind of ['who', 'beat', 'ping', 'pong'] as const) t.deepEqual(readDatagram(asReceived(writeSign(kind)), 0), { kind });
  for (const kind of ['hello', 'welcome', 'refused', 'bye'] as const) {
    t.deepEqual(readDatagram(asReceived(writeBody(kind, { a: ['ä', 1] })), 0), { kind, body: { a: ['ä', 1] } });
  }
});

test('datagram: whatever the bytes, nothing is thrown', (t) => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.uint8Array({ maxLength: 80 }).map((bytes) => new Uint8Array([...Buffer.from('PHZ1'), ...bytes])),
    fc
      .tuple(fc.nat(kinds.length), fc.uint8Array({ maxLength: 80 }))
      .map(([kind, bytes]) => new Uint8Array([...Buffer.from('PHZ1'), kind, 0, 0, 0, ...bytes])),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
      const datagram = readDatagram(asReceived(parts), 0);
      if (datagram?.kind === 'packet') t.true(Object.values(datagram.packet).every((value) => typeof value !== 'number' || value >= 0));
      if (datagram && 'body' in datagram) t.notThrows(() => [readGreeting(datagram.body), readError(datagram.body)]);
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

test('datagram: packets that contradict themselves are none', (t) => {
  const frame = new Uint8Array([1]);
  const good = { from: 1, to: 1, received: 0, sequence: 1, frame };
  const bad = [
    { ...good, from: 0 },
    { ...good, to: 0 },
    { ...good, sequence: 0 },
    { ...good, frame: null },
    { ...good, received: -1 },
    { ...good, received: 0.5 },
    { ...good, from: 2 ** 53 },
    { ...good, from: Number.NaN },
    { ...good, to: Number.POSITIVE_INFINITY },
  ];
  t.truthy(readDatagram(asReceived(writePacket(good)), 0));
  for (const packet of bad) t.is(readDatagram(asReceived(writePacket(packet)), 0), null, JSON.stringify(packet));
  t.is(readDatagram([...asReceived(writePacket(good)), Buffer.from('more'), Buffer.from('more')], 0), null);
  t.is(readDatagram(asReceived(writeBody('hello', { text: 'x'.repeat(20_000) })), 0), null);
});

test('greeting: what does not say who it is, is none', (t) => {
  const good = { version: protocolVersion, name: 'w1', role: 'worker', incarnation: 1, address: null };
  t.deepEqual(readGreeting({ ...good, more: 1 }), { ...good, seal: null } as never);
  t.deepEqual(readGreeting({ ...good, name: '~k3j', role: 'client' })?.name, '~k3j');
  const bad = [
    null,
    'hello',
    [],
    ...['', 'a b', 'a@b', 'a/b', 'x'.repeat(200), 5, null].map((name) => ({ ...good, name })),
    ...['boss', null].map((role) => ({ ...good, role })),
    ...[0, -1, 1.5, 2 ** 53, '1', null].map((incarnation) => ({ ...good, incarnation })),
    ...['', 5, undefined, 'x'.repeat(2_000)].map((address) => ({ ...good, address })),
    ...['', 7].map((version) => ({ ...good, version })),
  ];
  for (const body of bad) t.is(readGreeting(body), null, JSON.stringify(body));
  t.regex(protocolVersion, /^\d+-[0-9a-f]{12}$/);
});

test('greeting: errors pass from node to node', (t) => {
  const error = nodeNameTaken('w1');
  t.deepEqual(readError(JSON.parse(JSON.stringify(error))), error);
  for (const bad of [null, 1, {}, { ...error, code: 'Nonsense' }, { ...error, message: 5 }, { ...error, detail: null }])
    t.is(readError(bad), null);
});

test('endpoint: hosts and ports are taken apart, and what has none is refused', (t) => {
  t.deepEqual(parseEndpoint('listen', 'tcp://*:0'), { host: '*', port: 0, isIpv6: false });
  t.deepEqual(parseEndpoint('connect', 'tcp://[::1]:65535'), { host: '[::1]', port: 65_535, isIpv6: true });
  t.is(bindingOf(parseEndpoint('listen', 'tcp://node-1.example:0')), 'tcp://node-1.example:*');
  t.is(bindingOf(parseEndpoint('listen', 'tcp://0.0.0.0:80')), 'tcp://0.0.0.0:80');
  for (const bad of ['tcp://a:65536', 'tcp://a', 'tcp://:1', 'tcp://::1:1', 'http://a:1', 'tcp://a:1/x', 'tcp://a:-1', ' tcp://a:1']) {
    t.throws(() => parseEndpoint('listen', bad), { instanceOf: TransportError, message: /tcp:\/\/HOST:PORT/ }, bad);
  }
});

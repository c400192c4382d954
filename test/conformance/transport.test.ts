/**
 * What every transport of envelopes must do, run over each of them: between threads, and between processes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Message } from '../../src/actors/protocol/message.ts';
import type { Outlet } from '../../src/cluster/host.ts';
import { createKeyPair } from '../../src/cluster/keys/key-pair.ts';
import { Keys } from '../../src/cluster/keys/keys.ts';
import { createLinkCounters, PortLink } from '../../src/cluster/transport/port-link.ts';
import { Mesh, meshLimitsDefault } from '../../src/cluster/transport/zmq/mesh.ts';
import type { Envelope } from '../../src/cluster/wire/codec.ts';

interface Side {
  readonly outlet: Outlet & { flush(): void; readonly isCongested: boolean; hasRoom(): Promise<void> };
  readonly got: Envelope[];
}

type Pair = readonly [Side, Side];

const implementations: Record<string, (t: ExecutionContext) => Promise<Pair>> = {
  async port(t) {
    const { port1, port2 } = new MessageChannel();
    t.teardown(() => port1.close());
    const counters = createLinkCounters();
    return [side(new PortLink(port1, counters, 0)), side(new PortLink(port2, counters, 1))];
  },
  zeromq: (t) => meshes(t, null),
  curve: (t) => meshes(t, Keys.ofCluster(createKeyPair(), [])),
};

async function meshes(t: ExecutionContext, keys: Keys | null): Promise<Pair> {
  const got: Envelope[][] = [[], []];
  const [a, b] = ['a', 'b'].map((name, i) => {
    const received = (_: unknown, envelopes: readonly Envelope[]) => void got[i]!.push(...envelopes);
    const limits = { ...meshLimitsDefault, framesHeldMax: 512 };
    const [log, peerUp, peerDown] = [() => undefined, () => undefined, () => undefined];
    const mesh = new Mesh({ name, role: 'worker', incarnation: 1, limits, log, keys, received, peerUp, peerDown });
    t.teardown(() => mesh.close({ lingerMs: 0 }));
    return mesh;
  }) as [Mesh, Mesh];
  await a.connect(await b.listen('tcp://127.0.0.1:0'), 2_000);
  return [
    { outlet: a.outletTo('b')!, got: got[0]! },
    { outlet: b.outletTo('a')!, got: got[1]! },
  ];
}

function side(outlet: PortLink): Side {
  const got: Envelope[] = [];
  outlet.receive((envelopes) => got.push(...envelopes));
  return { outlet, got };
}

const done = (request: number, result: unknown = null): Message => ({ kind: 'requestDone', request, result });

async function arrived({ got }: Side, count: number): Promise<void> {
  for (let i = 0; got.length < count && i < 2_000; i++) await sleep(5);
  if (got.length !== count) throw new Error(`${got.length} envelopes came, not ${count}`);
}

for (const [name, open] of Object.entries(implementations)) {
  const conforms = (title: string, run: (t: ExecutionContext, pair: Pair) => Promise<void>) =>
    test(`transport: ${name}: ${title}`, async (t) => run(t, await open(t)));

  conforms('envelopes arrive in the order of send, each once, whenever they are flushed', async (t, [a, b]) => {
    for (let i = 0; i < 5_000; i++) {
      a.outlet.send(`actor${i % 7}`, done(i));
      if (i % 13 === 0) a.outlet.flush();
    }
    a.outlet.flush();
    await arrived(b, 5_000);
    t.true(b.got.every(({ to, message }, i) => to === `actor${i % 7}` && (message as { request: number }).request === i));
  });

  conforms('both directions at once do not disturb each other', async (t, [a, b]) => {
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < 20; i++) {
        a.outlet.send('there', done(round * 20 + i));
        b.outlet.send('here', done(round * 20 + i));
      }
      a.outlet.flush();
      b.outlet.flush();
      if (round % 10 === 0) await sleep(1);
    }
    await Promise.all([arrived(a, 1_000), arrived(b, 1_000)]);
    for (const { got } of [a, b]) t.true(got.every(({ message }, i) => (message as { request: number }).request === i));
  });

  conforms('an answer may be sent while a message is being handled', async (t, [a, b]) => {
    a.outlet.send('there', done(1));
    a.outlet.flush();
    await arrived(b, 1);
    b.outlet.send('here', done(2));
    b.outlet.flush();
    await arrived(a, 1);
    t.deepEqual(a.got, [{ to: 'here', message: done(2) }]);
  });

  conforms('flush with nothing to send sends nothing', async (t, [a, b]) => {
    for (let i = 0; i < 100; i++) a.outlet.flush();
    await sleep(30);
    t.deepEqual(b.got, []);
  });

  conforms('carries a million envelopes', async (t, [a, b]) => {
    const count = 1_000_000;
    let next = 0;
    let inOrder = true;
    for (let i = 0; i < count; i++) {
      a.outlet.send('sink', done(i));
      if (i % 1_000 !== 999) continue;
      if (a.outlet.isCongested) await a.outlet.hasRoom();
      else await sleep(0);
      for (const { message } of b.got.splice(0)) inOrder &&= (message as { request: number }).request === next++;
    }
    a.outlet.flush();
    await arrived(b, count - next);
    for (const { message } of b.got) inOrder &&= (message as { request: number }).request === next++;
    t.true(inOrder);
    t.is(next, count);
  });

  conforms('values of all kinds arrive as they were', async (t, [a, b]) => {
    const values: unknown[] = [
      ...[null, true, false, 0, -1, 1.5, 2 ** 40, -(2 ** 53), 1e300, Number.POSITIVE_INFINITY, Number.NaN, ''],
      ...['text', 'ä€😀', 'x'.repeat(100_000), [], {}, [[[]]], [1, 'two', { three: 3 }]],
      { deep: { er: { still: [1, 2, { x: null }] } }, 'key with spaces': 1, 7: 'seven' },
      Array.from({ length: 10_000 }, (_, i) => i),
    ];
    for (const [i, value] of values.entries()) a.outlet.send('there', done(i, value));
    a.outlet.flush();
    await arrived(b, values.length);
    for (const [i, { message }] of b.got.entries()) t.deepEqual(message, done(i, values[i]));
  });

  conforms('objects inside messages arrive as they were, empty and large ones too', async (t, [a, b]) => {
    for (const sizeBytes of [0, 1, 1_024, 100_000, 1_000_000, 3_000_000]) {
      const inline = new Uint8Array(sizeBytes).map((_, i) => (i * 7) % 251);
      a.outlet.send('there', { kind: 'answer', request: 1, error: null, objects: [], ref: { encoding: 0, sizeBytes, inline, offset: -1 } });
    }
    a.outlet.flush();
    await arrived(b, 6);
    for (const { message } of b.got) {
      const { ref } = message as Extract<Message, { kind: 'answer' }>;
      t.is(ref?.inline?.byteLength, ref?.sizeBytes);
      t.true(ref?.inline?.every((byte, i) => byte === (i * 7) % 251));
    }
  });

  conforms('large objects travel in pieces', async (t, [a, b]) => {
    const sizeBytes = 256 * 1024;
    for (let at = 0; at < 40; at++) {
      if (a.outlet.isCongested) await a.outlet.hasRoom();
      a.outlet.send('there', { kind: 'objectPiece', request: 1, at, bytes: new Uint8Array(sizeBytes).fill(at) });
      a.outlet.flush();
    }
    await arrived(b, 40);
    for (const [at, { message }] of b.got.entries()) {
      const { bytes, ...rest } = message as Extract<Message, { kind: 'objectPiece' }>;
      t.deepEqual(rest, { kind: 'objectPiece', request: 1, at } as never);
      t.true(bytes.byteLength === sizeBytes && bytes.every((byte) => byte === at));
    }
  });

  conforms('the two ends share no memory', async (t, [a, b]) => {
    const inline = new Uint8Array(2_000).fill(1);
    const result = { list: [1, 2, 3] };
    a.outlet.send('there', {
      kind: 'answer',
      request: 1,
      error: null,
      objects: [],
      ref: { encoding: 0, sizeBytes: 2_000, inline, offset: -1 },
    });
    a.outlet.send('there', done(2, result));
    a.outlet.flush();
    inline.fill(2);
    result.list.push(4);
    await arrived(b, 2);
    const { ref } = b.got[0]!.message as Extract<Message, { kind: 'answer' }>;
    t.true(ref?.inline?.every((byte) => byte === 1));
    t.deepEqual(b.got[1]!.message, done(2, { list: [1, 2, 3] }));
    ref?.inline?.fill(3);
    t.true(inline.every((byte) => byte === 2));
  });

  conforms('who sends without end is congested, and has room again when the other end has taken it', async (t, [a, b]) => {
    let sent = 0;
    while (!a.outlet.isCongested && sent < 100_000) a.outlet.send('there', done(sent++));
    t.true(sent > 1_000 && sent < 100_000, `congested after ${sent}`);
    let hasRoom = false;
    const waiting = a.outlet.hasRoom().then(() => (hasRoom = true));
    await Promise.resolve();
    t.false(hasRoom, 'nothing can have been taken yet');
    await waiting;
    t.false(a.outlet.isCongested);
    t.true(b.got.length > 0);
    await a.outlet.hasRoom();
    await arrived(b, sent);
  });
}

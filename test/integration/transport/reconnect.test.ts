/** Connections that are lost, and peers that are: what comes back, and what does not. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { anyPort, cameInOrder, numbers, openMesh, openPair, say, type TestMesh, until, wayTo } from './meshes.ts';
import { TcpProxy } from './tcp-proxy.ts';

/** Nobody is down as long as the test takes. */
const patient = { peerTimeoutMs: 20_000 };

async function openThroughProxy(t: Parameters<typeof openPair>[0], limits: NonNullable<Parameters<typeof openPair>[1]>['limits'] = {}) {
  const [a, b] = [openMesh(t, 'a', { limits }), openMesh(t, 'b', { limits })];
  const proxy = await TcpProxy.open(t, await b.mesh.listen(anyPort));
  await a.mesh.connect(proxy.endpoint, 10_000);
  return { a, b, proxy };
}

/** Both send without end, until told to stop; resolves with how many each has sent. */
function babble(a: TestMesh, b: TestMesh): { stop(): Promise<number> } {
  let [sent, goes] = [0, true];
  const talking = (async () => {
    for (; goes; sent++) {
      say(a, 'b', sent);
      say(b, 'a', sent);
      if (sent % 8 === 0) await sleep(1);
    }
  })();
  return {
    async stop() {
      goes = false;
      await talking;
      return sent;
    },
  };
}

test.serial('transport: reconnect: cut connections lose nothing and double nothing', async (t) => {
  const { a, b, proxy } = await openThroughProxy(t, patient);
  const babbling = babble(a, b);
  for (let i = 0; i < 12; i++) {
    await sleep(20 + (i % 4) * 30);
    proxy.cut();
  }
  await sleep(50);
  const sent = await babbling.stop();
  await until('all has come', () => a.got.length >= sent && b.got.length >= sent);
  t.true(sent > 50, `${sent} sent`);
  cameInOrder(t, a, sent);
  cameInOrder(t, b, sent);
  t.deepEqual([a.downs, b.downs], [[], []], 'a short cut is no end');
  t.deepEqual([a.mesh.counters.malformed, b.mesh.counters.malformed], [0, 0]);
});

test.serial('transport: reconnect: large frames survive cuts too', async (t) => {
  const { a, b, proxy } = await openThroughProxy(t);
  const text = 'x'.repeat(300_000);
  const sending = (async () => {
    for (let i = 0; i < 200; i++) {
      const way = wayTo(a, 'b');
      if (way.isCongested) await way.hasRoom();
      way.send('somebody', { kind: 'requestDone', request: i, result: text });
      way.flush();
      await sleep(1);
    }
  })();
  for (let i = 0; i < 4; i++) {
    await sleep(60);
    proxy.cut();
  }
  await sending;
  await until('all has come', () => b.got.length >= 200);
  cameInOrder(t, b, 200);
});

test.serial('transport: reconnect: a slow connection delays, and loses nothing', async (t) => {
  const { a, b, proxy } = await openThroughProxy(t, patient);
  proxy.delayMs = 60;
  const babbling = babble(a, b);
  await sleep(500);
  const sent = await babbling.stop();
  await until('all has come', () => a.got.length >= sent && b.got.length >= sent);
  cameInOrder(t, a, sent);
  cameInOrder(t, b, sent);
  t.deepEqual([a.downs, b.downs], [[], []]);
});

test.serial('transport: reconnect: a peer that was away for a while is down, then up, and has missed nothing', async (t) => {
  const { a, b, proxy } = await openThroughProxy(t);
  say(a, 'b', 0);
  say(b, 'a', 0);
  proxy.shut();
  await until('both have noticed', () => a.downs.length === 1 && b.downs.length === 1);
  t.is(a.downs[0]?.error.code, 'PeerUnreachable');
  t.deepEqual([a.mesh.peers(), b.mesh.peers()], [[], []]);
  for (let i = 1; i < 1_000; i++) {
    say(a, 'b', i);
    say(b, 'a', i);
  }
  await sleep(500);
  t.deepEqual([a.downs.length, b.downs.length], [1, 1], 'it is told once');
  proxy.open();
  await until('both are up again', () => a.ups.length === 2 && b.ups.length === 2);
  await until('all has come', () => a.got.length >= 1_000 && b.got.length >= 1_000);
  cameInOrder(t, a, 1_000);
  cameInOrder(t, b, 1_000);
});

test.serial('transport: reconnect: a connection on which nothing passes any more is replaced', async (t) => {
  const { a, b, proxy } = await openThroughProxy(t);
  say(a, 'b', 0);
  await until('it came', () => b.got.length === 1);
  proxy.hold();
  say(a, 'b', 1, 2, 3);
  await until('who has dialled has noticed', () => a.downs.length === 1);
  await until('it is up again, on a connection that was not held', () => a.ups.length === 2);
  await until('what was held has come', () => b.got.length >= 4);
  proxy.release();
  await sleep(100);
  t.deepEqual(b.got, numbers(4));
});

test.serial('transport: reconnect: who was forgotten begins anew, and what it had under way is said to be lost', async (t) => {
  const { a, b, proxy } = await openThroughProxy(t, { peerKeptMs: 100 });
  say(a, 'b', 0);
  await until('it came', () => b.got.length === 1);
  await until('it is acknowledged', () => wayTo(a, 'b').load.frames === 0);
  proxy.shut();
  await until('both have noticed', () => a.downs.length === 1 && b.downs.length === 1);
  say(a, 'b', 1, 2);
  await until('both have forgotten', () => a.mesh.outletTo('b') === null && b.mesh.outletTo('a') === null);
  t.is(a.mesh.counters.framesLost, 1);
  proxy.open();
  await until('both are up again', () => a.ups.length === 2 && b.ups.length === 2);
  say(a, 'b', 3, 4);
  say(b, 'a', 5);
  await until('what was sent since has come', () => b.got.length >= 3 && a.got.length >= 1);
  t.deepEqual([b.got, a.got], [[0, 3, 4], [5]]);
});

test.serial('transport: reconnect: if only one end has forgotten, its peer hands back what was under way', async (t) => {
  const a = openMesh(t, 'a', { limits: { peerKeptMs: 60_000 } });
  const b = openMesh(t, 'b', { limits: { peerKeptMs: 50 } });
  const proxy = await TcpProxy.open(t, await b.mesh.listen(anyPort));
  await a.mesh.connect(proxy.endpoint, 10_000);
  say(a, 'b', 0);
  await until('it came', () => b.got.length === 1);
  await until('it is acknowledged', () => wayTo(a, 'b').load.frames === 0);
  proxy.shut();
  await until('b has forgotten', () => b.mesh.outletTo('a') === null);
  say(a, 'b', 1, 2);
  proxy.open();
  await until('b is up again', () => b.ups.length === 2);
  say(b, 'a', 9);
  await until('b is heard', () => a.got.length === 1);
  t.like(a.downs.at(-1)?.error.detail, { reason: 'forgot', framesLost: 1 });
  t.is(a.ups.length, a.downs.length + 1);
  say(a, 'b', 3);
  await until('a is heard', () => b.got.length >= 2);
  await sleep(200);
  t.deepEqual(b.got, [0, 3]);
  t.is(a.mesh.counters.framesLost, 1);
});

test.serial(
  'transport: reconnect: a listener that restarts is found again, and what was for its former self is not sent to it',
  async (t) => {
    const [a, b] = [openMesh(t, 'a'), openMesh(t, 'b', { incarnation: 10 })];
    const endpoint = await b.mesh.listen(anyPort);
    await a.mesh.connect(endpoint, 10_000);
    say(a, 'b', 1);
    await until('it came', () => b.got.length === 1);
    await b.mesh.close({ lingerMs: 100 });
    await until('it has left', () => a.downs.length === 1);
    t.like(a.downs[0]?.error.detail, { reason: 'left' });
    t.is(a.mesh.outletTo('b'), null);
    const reborn = openMesh(t, 'b', { incarnation: 11 });
    await reborn.mesh.listen(endpoint);
    await until('it is back', () => a.ups.length === 2);
    t.is(a.ups[1]?.incarnation, 11);
    say(a, 'b', 2);
    await until('it hears', () => reborn.got.length === 1);
    t.deepEqual(reborn.got, [2]);
  },
);

test.serial('transport: reconnect: a process that takes the place of one that died is let in when that does not answer', async (t) => {
  const c = openMesh(t, 'c');
  const endpoint = await c.mesh.listen(anyPort);
  const proxy = await TcpProxy.open(t, endpoint);
  const first = openMesh(t, 'w', { incarnation: 10 });
  await first.mesh.connect(proxy.endpoint, 10_000);
  const old = wayTo(c, 'w');
  proxy.hold();
  say(c, 'w', 1, 2);
  const second = openMesh(t, 'w', { incarnation: 11 });
  const startMs = performance.now();
  t.is((await second.mesh.connect(endpoint, 3_000)).name, 'c');
  t.true(performance.now() - startMs > 150, 'not before the first one was silent for long enough');
  t.deepEqual(
    c.ups.map(({ incarnation }) => incarnation),
    [10, 11],
  );
  t.is(c.downs.length, 1);
  say(c, 'w', 3);
  old.send('somebody', { kind: 'requestDone', request: 4, result: null });
  old.flush();
  await until('the second hears', () => second.got.length === 1);
  await sleep(100);
  t.deepEqual(second.got, [3]);
  proxy.release();
  await sleep(200);
  t.is(c.ups.length, 2, 'the first one is refused from now on');
  t.deepEqual(c.mesh.peers()[0]?.incarnation, 11);
});

test.serial('transport: reconnect: a process whose connection was closed is replaced at once', async (t) => {
  const c = openMesh(t, 'c', { limits: { peerTimeoutMs: 10_000 } });
  const endpoint = await c.mesh.listen(anyPort);
  const proxy = await TcpProxy.open(t, endpoint);
  await openMesh(t, 'w', { incarnation: 10 }).mesh.connect(proxy.endpoint, 10_000);
  proxy.close();
  const second = openMesh(t, 'w', { incarnation: 11 });
  await second.mesh.connect(endpoint, 3_000);
  t.deepEqual(
    c.ups.map(({ incarnation }) => incarnation),
    [10, 11],
  );
  t.like(c.downs[0]?.error.detail, { reason: 'restarted' });
});

test.serial('transport: reconnect: after disconnect there is no connection, and no peerDown for who has asked', async (t) => {
  const [a, b] = await openPair(t);
  a.mesh.disconnect('b');
  t.is(a.mesh.outletTo('b'), null);
  await until('b knows', () => b.downs.length === 1);
  await sleep(200);
  t.deepEqual([a.downs.length, a.ups.length, b.ups.length], [0, 1, 1]);
});

test.serial('transport: reconnect: where two have dialled each other, one connection may go', async (t) => {
  const [a, b] = [openMesh(t, 'a', { limits: patient }), openMesh(t, 'b', { limits: patient })];
  const toA = await TcpProxy.open(t, await a.mesh.listen(anyPort));
  const toB = await TcpProxy.open(t, await b.mesh.listen(anyPort));
  await a.mesh.connect(toB.endpoint, 10_000);
  await b.mesh.connect(toA.endpoint, 10_000);
  const babbling = babble(a, b);
  for (const proxy of [toA, toB, toA, toB]) {
    await sleep(100);
    proxy.shut();
    await sleep(300);
    proxy.open();
  }
  const sent = await babbling.stop();
  await until('all has come', () => a.got.length >= sent && b.got.length >= sent);
  cameInOrder(t, a, sent);
  cameInOrder(t, b, sent);
  t.deepEqual([a.downs, b.downs], [[], []]);
});

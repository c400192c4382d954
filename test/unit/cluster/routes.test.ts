/** The way to every address (`cluster/routes.ts`). */
import test from 'ava';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { atNode, nodeOf, Routes, type RoutesOptions, subjectOf } from '../../../src/cluster/routes.ts';
import type { PeerLink } from '../../../src/cluster/transport/zmq/peer-link.ts';
import type { PeerInfo } from '../../../src/cluster/transport/zmq/mesh.ts';
import { turn } from './transfer-driver.ts';

/** A mesh of links that only note what is sent on them. */
class TestMesh {
  readonly sent: string[] = [];
  readonly dialled: string[] = [];
  readonly #links = new Map<string, PeerLink>();
  readonly #dials = new Map<string, { resolve: (peer: PeerInfo) => void; reject: (error: Error) => void }>();

  outletTo(name: string): PeerLink | null {
    return this.#links.get(name) ?? null;
  }

  connect(endpoint: string): Promise<PeerInfo> {
    this.dialled.push(endpoint);
    return new Promise((resolve, reject) => this.#dials.set(endpoint, { resolve, reject }));
  }

  /** It is up, whoever has dialled. */
  up(name: string): void {
    const note = (what: string) => void this.sent.push(`${name}: ${what}`);
    const link = { send: (to: string, message: Message) => note(`${to} ${text(message)}`), flush: () => note('flush') };
    this.#links.set(name, link as unknown as PeerLink);
  }

  down(name: string): void {
    this.#links.delete(name);
  }

  /** Whoever dials that endpoint has reached it. */
  async reached(endpoint: string, name: string): Promise<void> {
    this.#dials.get(endpoint)?.resolve({ name, role: 'worker', incarnation: 1, address: endpoint });
    await turn();
  }

  async failed(endpoint: string): Promise<void> {
    this.#dials.get(endpoint)?.reject(new Error('nobody answers'));
    await turn();
  }
}

const message = (request: number): Message => ({ kind: 'requestDone', request, result: null });
const text = (said: Message) => String((said as { request: number }).request);

function routesOf(name: string, more: Partial<RoutesOptions> = {}) {
  const mesh = new TestMesh();
  const lost: string[] = [];
  const routes = new Routes({
    name,
    mesh,
    gateway: null,
    dialled: (node) => (['w1', 'w2', 'c1', 'c2'].includes(node) ? `tcp://${node}` : null),
    lost: ({ to, message: said }, why) => lost.push(`${to} ${text(said)}: ${why}`),
    ...more,
  });
  const send = (to: string, request: number) => routes.outletOf(to)?.send(to, message(request));
  return { mesh, routes, lost, send };
}

test('routes: the node of an address is what stands behind its @', (t) => {
  t.is(nodeOf('scheduler@w1'), 'w1');
  t.is(nodeOf('client:local@~k3j/c1'), '~k3j/c1');
  t.is(nodeOf('registry'), null);
  t.is(atNode('scheduler', 'w1'), 'scheduler@w1');
});

test('routes: what is of this process, or of none, is no matter of theirs', (t) => {
  const { routes } = routesOf('w1');
  t.is(routes.outletOf('scheduler@w1'), null);
  t.is(routes.outletOf('coordinator'), null);
});

test('routes: a node that is connected is sent to at once', (t) => {
  const { mesh, send, lost } = routesOf('w1');
  mesh.up('w2');
  send('scheduler@w2', 1);
  t.deepEqual([mesh.sent, mesh.dialled, lost], [['w2: scheduler@w2 1'], [], []]);
});

test('routes: W1: a node that is not connected is dialled once, and what is for it leaves in its order', async (t) => {
  const { mesh, send, lost } = routesOf('w1');
  for (const request of [1, 2, 3]) send('scheduler@w2', request);
  send('scheduler@c1', 9);
  t.deepEqual(mesh.dialled, ['tcp://w2', 'tcp://c1']);
  mesh.up('w2');
  await mesh.reached('tcp://w2', 'w2');
  t.deepEqual(mesh.sent, ['w2: scheduler@w2 1', 'w2: scheduler@w2 2', 'w2: scheduler@w2 3', 'w2: flush']);
  send('scheduler@w2', 4);
  t.is(mesh.sent.at(-1), 'w2: scheduler@w2 4');
  t.deepEqual(lost, []);
});

test('routes: W1: nothing overtakes what waits for a node that has come by itself while it was dialled', async (t) => {
  const { mesh, send, lost } = routesOf('w1');
  send('scheduler@w2', 1);
  send('scheduler@w2', 2);
  mesh.up('w2');
  send('scheduler@w2', 3);
  t.deepEqual(
    mesh.sent.filter((line) => !line.endsWith('flush')),
    ['w2: scheduler@w2 1', 'w2: scheduler@w2 2', 'w2: scheduler@w2 3'],
  );
  await mesh.reached('tcp://w2', 'w2');
  send('scheduler@w2', 4);
  t.is(mesh.sent.filter((line) => !line.endsWith('flush')).length, 4);
  t.deepEqual(lost, []);
});

test('routes: W1: a dial that fails when the node has come by itself takes nothing with it', async (t) => {
  const { mesh, send, lost } = routesOf('w1');
  send('scheduler@w2', 1);
  mesh.up('w2');
  send('scheduler@w2', 2);
  await mesh.failed('tcp://w2');
  t.deepEqual(lost, []);
  t.is(mesh.sent.filter((line) => !line.endsWith('flush')).length, 2);
});

test('routes: W1: a node that cannot be reached: what waited for it is lost, each told once, and it is dialled anew for the next', async (t) => {
  const { mesh, send, lost } = routesOf('w1');
  send('scheduler@w2', 1);
  send('scheduler@w2', 2);
  await mesh.failed('tcp://w2');
  t.deepEqual(lost, ['scheduler@w2 1: nobody answers', 'scheduler@w2 2: nobody answers']);
  send('scheduler@w2', 3);
  t.deepEqual(mesh.dialled, ['tcp://w2', 'tcp://w2']);
});

test('routes: W1: a node that goes as soon as it has come: what waited for it is lost', async (t) => {
  const { mesh, send, lost } = routesOf('w1');
  send('scheduler@w2', 1);
  await mesh.reached('tcp://w2', 'w2');
  t.deepEqual(lost, ['scheduler@w2 1: it went away at once']);
});

test('routes: W1: no more than so many wait', (t) => {
  const { send, lost } = routesOf('w1');
  for (let request = 1; request <= 10_001; request++) send('scheduler@w2', request);
  t.deepEqual(lost, ['scheduler@w2 10001: 10000 messages wait for it already']);
});

test('routes: a node that nobody knows is lost at once', (t) => {
  const { mesh, send, lost } = routesOf('w1');
  send('scheduler@w9', 1);
  t.deepEqual([lost, mesh.dialled], [['scheduler@w9 1: no such node is known'], []]);
});

test('routes: a client is reached by the coordinator that it hangs on', async (t) => {
  const { mesh, send } = routesOf('w1');
  mesh.up('c1');
  send('client:local@~u/c1', 1);
  t.deepEqual(mesh.sent, ['c1: client:local@~u/c1 1']);
  send('client:local@~u/c2', 2);
  t.deepEqual(mesh.dialled, ['tcp://c2']);
  mesh.up('c2');
  await mesh.reached('tcp://c2', 'c2');
  t.is(mesh.sent[1], 'c2: client:local@~u/c2 2');
});

test('routes: a coordinator sends to its own clients itself; one that is gone is not looked for', (t) => {
  const { mesh, send, lost } = routesOf('c1');
  mesh.up('~u');
  send('client:local@~u/c1', 1);
  t.deepEqual(mesh.sent, ['~u: client:local@~u/c1 1']);
  mesh.down('~u');
  send('client:local@~u/c1', 2);
  t.deepEqual([lost, mesh.dialled], [['client:local@~u/c1 2: no such node is known'], []]);
});

test('routes: a client sends all by way of its coordinator, but to whom it is connected itself', (t) => {
  const { mesh, send, lost } = routesOf('~u/c1', { gateway: 'c1', dialled: () => null });
  mesh.up('c1');
  mesh.up('w2');
  send('store@w1', 1);
  send('store@w2', 2);
  send('coordinator@c1', 3);
  send('client:local@~v/c2', 4);
  t.deepEqual(mesh.sent.slice(0, 3), ['c1: store@w1 1', 'w2: store@w2 2', 'c1: coordinator@c1 3']);
  t.deepEqual(lost, ['client:local@~v/c2 4: no such node is known']);
  mesh.down('c1');
  send('store@w1', 5);
  t.is(lost[1], 'store@w1 5: no such node is known');
});

test('routes: what a message is about is its app, or its session', (t) => {
  const error = { code: 'SessionCancelled', message: '', retryable: false, detail: {}, thrown: null } as const;
  const asked = { request: 1, client: 'c' };
  t.deepEqual(subjectOf({ kind: 'drainApp', ...asked, app: 'app' }), { app: 'app', session: null });
  t.deepEqual(subjectOf({ kind: 'querySession', ...asked, session: 's' }), { app: null, session: 's' });
  t.deepEqual(subjectOf({ kind: 'stopSession', session: 's', error }), { app: null, session: 's' });
  t.deepEqual(subjectOf({ kind: 'forgetSession', session: 3 }), { app: null, session: null });
  t.deepEqual(subjectOf({ kind: 'forwardDue' }), { app: null, session: null });
});

/** A client that says what no client may: it is refused, and those beside it go on. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { Mesh, meshLimitsDefault } from '../../../src/cluster/transport/zmq/mesh.ts';
import { eventually } from '../runtime/started.ts';
import { copyApp } from './apps.ts';
import { clientOf, roleConfig, roleProcess, workerProcess } from './started.ts';

const evil = '~evil';

/** As bare as a client can be; what it is told is in `answers`. */
function openMesh(answers: Message[]): Mesh {
  return new Mesh({
    name: evil,
    role: 'client',
    incarnation: Date.now(),
    limits: meshLimitsDefault,
    log: () => undefined,
    received: (_, envelopes) => answers.push(...envelopes.map(({ message }) => message)),
    peerUp: () => undefined,
    peerDown: () => undefined,
  });
}

const own = `x@${evil}/c1`;
const ref = { encoding: 0, sizeBytes: 64, inline: null, offset: 0 };
const spec = { id: '', app: copyApp.name, requestId: null, client: own, called: true, expects: [], priority: 5 };
const entry = { bucket: 'given', key: 'k', group: null, ref };

/** Each of these ended a process once, or made it useless to others; or might have. */
const bad: readonly (readonly [to: string, message: object])[] = [
  ['registry', { kind: 'registryGet', owner: null, request: 1, key: 'members/c1' }],
  ['registry', { kind: 'registryWatch', owner: null, watch: 1, prefix: '' }],
  ['registry', { kind: 'registryPiece', owner: own, request: 2, bytes: [1, 2, 3] }],
  ['registry', { kind: 'registryPiece', owner: null, request: 2, bytes: new Uint8Array(1) }],
  ['stats', { kind: 'statsAsked', owner: null, request: 3 }],
  ['coordinator', { kind: 'querySession', request: 4, client: null, session: 'nobody' }],
  ['coordinator', { kind: 'querySession', request: 4, client: own, session: null }],
  ['coordinator', { kind: 'registerApp', request: 5, client: own, definition: { name: 'evil' }, bundle: null }],
  ['coordinator', { kind: 'changeApp', request: 5, client: own, app: copyApp.name, change: null }],
  ['coordinator', { kind: 'openSession', spec: { ...spec, entries: [entry], deadlineMs: null, admitTimeoutMs: 1_000, retryOf: null } }],
  ['gate@w1', { kind: 'soloRecall', owner: null, request: 6, app: 'a', session: null }],
  ['gate@w1', { kind: 'soloCall', client: own, call: 1, incarnation: 0, app: 'a', entries: null, timeoutMs: null }],
  ['stats@w1', { kind: 'statsAsked', owner: null, request: 7 }],
  ['store@w1', { kind: 'releaseBlocks', owner: own, offsets: null }],
];

test('hostile client: what it may not say is refused, and another client’s calls go on', async (t) => {
  t.timeout(60_000);
  const { dataDir } = await roleConfig(t, {});
  const coordinator = await roleProcess(t, ['coordinator', '--name', 'c1', '--data-dir', dataDir, '--log-level', 'warn']);
  const [, , address = ''] = (await coordinator.ready).split(' ');
  const worker = await workerProcess(t, address, 'w1');
  const client = await clientOf(t, address, { apps: [copyApp] });
  const value = new Uint8Array([1, 2, 3]);
  const call = () => client.call(copyApp, 'given', value);
  t.deepEqual(await call(), value);

  const answers: Message[] = [];
  const mesh = openMesh(answers);
  t.teardown(() => mesh.close({ lingerMs: 0 }));
  await mesh.connect(address, 5_000);
  const say = (to: string, message: object) => {
    mesh.outletTo('c1')?.send(to, message as Message);
    mesh.flush();
  };
  for (const [to, message] of bad) say(to, message);
  // It is connected still, and what it may ask is answered: behind all that.
  say('stats', { kind: 'statsAsked', owner: own, request: 99 });
  await eventually(t, 'it is answered', () => answers.some((one) => one.kind === 'requestDone' && one.request === 99));
  t.is(answers.length, 1, JSON.stringify(answers));

  t.deepEqual(await call(), value);
  // In pieces.
  const large = new Uint8Array(2 ** 20).fill(7);
  await client.durable(copyApp).put('large', large);
  t.is(Buffer.compare((await client.durable(copyApp).get<Uint8Array>('large')) ?? value, large), 0);
  await sleep(100);
  t.is(coordinator.process.exitCode, null);
  t.is(worker.process.exitCode, null);
  coordinator.process.kill('SIGKILL');
  const { stderr } = await coordinator.ended;
  t.regex(stderr, /"client":"~evil".*"field":"owner","msg":"a field of what a client has said is not what it must be"/);
  t.notRegex(stderr, /"level":50/);
});

/** The host, when something that it runs has a bug (H4). */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { Gate } from '../../../src/cluster/gate.ts';
import { Host } from '../../../src/cluster/host.ts';
import type { Node } from '../../../src/cluster/node/node.ts';
import { nodeOf } from '../../../src/cluster/routes.ts';
import { errorData } from '../../../src/actors/protocol/error.ts';
import { createSoloMemory } from '../../../src/storage/solo/memory.ts';

const done = (request: number): Message => ({ kind: 'requestDone', request, result: null });

function start() {
  const bugs: Error[] = [];
  const handled: number[] = [];
  let flushes = 0;
  const host = new Host({
    nowMs: () => 0,
    random: () => 0.5,
    perform: () => undefined,
    outletOf: (address) => (nodeOf(address), null),
    idle: () => void flushes++,
    undeliverable: () => undefined,
    onBug: (error) => void bugs.push(error),
  });
  host.serve('probe', (message) => void handled.push((message as { request: number }).request));
  host.serve('bad', () => {
    throw new Error('there is a hole in it');
  });
  host.alias('bad@c1', 'bad');
  return { host, bugs, handled, flushes: () => flushes };
}

test('host: H4: it says which of its services and which message, and handles and flushes nothing more', (t) => {
  const { host, bugs, handled, flushes } = start();
  host.deliver('probe', done(1));
  t.is(flushes(), 1);
  host.deliverAll([
    { to: 'probe', message: done(2) },
    { to: 'bad@c1', message: done(3) },
    { to: 'probe', message: done(4) },
  ]);
  t.deepEqual(
    bugs.map(({ message }) => message),
    ['bad@c1 failed on requestDone: there is a hole in it'],
  );
  t.like(bugs[0]?.cause, { message: 'there is a hole in it' });
  host.deliver('probe', done(5));
  host.deliverAll([{ to: 'bad', message: done(6) }]);
  t.deepEqual(handled, [1, 2]);
  t.is(bugs.length, 1, 'once');
  t.is(flushes(), 1, 'of what was half done nobody hears');
});

test('host: H4: what a gate says to nobody is such a bug, and no rejection that nobody handles', async (t) => {
  const { host, bugs } = start();
  const memory = createSoloMemory(32, 1);
  if (!memory) throw new Error('no memory');
  const node = { host } as unknown as Node;
  const gate = new Gate({ config: { inlineBytesMax: 1_024 }, memory, incarnation: 1, node: () => node });
  t.teardown(() => gate.close(errorData('RuntimeClosed', '')));
  gate.take({ kind: 'soloRecall', owner: null as never, request: 1, app: 'a', session: null });
  await new Promise((resolve) => setImmediate(resolve));
  t.is(bugs.length, 1);
  t.regex(bugs[0]?.message ?? '', /^null failed on requestDone: /);
});

test('host: H4: a bug that a message by the mesh finds ends the process, which says where it was', (t) => {
  const child = fileURLToPath(new URL('bug-process.ts', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import=tsx', child], { encoding: 'utf8', timeout: 30_000 });
  t.is(stdout, 'handled 1\n', 'and nothing behind it');
  t.is(status, 1, stderr);
  t.regex(stderr, /"level":50.*bad failed on requestDone: a bug in a service/);
});

/** The registry as a neighbour of the actors: what comes of answers that cannot be sent, and of messages that are none. */
import test from 'ava';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { MemoryRegistry } from '../../../src/cluster/registry/memory-registry.ts';
import { pieceBytesMax } from '../../../src/cluster/registry/pieces.ts';
import { RegistryService } from '../../../src/cluster/registry/registry-service.ts';
import { Clock } from '../../simulation/clock.ts';

/** Whatever was under way has come to its end. */
const quiet = () => new Promise((resolve) => setImmediate(resolve));

function registry(): MemoryRegistry {
  const clock = new Clock(0);
  return new MemoryRegistry({ nowMs: () => clock.nowMs, timers: clock.timers() });
}

test('registry service: N4: an answer that cannot be sent is told once, and nothing else comes of it', async (t) => {
  const tried: string[] = [];
  const unsent: unknown[] = [];
  const service = new RegistryService({
    registry: registry(),
    send(to, { kind }) {
      tried.push(kind);
      throw new Error(`no way to ${to}`);
    },
    unsent: (to, error) => unsent.push([to, String(error)]),
  });
  const told = ['x@w1', 'Error: no way to x@w1'];
  service.take({ kind: 'registryGet', owner: 'x@w1', request: 1, key: 'a' });
  await quiet();
  t.deepEqual(tried, ['registryAnswer'], 'it is not tried again as a refusal');
  t.deepEqual(unsent, [told]);
  service.take({ kind: 'registryGet', owner: 'x@w1', request: 2, key: '' });
  await quiet();
  t.deepEqual(unsent, [told, told], 'a refusal that cannot be sent');
  service.take({ kind: 'registryWatch', owner: 'x@w1', watch: 1, prefix: '' });
  await quiet();
  t.is(service.watches, 1);
  t.deepEqual(tried.slice(2), ['registryChanged', 'registryChanged'], 'began, current');
  service.bury('w1');
  t.is(service.watches, 0);
});

test('registry service: what names nobody for its answer changes nothing', async (t) => {
  const answers: unknown[] = [];
  const service = new RegistryService({
    registry: registry(),
    send: (to, message) => void answers.push(to, message),
    unsent: () => t.fail(),
  });
  for (const owner of [null, undefined, 7]) {
    for (const kind of ['registryGet', 'registryList', 'registryPiece', 'registryPut', 'registryDelete', 'registryWatch'])
      service.take({ kind, owner, request: 1, key: 'a', prefix: '', bytes: new Uint8Array(1), sizeBytes: 1 } as never);
  }
  await quiet();
  t.deepEqual(answers, []);
  t.is(service.watches, 0);
  t.notThrows(() => service.bury('w1'));
});

test('registry service: what is no bytes is no piece, and what is counted of all stays a number', async (t) => {
  const answers: Message[] = [];
  const service = new RegistryService({
    registry: registry(),
    send: (_, message) => void answers.push(message),
    unsent: () => t.fail(),
  });
  for (const bytes of [[1, 2, 3], null, 7, 'abc', {}])
    service.take({ kind: 'registryPiece', owner: 'x@~u/c1', request: 5, bytes: bytes as never });
  const put = { kind: 'registryPut', owner: 'x@w1', request: 1, key: 'a', expected: null, ttlMs: null } as const;
  service.take({ kind: 'registryPiece', owner: 'x@w1', request: 1, bytes: new Uint8Array(pieceBytesMax) });
  service.take({ ...put, sizeBytes: pieceBytesMax + 10, bytes: new Uint8Array(10) });
  await quiet();
  t.like(answers, { length: 1, 0: { kind: 'registryAnswer', request: 1, error: null } });
});

/** What leaves a worker for others (`worker-border.ts`). */
import test from 'ava';
import type { Address } from '../../../src/actors/actor.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { defaultConfig } from '../../../src/cluster/config.ts';
import { Host } from '../../../src/cluster/host.ts';
import type { Node } from '../../../src/cluster/node/node.ts';
import { MemoryRegistry } from '../../../src/cluster/registry/memory-registry.ts';
import { WorkerBorder } from '../../../src/cluster/worker-border.ts';
import { ObjectStore } from '../../../src/storage/object-store.ts';
import { createSegment } from '../../../src/storage/segment.ts';
import { ManualTimers } from '../storage/manual-timers.ts';

const lodge: Message = {
  kind: 'lodge',
  home: 'scheduler@w1',
  session: 's',
  invocation: 3,
  attempt: 2,
  app: 'app',
  revision: 1,
  function: 0,
  priority: 5,
  inputs: [],
  owned: [],
  failure: null,
  ifFree: false,
};

function workerWith(members: readonly string[]) {
  const sent: { readonly to: Address; readonly message: Message }[] = [];
  const told: Message[] = [];
  const timers = new ManualTimers();
  const store = new ObjectStore({ segment: createSegment({ sizeBytes: 65_536, mapped: false }), timers });
  const host: Host = new Host({
    nowMs: () => timers.nowMs,
    random: () => 0.5,
    perform: () => undefined,
    outletOf: (to) => border.outletOf(to),
    idle: () => undefined,
    undeliverable: () => undefined,
    onBug(error) {
      throw error;
    },
  });
  host.serve('scheduler', (message) => told.push(message));
  const border = new WorkerBorder({
    name: 'w1',
    incarnation: 1,
    config: defaultConfig(),
    // Of a node it has nothing else to do with what leaves.
    node: { host, store } as unknown as Node,
    ways: {
      outletOf: () => ({ send: (to, message) => sent.push({ to, message }) }),
      wayTo: () => null,
      isMember: (node) => members.includes(node),
      health: { registryAwayMs: null },
    },
    registry: new MemoryRegistry({ nowMs: () => timers.nowMs, timers }),
    timers,
  });
  return { host, sent, told, border, store };
}

test('worker border: an invocation lodges with a member', (t) => {
  const { host, sent, told } = workerWith(['w1', 'w2']);
  host.deliver('scheduler@w2', lodge);
  t.like(sent, [{ to: 'scheduler@w2', message: { kind: 'lodge' } }]);
  t.deepEqual(told, []);
});

test('worker border: nobody lodges with one that has left, though it is still connected', (t) => {
  const { host, sent, told } = workerWith(['w1']);
  host.deliver('scheduler@w2', lodge);
  t.deepEqual(sent, []);
  t.deepEqual(told, [{ kind: 'lodgerEnded', session: 's', invocation: 3, attempt: 2, outcome: { kind: 'refused' }, free: 0 }]);
});

test('worker border: a coordinator that is gone takes its clients along: nothing is held for them', (t) => {
  const { host, border, store } = workerWith(['w1', 'c1']);
  const offset = store.allocate('thread:0', 64, 'running');
  store.adopt(offset);
  const ref = { encoding: 0, sizeBytes: 64, inline: null, offset };
  const to = 'client:local@~u/c1';
  host.deliver(to, { kind: 'sessionOutput', session: 's', app: 'app', index: 0, from: 'f', ref, called: true });
  t.is(store.blocks, 1);
  border.nodeGone('c1', 'coordinator');
  t.is(store.blocks, 0);
});

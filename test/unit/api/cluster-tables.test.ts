/** What `pheromone status` prints for people. */
import test from 'ava';
import { describeStatus } from '../../../src/api/cli/status.ts';
import type { ClusterNode } from '../../../src/api/cluster-status.ts';

const coordinator: ClusterNode = {
  name: 'c1',
  role: 'coordinator',
  address: 'tcp://127.0.0.1:7000',
  startedMs: 0,
  state: 'up',
  registryAwayMs: null,
  openSessions: 12,
  executors: 0,
  queuedInvocations: 0,
  storeUsedBytes: 0,
  storeSizeBytes: 0,
};

const worker: ClusterNode = {
  ...coordinator,
  name: 'worker-2',
  role: 'worker',
  address: 'tcp://127.0.0.1:41234',
  startedMs: 3_600_000,
  executors: 2,
  queuedInvocations: 1_500,
  storeUsedBytes: 1.5 * 2 ** 20,
  storeSizeBytes: 2 ** 30,
};

test('status: a node that does not reach the registry says for how long', (t) => {
  const text = describeStatus({ nodes: [{ ...coordinator, registryAwayMs: 4_200 }], shards: [], apps: [] }, 60_000);
  t.regex(text, /^c1 +coordinator +tcp:\/\/127\.0\.0\.1:7000 +up, no registry for 4 s +1 m 0 s/m);
});

test('status: nodes with their loads, shards by owner, and apps', (t) => {
  const shards = [0, 1, 2, 5].map((shard) => ({ shard, owner: shard === 2 ? null : 'c1', epoch: 7 + (shard === 2 ? 2 : -shard) }));
  const nowMs = 3 * 86_400_000 + 62_000;
  const silent: ClusterNode = { ...worker, name: 'w3', state: 'silent', startedMs: nowMs + 500 };
  const text = describeStatus({ nodes: [coordinator, worker, silent], shards, apps: [{ app: 'chain', coordinator: 'c1' }] }, nowMs);
  t.deepEqual(text.split('\n'), [
    'NODE      ROLE         ADDRESS                STATE   UP FOR    SESSIONS  EXECUTORS  QUEUED  STORE',
    'c1        coordinator  tcp://127.0.0.1:7000   up      3 d 0 h   12        -          -       -',
    'worker-2  worker       tcp://127.0.0.1:41234  up      2 d 23 h  12        2          1,500   1.5 of 1,024 MiB',
    'w3        worker       tcp://127.0.0.1:41234  silent  0 s       ?         ?          ?       ?',
    '',
    'OWNER  SHARDS  EPOCH  WHICH',
    'none   1       9      2',
    'c1     3       7      0-1, 5',
    '',
    'APP    COORDINATOR',
    'chain  c1',
  ]);
});

/** What a runtime runs on, as it is now. */
import type { WorkerStats } from '../actors/protocol/store.ts';
import type { NodeStatus, RemoteClient } from '../cluster/remote-client.ts';

export interface ClusterNode {
  readonly name: string;
  readonly role: 'coordinator' | 'worker';
  /** Where it is dialled; null: nowhere, it is in this process. */
  readonly address: string | null;
  readonly startedMs: number | null;
  /** `silent`: it did not answer in time. */
  readonly state: 'up' | 'silent';
  /** How long it has not reached the registry, in milliseconds; null: it does. When its lease ends, after 9 s, so does the process. */
  readonly registryAwayMs: number | null;
  /** A coordinator's: of its apps. A worker's: homed there. */
  readonly openSessions: number;
  /** Of a worker, else 0. */
  readonly executors: number;
  readonly queuedInvocations: number;
  readonly storeUsedBytes: number;
  readonly storeSizeBytes: number;
}

export interface ClusterShard {
  readonly shard: number;
  /** The coordinator that acts for it; null: none at the moment. */
  readonly owner: string | null;
  /** Grows each time the shard changes hands. */
  readonly epoch: number;
}

export interface ClusterStatus {
  readonly nodes: readonly ClusterNode[];
  readonly shards: readonly ClusterShard[];
  /** The coordinator of each app. */
  readonly apps: readonly { readonly app: string; readonly coordinator: string }[];
}

interface NodeStats {
  readonly registryAwayMs: number | null;
}

interface CoordinatorStats extends NodeStats {
  readonly sessionsOpen: number;
  readonly apps: readonly string[];
}

const none = { openSessions: 0, executors: 0, queuedInvocations: 0, storeUsedBytes: 0, storeSizeBytes: 0 };

/** Of a cluster. */
export async function statusOfCluster(cluster: Pick<RemoteClient, 'nodes' | 'view'>): Promise<ClusterStatus> {
  const nodes = await cluster.nodes();
  const shards = [...cluster.view.shards].map(([shard, { epoch }]) => ({ shard, owner: cluster.view.ownerOf(shard), epoch }));
  const apps = nodes.flatMap(({ name, role, stats }) =>
    role === 'coordinator' && stats ? (stats as CoordinatorStats).apps.map((app) => ({ app, coordinator: name })) : [],
  );
  return {
    nodes: nodes.map(nodeOf).sort((a, b) => a.role.localeCompare(b.role) || a.name.localeCompare(b.name)),
    shards: shards.sort((a, b) => a.shard - b.shard),
    apps: apps.sort((a, b) => a.app.localeCompare(b.app)),
  };
}

/** Of an embedded runtime: all of it is one worker. */
export function statusOfLocal(stats: WorkerStats): ClusterStatus {
  const node: ClusterNode = {
    name: 'local',
    role: 'worker',
    address: null,
    startedMs: null,
    state: 'up',
    registryAwayMs: null,
    ...loadOf(stats),
  };
  return { nodes: [node], shards: [], apps: [] };
}

function nodeOf({ name, role, address, startedMs, stats }: NodeStatus): ClusterNode {
  const node = { name, role, address, startedMs, state: stats ? 'up' : 'silent', registryAwayMs: null, ...none } as const;
  if (!stats) return node;
  const { registryAwayMs } = stats as NodeStats;
  if (role === 'worker') return { ...node, registryAwayMs, ...loadOf(stats as WorkerStats) };
  return { ...node, registryAwayMs, openSessions: (stats as CoordinatorStats).sessionsOpen };
}

function loadOf({ sessionsOpen, executors, invocationsQueued, storeUsedBytes, storeSizeBytes }: WorkerStats) {
  return { openSessions: sessionsOpen, executors, queuedInvocations: invocationsQueued, storeUsedBytes, storeSizeBytes };
}

/** Clusters for tests: all roles in this process, each with its own sockets and threads. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { connect, type Runtime } from 'pheromone';
import { defaultConfig } from '../../../src/cluster/config.ts';
import { type CoordinatorConfig, startCoordinator } from '../../../src/cluster/roles/coordinator.ts';
import { type Running, start } from '../cli/cluster.ts';
import type { RunningRole } from '../../../src/cluster/roles/role.ts';
import { startWorker, type WorkerConfig } from '../../../src/cluster/roles/worker.ts';

export interface StartedCluster {
  /** Of the first coordinator. */
  readonly address: string;
  readonly coordinators: readonly RunningRole[];
  readonly workers: readonly RunningRole[];
  addWorker(settings?: Partial<WorkerConfig>): Promise<RunningRole>;
  stop(): Promise<void>;
}

export interface ClusterOptions {
  readonly coordinators?: number;
  readonly workers?: number;
  readonly settings?: Partial<WorkerConfig>;
}

export type RoleConfig = CoordinatorConfig & WorkerConfig;
export type ConnectOptions = Parameters<typeof connect>[1];

let started = 0;

function configOf(given: Partial<WorkerConfig>): RoleConfig {
  const common = { executors: 2, arenaBytes: 256 * 2 ** 20, poison: true, logLevel: 'error', listen: 'tcp://127.0.0.1:0' } as const;
  const node = {
    name: 'nobody',
    advertise: null,
    join: null,
    registry: null,
    clusterName: 'pheromone',
    registryReplicas: 1,
    keyFile: null,
  };
  return { ...defaultConfig(), ...common, ...node, ...given };
}

export async function startCluster({ coordinators = 1, workers = 1, settings = {} }: ClusterOptions = {}): Promise<StartedCluster> {
  const dataDir = await mkdtemp(join(tmpdir(), 'pheromone-cluster-'));
  const id = started++;
  const config = (name: string, joined: string | null) => configOf({ ...settings, dataDir: join(dataDir, name), name, join: joined });
  const first = await startCoordinator(config(`c1-${id}`, null));
  const others = await all(coordinators - 1, (i) => startCoordinator(config(`c${i + 2}-${id}`, first.address)));
  let workersMade = 0;
  const addWorker = (more: Partial<WorkerConfig> = {}) => startWorker({ ...config(`w${++workersMade}-${id}`, first.address), ...more });
  const running = await all(workers, () => addWorker());
  return {
    address: first.address,
    coordinators: [first, ...others],
    workers: running,
    async addWorker(more) {
      const worker = await addWorker(more);
      running.push(worker);
      return worker;
    },
    async stop() {
      await Promise.all(running.map((worker) => worker.stop()));
      for (const coordinator of [...others, first]) await coordinator.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Stopped when the test is over, whatever comes of it. */
export async function clusterFor(t: ExecutionContext, options?: ClusterOptions): Promise<StartedCluster> {
  const cluster = await startCluster(options);
  t.teardown(() => cluster.stop());
  return cluster;
}

/** For a role that a test starts by itself; its directory goes with the test. */
export async function roleConfig(t: ExecutionContext, given: Partial<RoleConfig>): Promise<RoleConfig> {
  const dataDir = await mkdtemp(join(tmpdir(), 'pheromone-cluster-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  return configOf({ logLevel: 'silent', dataDir, ...given });
}

/** A client, closed when the test is over. */
export async function clientOf(t: ExecutionContext, address: string, options: ConnectOptions = {}): Promise<Runtime> {
  const client = await connect(address, { logLevel: 'silent', ...options });
  t.teardown(() => client.close());
  return client;
}

/** A worker, ready, that is a process of its own: it can be killed. */
export function workerProcess(t: ExecutionContext, join: string, name: string, ...flags: readonly string[]): Promise<Running> {
  return roleProcess(t, ['worker', '--name', name, '--join', join, '--executors', '1', '--arena-bytes', String(2 ** 28), ...flags]);
}

/** Of `pheromone`, by its own command. */
export async function roleProcess(t: ExecutionContext, [command = '', ...flags]: readonly string[]): Promise<Running> {
  const role = start([command, '--listen', 'tcp://127.0.0.1:0', '--log-level', 'error', ...flags]);
  t.teardown(async () => {
    role.process.kill('SIGKILL');
    await role.ended;
  });
  await role.ready;
  return role;
}

async function all<T>(count: number, start: (i: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  for (let i = 0; i < count; i++) made.push(await start(i));
  return made;
}

/**
 * Clusters of processes on this machine, as their user starts them. They, and the client in this process, run one package, which is
 * built from the sources as they are when the first cluster is wanted: not TypeScript, and not what somebody changes meanwhile.
 */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { App, Runtime } from 'pheromone';
import type { UpReport } from '../src/api/cli/up.ts';
import { startProgram } from './processes.ts';

export interface Cluster {
  /** A client, with the apps. */
  readonly runtime: Runtime;
  /** Its processes, by name. */
  readonly pids: ReadonlyMap<string, number>;
}

const checkout = fileURLToPath(new URL('..', import.meta.url));
const connectTimeoutMs = 20_000;
const nowhere = 'tcp://127.0.0.1:1';
const approachMs = 2_500;
const listening = ['--listen', 'tcp://127.0.0.1:0', '--drain-ms', '0'];

let built: Promise<string> | null = null;

/** The directory of a package. It goes when this process ends. */
async function buildCopy(): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'pheromone-bench-')));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  await promisify(execFile)(process.execPath, [join(checkout, 'scripts/build-copy.mjs'), directory]);
  await symlink(join(checkout, 'node_modules'), join(directory, 'node_modules'), 'junction');
  return directory;
}

interface Started {
  readonly address: string;
  readonly pids: Cluster['pids'];
  stop(): Promise<void>;
}

async function startUp(command: string, settings: string): Promise<Started> {
  const up = await startProgram(command, [...settings.split(' '), ...listening, '--json']);
  const { address, pid, nodes } = JSON.parse(up.line) as UpReport;
  return { address, pids: new Map([['up', pid], ...nodes.map((node) => [node.name, node.pid] as const)]), stop: () => up.stop() };
}

async function startApart(command: string): Promise<Started> {
  const dataDir = await mkdtemp(join(tmpdir(), 'pheromone-bench-data-'));
  const coordinator = await startProgram(command, ['coordinator', '--name', 'c1', '--data-dir', dataDir, ...listening]);
  const stopFirst = async () => {
    await coordinator.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const address = coordinator.line.split(' ').at(-1) ?? '';
    const settings = ['--name', 'w1', '--join', address, '--advertise', nowhere, '--executors', '1'];
    const worker = await startProgram(command, ['worker', ...settings, ...listening]);
    const stop = async () => {
      await worker.stop();
      await stopFirst();
    };
    return { address, pids: new Map(), stop };
  } catch (error) {
    await stopFirst();
    throw error;
  }
}

/** One cluster for all measures that want such a one: started for the first, stopped after the last. */
export class SharedCluster {
  readonly #workers: number;
  readonly #apps: readonly App[];
  readonly #oneAddress: boolean;
  #started: Promise<Cluster & { stop(): Promise<void> }> | null = null;
  #users = 0;

  /** `oneAddress`: the client is told to go by way of the coordinator, since nothing listens where the only worker says it does. */
  constructor(workers: number, apps: readonly App[], oneAddress = false) {
    this.#workers = workers;
    this.#apps = apps;
    this.#oneAddress = oneAddress;
  }

  /** What is started. */
  get settings(): string {
    const settings = `--coordinators 1 --workers ${this.#workers} --executors 1`;
    return this.#oneAddress ? `coordinator, worker --executors 1 --advertise ${nowhere}` : `up ${settings}`;
  }

  async open(): Promise<Cluster> {
    this.#started ??= this.#start();
    const cluster = await this.#started;
    this.#users++;
    return cluster;
  }

  async close(): Promise<void> {
    if (--this.#users > 0 || !this.#started) return;
    const { runtime, stop } = await this.#started;
    this.#started = null;
    try {
      await runtime.close();
    } finally {
      await stop();
    }
  }

  async #start() {
    const directory = await (built ??= buildCopy());
    const { connect } = (await import(pathToFileURL(join(directory, 'dist/index.js')).href)) as typeof import('pheromone');
    const command = join(directory, 'bin/pheromone.mjs');
    const { address, pids, stop } = await (this.#oneAddress ? startApart(command) : startUp(command, this.settings));
    try {
      const runtime = await connect(address, { apps: this.#apps, timeoutMs: connectTimeoutMs });
      // Until it has found out that it cannot reach the worker.
      if (this.#oneAddress) await sleep(approachMs);
      return { runtime, stop, pids };
    } catch (error) {
      await stop();
      throw error;
    }
  }
}

/**
 * Clusters of processes on this machine, as their user starts them. They, and the client in this process, run one package, which is
 * built from the sources as they are when the first cluster is wanted: not TypeScript, and not what somebody changes meanwhile.
 */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { cp, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { App, Runtime } from 'pheromone';
import type { UpReport } from '../src/api/cli/up.ts';
import { type Program, startProgram } from './processes.ts';

export interface Cluster {
  /** A client, with the apps. */
  readonly runtime: Runtime;
  /** Of all its processes. */
  readonly pids: readonly number[];
}

const checkout = fileURLToPath(new URL('..', import.meta.url));
const copied = ['package.json', 'tsconfig.json', 'scripts', 'bin', 'src'];
const connectTimeoutMs = 20_000;

let built: Promise<string> | null = null;

/** The directory of a package. It goes when this process ends. */
async function buildCopy(): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'pheromone-bench-')));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  for (const part of copied) await cp(join(checkout, part), join(directory, part), { recursive: true });
  await symlink(join(checkout, 'node_modules'), join(directory, 'node_modules'), 'junction');
  await promisify(execFile)(process.execPath, [join(directory, 'scripts/build.mjs')]);
  // Else the command line would run the sources.
  await rm(join(directory, 'src'), { recursive: true });
  return directory;
}

/** One cluster for all measures that want such a one: started for the first, stopped after the last. */
export class SharedCluster {
  readonly #workers: number;
  readonly #apps: readonly App[];
  #started: Promise<Cluster & { readonly up: Program }> | null = null;
  #users = 0;

  constructor(workers: number, apps: readonly App[]) {
    this.#workers = workers;
    this.#apps = apps;
  }

  /** What `pheromone up` is told. */
  get settings(): string {
    return `--coordinators 1 --workers ${this.#workers} --executors 1`;
  }

  async open(): Promise<Cluster> {
    this.#started ??= this.#start();
    const cluster = await this.#started;
    this.#users++;
    return cluster;
  }

  async close(): Promise<void> {
    if (--this.#users > 0 || !this.#started) return;
    const { runtime, up } = await this.#started;
    this.#started = null;
    try {
      await runtime.close();
    } finally {
      await up.stop();
    }
  }

  async #start() {
    const directory = await (built ??= buildCopy());
    const { connect } = (await import(pathToFileURL(join(directory, 'dist/index.js')).href)) as typeof import('pheromone');
    const more = ['--listen', 'tcp://127.0.0.1:0', '--drain-ms', '0', '--json'];
    const up = await startProgram(join(directory, 'bin/pheromone.mjs'), ['up', ...this.settings.split(' '), ...more]);
    try {
      const { address, pid, nodes } = JSON.parse(up.line) as UpReport;
      const runtime = await connect(address, { apps: this.#apps, timeoutMs: connectTimeoutMs });
      return { runtime, up, pids: [pid, ...nodes.map((node) => node.pid)] };
    } catch (error) {
      await up.stop();
      throw error;
    }
  }
}

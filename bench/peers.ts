/**
 * The systems that users would pick instead, to be measured beside us: which there are, what each is given to do, and how much of it. Slow ones
 * get less, and what each got is told. They are installed in a folder of their own when they are first wanted (`peers/systems/`).
 */
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fanWidth, payloadBytes } from './apps/paths.ts';
import { sleepers } from './apps/waiting.ts';
import { warmUps as wordCountWarmUps } from './measures/word-count.ts';
import { type Program, startProgram } from './processes.ts';
import { check } from './runtime.ts';

const folder = new URL('peers/', import.meta.url);
const askMsMax = 120_000;

/** What `peers/drivers.mjs` can do with a peer. */
export type Driver = 'call' | 'chain' | 'chainBytes' | 'fan' | 'pass' | 'throughput' | 'sleep' | 'wordCount';

export interface Work {
  /** What the driver is told. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Samples before it is measured, so many that its code is compiled, as ours is. */
  readonly warmUps: number;
}

export interface Peer {
  readonly name: string;
  readonly durable: boolean;
  /** How it is used, in a few words. */
  readonly how: string;
  /** What of the work it is not given, and why. */
  readonly without?: { readonly [driver in Driver]?: string };
  readonly work: { readonly [driver in Driver]?: Work | readonly Work[] };
}

/** A peer that works here. */
export interface LoadedPeer extends Peer {
  /** By package, and of the servers that it wants. */
  readonly versions: Readonly<Record<string, string>>;
  readonly host: SharedHost;
}

export interface LeftOut {
  readonly system: string;
  readonly why: string;
}

const work = (warmUps: number, settings: Work['settings']): Work => ({ settings, warmUps });
const sleep = work(0, { count: sleepers, ms: 1_000 });
/** It is told the rest when it is measured. */
const wordCount = work(wordCountWarmUps, {});
const inOneThread = { wordCount: 'its steps run in one thread, that of their caller' };

const threadPool = {
  call: work(15, { calls: 2_000 }),
  chain: work(50, { length: 1_000, chains: 1 }),
  chainBytes: work(50, { length: 1_000, chains: 1, payloadBytes }),
  fan: work(40, { width: fanWidth, fans: 50 }),
  pass: [
    work(0, { sizeBytes: 1_000, objects: 10 }),
    work(0, { sizeBytes: 1_000_000, objects: 10 }),
    work(0, { sizeBytes: 10_000_000, objects: 10 }),
    // Each copy takes long enough to be seen in a few.
    work(0, { sizeBytes: 100_000_000, objects: 3 }),
  ],
  throughput: work(0, { sessions: 20_000, open: 1_024 }),
};
const asThreads = { durable: false, how: '2 threads' };

const peers: readonly Peer[] = [
  { name: 'tinypool', ...asThreads, work: { ...threadPool, sleep, wordCount } },
  { name: 'piscina', ...asThreads, work: { ...threadPool, sleep, wordCount } },
  {
    name: 'workerpool',
    ...asThreads,
    without: { sleep: 'a thread of it runs one function at a time: it would take 2,000 s' },
    work: { ...threadPool, wordCount },
  },
  {
    name: 'moleculer',
    durable: false,
    how: '2 nodes, threads, TCP',
    work: {
      call: work(20, { calls: 200 }),
      chain: work(10, { length: 200, chains: 2 }),
      fan: work(10, { width: fanWidth, fans: 20 }),
      throughput: work(0, { sessions: 20_000, open: 1_024 }),
      sleep,
      wordCount,
    },
  },
  {
    name: 'Effect workflow',
    durable: false,
    how: 'in memory, the caller’s thread',
    without: inOneThread,
    work: {
      call: work(10, { calls: 200 }),
      chain: work(5, { length: 200, chains: 2 }),
      fan: work(10, { width: fanWidth, fans: 20 }),
      throughput: work(0, { sessions: 5_000, open: 1_024 }),
      sleep,
    },
  },
  {
    name: 'Effect cluster',
    durable: false,
    how: 'in memory, one runner, the caller’s thread',
    without: inOneThread,
    work: {
      call: work(2, { calls: 100 }),
      chain: work(2, { length: 50, chains: 2 }),
      fan: work(2, { width: fanWidth, fans: 10 }),
      throughput: work(0, { sessions: 1_000, open: 256 }),
      sleep,
    },
  },
  {
    name: 'BullMQ',
    durable: true,
    how: 'redis-server --appendonly yes, flows',
    work: {
      call: work(5, { calls: 100 }),
      chain: work(3, { length: 100, chains: 2 }),
      fan: work(5, { width: fanWidth, fans: 10 }),
      throughput: work(0, { sessions: 5_000, open: 1_024 }),
      sleep,
      wordCount,
    },
  },
  {
    name: 'Restate',
    durable: true,
    how: 'restate-server, steps of a handler',
    without: inOneThread,
    work: {
      call: work(2, { calls: 50 }),
      chain: work(2, { length: 50, chains: 2 }),
      fan: work(2, { width: fanWidth, fans: 10 }),
      throughput: work(0, { sessions: 500, open: 256 }),
      sleep: work(0, { count: 1_000, ms: 1_000 }),
    },
  },
  {
    name: 'DBOS',
    durable: true,
    how: 'PostgreSQL, steps of a workflow',
    without: inOneThread,
    work: {
      call: work(2, { calls: 50 }),
      chain: work(2, { length: 50, chains: 2 }),
      fan: work(2, { width: fanWidth, fans: 10 }),
      throughput: work(0, { sessions: 500, open: 256 }),
      sleep: work(0, { count: 1_000, ms: 1_000 }),
    },
  },
];

/** A peer's process: started for the first measure of a group, stopped after the last. */
export class SharedHost {
  readonly #name: string;
  #started: Promise<Program> | null = null;
  #users = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Gives the line that it printed: its versions. */
  async open(): Promise<string> {
    this.#users++;
    this.#started ??= startProgram(fileURLToPath(new URL('host.mjs', folder)), [this.#name]);
    return (await this.#started).line;
  }

  async drive(driver: Driver, settings: Work['settings']): Promise<readonly number[]> {
    const program = await this.#started;
    const answer = await program?.ask({ driver, settings }, askMsMax);
    const { values, failed } = (answer ?? {}) as { values?: readonly number[]; failed?: string };
    if (!values) throw new Error(failed ?? 'it is not open');
    return values;
  }

  async close(): Promise<void> {
    if (--this.#users > 0 || !this.#started) return;
    const started = this.#started;
    this.#started = null;
    // One that never was ready has ended.
    const program = await started.catch(() => null);
    await program?.stop();
  }
}

/** Those that work here, and why the others do not. */
export async function loadPeers(say: (text: string) => void): Promise<{ peers: readonly LoadedPeer[]; leftOut: readonly LeftOut[] }> {
  try {
    await install(say);
  } catch (error) {
    const why = `npm ci in bench/peers has failed: ${messageOf(error)}`;
    return { peers: [], leftOut: peers.map(({ name }) => ({ system: name, why })) };
  }
  const loaded: LoadedPeer[] = [];
  const leftOut: LeftOut[] = [];
  for (const peer of peers) {
    const host = new SharedHost(peer.name);
    try {
      const versions = JSON.parse(await host.open()) as LoadedPeer['versions'];
      check((await host.drive('call', { calls: 1 })).length === 1, peer.name);
      loaded.push({ ...peer, host, versions });
      say(`${peer.name} is there: ${Object.entries(versions).flat().join(' ')}`);
    } catch (error) {
      leftOut.push({ system: peer.name, why: messageOf(error) });
    } finally {
      await host.close();
    }
  }
  return { peers: loaded, leftOut };
}

async function install(say: (text: string) => void): Promise<void> {
  // The last that npm writes: without it an installation was not finished, and if it is the older one there are other peers now.
  const writtenMs = (file: string) => statSync(new URL(file, folder), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (writtenMs('node_modules/.package-lock.json') > writtenMs('package-lock.json')) return;
  say('npm ci in bench/peers');
  await promisify(execFile)('npm', ['ci', '--loglevel=error', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: fileURLToPath(folder),
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

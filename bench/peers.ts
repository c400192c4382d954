/** Thread pools that do what we do, to be measured beside us. They are installed in a folder of their own, when they are first wanted. */
import { execFile } from 'node:child_process';
import { type EventEmitter, once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { check, executors } from './runtime.ts';

const folder = new URL('peers/', import.meta.url);

/** What of a pool is used; `name` is a function of its module. */
export interface Pool extends EventEmitter {
  run(value: unknown, options: { readonly name: string }): Promise<unknown>;
  destroy(): Promise<void>;
}

export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Two threads, as we have, which run the functions of a module: of plain JavaScript, default peers/worker.mjs. */
  open(module?: string): Pool;
}

type Import = () => Promise<{ readonly default: new (options: object) => Pool }>;

/** Those that work here; `say` is told why another does not. */
export async function loadPeers(say: (text: string) => void): Promise<readonly Peer[]> {
  try {
    await install(say);
  } catch (error) {
    say(`no peers: npm ci in bench/peers has failed: ${messageOf(error)}`);
    return [];
  }
  const { packages } = (await import(new URL('packages.mjs', folder).href)) as { readonly packages: Readonly<Record<string, Import>> };
  const peers: Peer[] = [];
  for (const [name, load] of Object.entries(packages)) {
    try {
      peers.push(await loadPeer(name, load));
    } catch (error) {
      say(`${name} is left out: ${messageOf(error)}`);
    }
  }
  return peers;
}

async function install(say: (text: string) => void): Promise<void> {
  // The last that npm writes: without it an installation was not finished.
  if (existsSync(new URL('node_modules/.package-lock.json', folder))) return;
  say('npm ci in bench/peers');
  await promisify(execFile)('npm', ['ci', '--loglevel=error', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: fileURLToPath(folder),
  });
}

/** One run shows whether its threads start. */
async function loadPeer(name: string, load: Import): Promise<Peer> {
  const { default: Pool } = await load();
  const { version } = JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, folder), 'utf8')) as { version: string };
  const worker = fileURLToPath(new URL('worker.mjs', folder));
  // No arguments of Node: its threads do without the development tools that this one was started with.
  const open = (filename = worker) => new Pool({ filename, minThreads: executors, maxThreads: executors, execArgv: [] });
  const pool = open();
  try {
    const failed = once(pool, 'error').then(([why]) => Promise.reject(why as Error));
    check((await Promise.race([pool.run(1, { name: 'next' }), failed])) === 2, name);
  } finally {
    await pool.destroy();
  }
  return { name, version, open };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

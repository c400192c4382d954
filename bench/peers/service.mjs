/** Servers that peers need. They run in a directory of their own, which goes with them, and none outlives this process, however it ends. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const readyMsMax = 30_000;
const stopMsMax = 10_000;

/**
 * Runs a server until its input closes, as it does when this process has ended, also by a `kill -9`; then it removes the directory. In a
 * group of its own, so that a signal to ours does not end it first.
 */
const guard = `
directory=$1; shift
"$@" </dev/null &
server=$!
cat >/dev/null
kill "$server" 2>/dev/null
wait "$server"
rm -rf "$directory"
`;

/** @typedef {{ uid?: number, gid?: number }} User */

/**
 * Starts a server and waits until it is ready: its port takes connections, if nothing else is said.
 * @param {readonly string[]} command
 * @param {{ directory: string, port: number, env?: Record<string, string>, user?: User,
 *   isReady?: () => boolean | Promise<boolean> }} options
 */
export async function startServer(command, { directory, port, env = {}, user = {}, isReady = () => takesConnections(port) }) {
  const shell = spawn('/bin/sh', ['-c', guard, 'guard', directory, ...command], {
    cwd: directory,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    ...user,
  });
  let said = '';
  for (const stream of [shell.stdout, shell.stderr]) stream.setEncoding('utf8').on('data', (text) => (said = (said + text).slice(-2_000)));
  const ended = once(shell, 'close');
  const stop = async () => {
    shell.stdin.end();
    const timer = setTimeout(() => shell.kill('SIGKILL'), stopMsMax);
    await ended;
    clearTimeout(timer);
  };
  const deadlineMs = performance.now() + readyMsMax;
  while (!(await isReady())) {
    if (performance.now() > deadlineMs) {
      await stop();
      throw new Error(`${command[0]} is not ready after ${readyMsMax} ms; it said: ${said}`);
    }
    await sleep(50);
  }
  return { stop };
}

/** @param {number} port */
async function takesConnections(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** @param {User} user */
export function makeDirectory({ uid, gid } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'pheromone-bench-peer-'));
  chmodSync(directory, 0o700);
  if (uid !== undefined && gid !== undefined) chownSync(directory, uid, gid);
  return directory;
}

/**
 * Where a program is: on the path, or in the first of the folders that has it.
 * @param {string} name
 * @param {readonly string[]} folders
 */
export function findProgram(name, folders = []) {
  const path = (process.env.PATH ?? '').split(delimiter);
  const found = [...folders, ...path].map((folder) => join(folder, name)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`${name} is not installed: it is in none of ${[...folders, ...path].join(', ')}`);
  return found;
}

/** Of Debian's PostgreSQL, the newest first. */
export function postgresFolders() {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return [];
  const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(root, version, 'bin'));
}

/** Some servers refuse to run as root. */
export function plainUser() {
  if (process.getuid?.() !== 0) return {};
  const id = (flag) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/**
 * The first number in what a program says of its version.
 * @param {string} program
 */
export function versionOf(program) {
  const text = execFileSync(program, ['--version'], { encoding: 'utf8' });
  return /\d+(\.\d+)+/.exec(text)?.[0] ?? text.trim();
}

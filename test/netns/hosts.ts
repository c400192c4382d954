/**
 * Hosts with addresses of their own: network namespaces of this machine, wired to one switch, itself in a namespace. Made and removed by the
 * tests here, and by nobody else; it takes root's rights and iproute2.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { commandLine, type Ended, userEnvironment } from '../integration/cli/pheromone.ts';

const prefix = `ph${process.pid}`;
const slowWay = fileURLToPath(new URL('slow-way.mjs', import.meta.url));

/** Why there can be no such hosts here; null: there can. */
export function whyNot(): string | null {
  if (process.platform !== 'linux') return 'it is not Linux';
  if (process.getuid?.() !== 0) return 'it takes root';
  try {
    ip('netns', 'add', `${prefix}-try`);
    ip('netns', 'delete', `${prefix}-try`);
    return null;
  } catch (error) {
    return `network namespaces cannot be made: ${(error as Error).message.split('\n', 1)[0]}`;
  }
}

export interface Host {
  readonly address: string;
  /** `pheromone`, run there to its end. */
  pheromone(...args: readonly string[]): Promise<Ended>;
  /** What it takes to connect from there to a port of another, in milliseconds: a round trip. */
  connectMs(address: string, port: number): number;
  /** Runs there until it is killed. Resolves with its first line. */
  start(...args: readonly string[]): Promise<string>;
}

export class Hosts {
  readonly #namespaces: string[] = [];
  readonly #processes: ChildProcess[] = [];
  readonly #switch = this.#addNamespace('switch');

  constructor() {
    this.#in(this.#switch, 'link', 'add', 'br0', 'type', 'bridge');
    this.#in(this.#switch, 'address', 'add', '10.77.0.254/24', 'dev', 'br0');
    this.#in(this.#switch, 'link', 'set', 'br0', 'up');
    // For hosts behind a slow way, which are not at the bridge itself.
    for (const setting of ['ip_forward', 'conf/br0/proxy_arp'])
      execFileSync('ip', ['netns', 'exec', this.#switch, 'sh', '-c', `echo 1 > /proc/sys/net/ipv4/${setting}`]);
  }

  add(name: string): Host {
    const { namespace, address } = this.#addHost(name);
    const end = `${name}-${process.pid}`;
    ip('link', 'add', end, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    ip('link', 'set', end, 'netns', this.#switch);
    this.#in(this.#switch, 'link', 'set', end, 'master', 'br0', 'up');
    this.#in(namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0');
    this.#in(namespace, 'link', 'set', 'eth0', 'up');
    return this.#host(namespace, address);
  }

  /** What it sends is late, and some of it is lost: by the kernel (`tc netem`) where that can, else by a process of ours. */
  async addSlow(name: string, delayMs: number, loss: number): Promise<Host & { readonly by: 'netem' | 'a process' }> {
    const host = this.add(name);
    const namespace = `${prefix}-${name}`;
    const netem = ['qdisc', 'add', 'dev', 'eth0', 'root', 'netem', 'delay', `${delayMs}ms`, 'loss', `${loss * 100}%`];
    try {
      execFileSync('ip', ['netns', 'exec', namespace, 'tc', ...netem], { stdio: 'pipe' });
      return { ...host, by: 'netem' };
    } catch {
      this.#in(namespace, 'link', 'delete', 'eth0');
    }
    if (!existsSync('/dev/net/tun')) throw new Error('neither tc netem nor /dev/net/tun is to be had');
    const far = `${name}-${process.pid}`;
    const near = `near-${process.pid}`;
    await this.#spawn(process.execPath, [slowWay, near, far, String(delayMs), String(loss)]);
    ip('link', 'set', near, 'netns', namespace);
    this.#in(namespace, 'link', 'set', near, 'name', 'eth0');
    this.#in(namespace, 'address', 'add', `${host.address}/24`, 'dev', 'eth0');
    this.#in(namespace, 'link', 'set', 'eth0', 'up');
    ip('link', 'set', far, 'netns', this.#switch);
    this.#in(this.#switch, 'link', 'set', far, 'up');
    this.#in(this.#switch, 'route', 'add', `${host.address}/32`, 'dev', far);
    return { ...host, by: 'a process' };
  }

  async close(): Promise<void> {
    for (const child of this.#processes.toReversed()) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    }
    for (const namespace of this.#namespaces) ip('netns', 'delete', namespace);
  }

  #host(namespace: string, address: string): Host {
    const inside = (args: readonly string[]) => ['netns', 'exec', namespace, process.execPath, ...commandLine(args)];
    return {
      address,
      start: (...args) => this.#spawn('ip', inside(args)),
      connectMs(to, port) {
        const program = `const at = performance.now(); require('node:net').connect(${port}, '${to}', function () {
          console.log(performance.now() - at); this.destroy(); });`;
        return Number(execFileSync('ip', ['netns', 'exec', namespace, process.execPath, '-e', program], { timeout: 30_000 }));
      },
      async pheromone(...args) {
        const child = spawn('ip', inside(args), { stdio: ['ignore', 'pipe', 'pipe'], env: userEnvironment() });
        const ended = once(child, 'close');
        const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
        return { code: code as number | null, stdout, stderr };
      },
    };
  }

  async #spawn(command: string, args: readonly string[]): Promise<string> {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: userEnvironment() });
    this.#processes.push(child);
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    return new Promise((resolve, reject) => {
      createInterface(child.stdout).once('line', resolve);
      child.once('close', (code) => reject(new Error(`${args.join(' ')} ended with ${code}: ${errors}`)));
    });
  }

  #addHost(name: string): { readonly namespace: string; readonly address: string } {
    const namespace = this.#addNamespace(name);
    this.#in(namespace, 'link', 'set', 'lo', 'up');
    return { namespace, address: `10.77.0.${this.#namespaces.length}` };
  }

  #addNamespace(name: string): string {
    const namespace = `${prefix}-${name}`;
    ip('netns', 'add', namespace);
    this.#namespaces.push(namespace);
    return namespace;
  }

  #in(namespace: string, ...args: readonly string[]): void {
    ip('-netns', namespace, ...args);
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

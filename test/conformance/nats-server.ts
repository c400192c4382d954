/** A real nats-server with JetStream, of the tests: on a free port of 127.0.0.1, with a store of its own. It can be killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import fs from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

/** Null: there is none on this machine, and what needs one is skipped. */
export const natsServerPath =
  [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/bin']
    .map((directory) => path.join(directory, 'nats-server'))
    .find((file) => existsSync(file)) ?? null;

export const natsMissing = natsServerPath === null ? ' (skipped: there is no nats-server on PATH)' : '';

export class NatsServer {
  readonly port: number;
  readonly #directory: string;
  readonly #more: readonly string[];
  #process: ChildProcess | null = null;

  /** `more`: arguments, such as `--user`. */
  static async start(...more: readonly string[]): Promise<NatsServer> {
    const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'pheromone-nats-'));
    const server = new NatsServer(await freePort(), directory, more);
    await server.start();
    return server;
  }

  private constructor(port: number, directory: string, more: readonly string[]) {
    this.port = port;
    this.#directory = directory;
    this.#more = more;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** On the same port, with the same store. */
  async start(): Promise<void> {
    if (natsServerPath === null) throw new Error('there is no nats-server');
    const args = ['-a', '127.0.0.1', '-p', String(this.port), '-js', '-sd', this.#directory, ...this.#more];
    this.#process = spawn(natsServerPath, args, { stdio: 'ignore' });
    const untilMs = Date.now() + 20_000;
    while (!(await answers(this.port))) {
      if (Date.now() > untilMs) throw new Error(`nats-server does not answer on port ${this.port}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** SIGSTOP and SIGCONT: it is there, and says nothing. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(signal);
  }

  /** As a machine that loses its power would, but that its disk has all. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async remove(): Promise<void> {
    await this.kill();
    await fs.rm(this.#directory, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** It greets whoever connects. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    const end = (does: boolean) => {
      socket.destroy();
      resolve(does);
    };
    socket.setTimeout(1_000, () => end(false));
    socket.once('data', () => end(true));
    socket.once('error', () => end(false));
  });
}

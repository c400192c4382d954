/** The registries there are, in virtual time: what the conformance suite and the model test run over. */
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Address } from '../../src/actors/actor.ts';
import type { Message } from '../../src/actors/protocol/message.ts';
import { LmdbRegistry } from '../../src/cluster/registry/lmdb-registry.ts';
import { MemoryRegistry } from '../../src/cluster/registry/memory-registry.ts';
import type { Registry, Watch } from '../../src/cluster/registry/registry.ts';
import { RegistryService } from '../../src/cluster/registry/registry-service.ts';
import { RemoteRegistry } from '../../src/cluster/registry/remote-registry.ts';
import { decodeFrame, encodeFrame } from '../../src/cluster/wire/codec.ts';
import { Clock } from '../simulation/clock.ts';
import { type Bench, portsOf } from './bench.ts';
import { natsBench } from './nats-bench.ts';
import { natsServerPath } from './nats-server.ts';

export { type Bench, portsOf };

export const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  memory: async () => {
    const clock = new Clock(1_000);
    const registry = new MemoryRegistry(portsOf(clock));
    return { ...ordered(registry), clock, another: () => registry, close: () => registry.close() };
  },
  lmdb: async () => {
    const clock = new Clock(1_000);
    const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'pheromone-test-'));
    const registry = await LmdbRegistry.open(path.join(directory, 'made.at', 'first-use'), portsOf(clock));
    return {
      ...ordered(registry),
      clock,
      another: () => registry,
      async close() {
        await registry.close();
        await fs.rm(directory, { recursive: true });
      },
    };
  },
  remote: async () => {
    const clock = new Clock(1_000);
    const network = new Network(clock);
    const registry = network.join('n1');
    let nodes = 1;
    return { ...ordered(registry), clock, another: () => network.join(`n${++nodes}`), close: () => network.close() };
  },
  ...(natsServerPath === null ? {} : { nats: natsBench }),
};

function ordered(registry: Registry) {
  return { registry, isOrdered: true, quiet: () => registry.get('barrier') };
}

/** Virtual time goes on, and everything that happens in it has happened, also at the registry. */
export async function advance(bench: Pick<Bench, 'clock' | 'registry'> & Partial<Pick<Bench, 'quiet'>>, ms: number): Promise<void> {
  const { clock, registry, quiet = () => registry.get('barrier') } = bench;
  await bench.quiet?.();
  const endMs = clock.nowMs + ms;
  while (clock.step(endMs)) await quiet();
  clock.nowMs = endMs;
}

/** A registry in memory with its service, and nodes that reach it by messages: encoded, in order, each in a turn of its own. */
export class Network {
  readonly registry: MemoryRegistry;
  readonly service: RegistryService;
  readonly clock: Clock;
  /** By node; messages to and from others get lost. */
  readonly #nodes = new Map<string, RemoteRegistry>();
  readonly #cut = new Set<string>();
  readonly sent: Message[] = [];
  #line = Promise.resolve();

  constructor(clock: Clock) {
    this.clock = clock;
    this.registry = new MemoryRegistry(portsOf(clock));
    this.service = new RegistryService({
      registry: this.registry,
      send: (to, message) => {
        const node = to.slice(to.indexOf('@') + 1);
        this.#carry(node, to, message, (arrived) => this.#nodes.get(node)?.take(arrived));
      },
      unsent(_, error) {
        throw error;
      },
    });
  }

  join(node: string, options: { readonly timeoutMs?: number; readonly checkMs?: number } = {}): RemoteRegistry {
    const remote = new RemoteRegistry({
      ...options,
      owner: `registry-client@${node}`,
      timers: this.clock.timers(),
      firstNumber: 1,
      send: (message) => this.#carry(node, 'registry', message, (arrived) => this.service.take(arrived)),
    });
    this.#nodes.set(node, remote);
    return remote;
  }

  /** Silently: nobody is told. */
  cut(node: string): void {
    this.#cut.add(node);
  }

  mend(node: string): void {
    this.#cut.delete(node);
  }

  /** What is on its way has arrived, and what it has caused. */
  async quiet(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((remote) => remote.close()));
    await this.registry.close();
  }

  #carry(node: string, to: Address, message: Message, arrive: (message: Message) => void): void {
    const frame = encodeFrame([{ to, message }]);
    this.sent.push(message);
    this.#line = this.#line.then(() => {
      if (this.#cut.has(node)) return;
      for (const envelope of decodeFrame(frame)) arrive(envelope.message);
      // Its memory is somebody else's from now on.
      frame.fill(0xee);
    });
  }
}

/** Asked for at once where the order holds, else one after the other. */
export async function together({ isOrdered }: Pick<Bench, 'isOrdered'>, ...operations: readonly (() => Promise<unknown>)[]): Promise<void> {
  if (isOrdered) await Promise.all(operations.map((operation) => operation()));
  else for (const operation of operations) await operation();
}

/** What a watcher is told, in words. */
export class Log {
  readonly lines: string[] = [];
  readonly #watch: Watch;

  constructor(registry: Registry, prefix: string) {
    this.#watch = registry.watch(prefix, {
      changed: (change) => {
        if (change.kind === 'put') {
          const { key, revision, value } = change.entry;
          this.lines.push(`${key}=${Buffer.from(value).toString()} @${revision}`);
        } else if (change.kind === 'large') this.lines.push(`${change.key} has ${change.sizeBytes} bytes @${change.revision}`);
        else this.lines.push(`${change.key} gone @${change.revision}`);
      },
      current: () => this.lines.push('current'),
    });
  }

  /** Waits until so many lines are there, on a busy machine; not for long. */
  async reach(count: number): Promise<void> {
    for (let tries = 0; this.lines.length < count && tries < 400; tries++) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** What came since it was last taken. */
  take(): string[] {
    return this.lines.splice(0);
  }

  stop(): void {
    this.#watch.stop();
  }
}

export const bytes = (text: string) => new Uint8Array(Buffer.from(text));
export const anyRevision = { expected: null, ttlMs: null } as const;
export const mustBeNew = { expected: 0, ttlMs: null } as const;

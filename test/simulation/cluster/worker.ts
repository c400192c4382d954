/** A worker of a simulated cluster: the node and its border are the real ones, as `cluster/roles/worker.ts` puts them together. */
import type { Address } from '../../../src/actors/actor.ts';
import { builtInPrimitives } from '../../../src/actors/bucket/primitives/index.ts';
import type { BucketState } from '../../../src/actors/bucket/state.ts';
import type { WorkerStats } from '../../../src/actors/protocol/store.ts';
import type { SchedulerState } from '../../../src/actors/scheduler/state.ts';
import type { Config } from '../../../src/cluster/config.ts';
import type { ActorDefinition, Outlet } from '../../../src/cluster/host.ts';
import { Node, type NodePorts } from '../../../src/cluster/node/node.ts';
import { RegistryDurableStore } from '../../../src/cluster/roles/registry-durable-store.ts';
import { Fence } from '../../../src/cluster/fence.ts';
import { WorkerBorder } from '../../../src/cluster/worker-border.ts';
import { errorData } from '../../../src/actors/protocol/error.ts';
import { createSegment, type Segment } from '../../../src/storage/segment.ts';
import { hookSpawn } from '../spawn-hook.ts';
import { watchStore } from '../store-watch.ts';
import { SimulatedThreads } from '../threads.ts';
import { type Around, SimulatedProcess } from './process.ts';

const role = 'worker';
/** Asks what the worker has done. */
const probe: Address = 'probe@simulation';

export class SimulatedWorker {
  readonly role = role;
  readonly name: string;
  readonly process: SimulatedProcess;
  readonly threads: SimulatedThreads;
  readonly buckets = new Map<Address, BucketState>();
  node!: Node;
  scheduler!: SchedulerState;
  isStopped = false;
  readonly #fence = new Fence();
  readonly #around: Around;
  readonly #config: Config;
  readonly #segment: Segment;
  #border: WorkerBorder | null = null;
  #stats: WorkerStats | null = null;
  #resolveStopped: () => void = () => undefined;
  readonly #stopped = new Promise<void>((resolve) => (this.#resolveStopped = resolve));
  readonly #probe: Outlet = {
    send: (_, message) => {
      if (message.kind === 'requestDone') this.#stats = message.result as WorkerStats;
    },
  };

  constructor(name: string, registryNode: string, executors: number, around: Around) {
    this.#config = { ...around.config, executors };
    this.name = name;
    this.#around = around;
    this.#segment = createSegment({ sizeBytes: around.config.arenaBytes, mapped: false });
    this.process = new SimulatedProcess({
      name,
      gateway: null,
      registryNode,
      around,
      receive: (envelopes) => this.#border?.take(envelopes.filter(({ message }) => this.#fence.admits(message))),
      lost: (envelope) => this.#border?.lost(envelope),
      listener: {
        joined: (member) => this.#border?.nodeJoined(member.name),
        left: (member) => this.#border?.nodeGone(member.name, member.role),
        sharded: () => undefined,
      },
    });
    this.threads = this.#makeThreads();
  }

  async start(): Promise<void> {
    const { name, process } = this;
    await process.join();
    this.node = hookSpawn(
      () => new Node(this.#config, this.#ports()),
      (address, definition) => this.#spawned(address, definition),
    );
    watchStore(this.node.store, (event) => this.#around.observe(name, event));
    const { registry, timers } = process;
    const ways = {
      outletOf: (to: Address) => (to === probe ? this.#probe : process.outletOf(to)),
      wayTo: (to: Address) => process.wayTo(to),
      isMember: (node: string) => process.view.members.has(node),
      health: { registryAwayMs: null },
    };
    this.#border = new WorkerBorder({ name, incarnation: 1, config: this.#config, node: this.node, ways, registry, timers });
    this.node.start();
    await process.announce(role);
  }

  /** With what its border counts. */
  stats(): WorkerStats {
    this.node.host.deliver('stats', { kind: 'statsAsked', owner: probe, request: 0 });
    return this.#stats ?? this.node.stats();
  }

  /** Resolves when its last thread is gone. */
  async stop(): Promise<void> {
    this.node.stop();
    await this.#stopped;
    this.#border?.close(errorData('RuntimeClosed', 'the worker is stopping'));
    await this.node.close();
    this.isStopped = true;
  }

  get isDead(): boolean {
    return this.process.isDead;
  }

  die(): void {
    this.process.die();
    this.threads.dieAll();
  }

  #makeThreads(): SimulatedThreads {
    const { name } = this;
    const { clock, random, config, observe, settleSoon, ...around } = this.#around;
    return new SimulatedThreads({
      clock,
      random,
      segment: this.#segment.bytes,
      inlineBytesMax: config.inlineBytesMax,
      storeWaitMs: config.storeWaitMs,
      solo: null,
      invocationsMax: config.invocationsPerSessionMax,
      nextContent: () => around.nextContent(),
      faults: () => around.faults(),
      isHealing: () => around.isHealing(),
      settleSoon,
      read: (by, when, input, found) => observe(name, { kind: 'read', by: `${by} on ${name}`, when, input, found }),
      ending: () => void (this.isDead || this.node.threadEnding()),
      sent: (thread, to, message) => observe(name, { kind: 'threadSent', thread, to, message }),
      received: (envelopes) => {
        if (this.isDead) return;
        settleSoon();
        this.node.host.deliverAll(envelopes);
      },
      exited: (thread, reason, text) => {
        if (this.isDead) return;
        settleSoon();
        this.node.threadExited(thread, reason, text);
      },
    });
  }

  #ports(): NodePorts {
    const { name, process, threads } = this;
    const { clock, random, observe } = this.#around;
    return {
      cluster: name,
      nowMs: () => clock.nowMs,
      random: () => random.next(),
      timers: process.timers,
      segment: this.#segment,
      durable: new RegistryDurableStore(process.registry),
      solo: null,
      startThread: (thread) => threads.start(thread),
      terminateThread: (thread) => threads.terminate(thread),
      loadPrimitives: () => (kind) => builtInPrimitives.get(kind),
      outletOf: (address) => this.#outletOf(address),
      flush() {
        process.flush();
        threads.flush();
      },
      stopped: () => this.#resolveStopped(),
      log: () => {},
      onBug: (error) => observe(name, { kind: 'bug', error }),
      onMessage: (to, place, message) => observe(name, { kind: 'handled', host: 'node', to, place, message }),
    };
  }

  #outletOf(address: Address): Outlet | null {
    const outlet = address.startsWith('thread:')
      ? this.threads.outletOf(Number(address.slice('thread:'.length)))
      : (this.#border?.outletOf(address) ?? null);
    return (
      outlet && {
        send: (to, message) => {
          this.#around.observe(this.name, { kind: 'left', to, message });
          outlet.send(to, message);
        },
      }
    );
  }

  #spawned(address: Address, definition: ActorDefinition<unknown>): ActorDefinition<unknown> {
    if (address === 'scheduler') this.scheduler = definition.state as SchedulerState;
    if (address.startsWith('bucket:')) this.buckets.set(address, definition.state as BucketState);
    return this.#around.spawned(address, definition);
  }
}

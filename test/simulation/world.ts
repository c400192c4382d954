/**
 * A simulated world: a client, a node, its threads, and the network between them, in virtual time and by one seed.
 *
 *     user ─ client host ══ reliable link over a faulty network ══ node ── channels ── threads that run programs
 *
 * The node is the one of `cluster/node/node.ts`; only its ports are models. A run has a safety phase, in which faults happen and
 * the user follows his script, and then a phase in which all heals: faults stop, apps are drained and unregistered, and within
 * `convergeMsMax` nothing may be left. What is wrong is said by checkers, which see every event.
 */
import type { Address } from '../../src/actors/actor.ts';
import type { BucketState } from '../../src/actors/bucket/state.ts';
import { builtInPrimitives } from '../../src/actors/bucket/primitives/index.ts';
import type { CoordinatorState } from '../../src/actors/coordinator/state.ts';
import { countOpen } from '../../src/actors/scheduler/sleep.ts';
import type { SchedulerState } from '../../src/actors/scheduler/state.ts';
import { type Config, defaultConfig } from '../../src/cluster/config.ts';
import type { ActorDefinition } from '../../src/cluster/host.ts';
import { Node } from '../../src/cluster/node/node.ts';
import { type DurableStore, MemoryDurableStore } from '../../src/storage/durable-store.ts';
import { createSegment } from '../../src/storage/segment.ts';
import { createSoloMemory, type SoloHandle } from '../../src/storage/solo/memory.ts';
import { SoloTable } from '../../src/storage/solo/table.ts';
import type { Checker } from './checkers/checker.ts';
import { SimulatedClient } from './client.ts';
import { Clock } from './clock.ts';
import type { WorldEvent } from './events.ts';
import { type Faults, noFaults, randomFaults } from './faults.ts';
import { NetworkEnd } from './network.ts';
import { Random } from './random.ts';
import { randomScript, type Script } from './random-script.ts';
import { hookSpawn } from './spawn-hook.ts';
import { watchStore } from './store-watch.ts';
import { Bells, runsSolo, type SoloWorld } from './solo.ts';
import { SimulatedThreads } from './threads.ts';
import { Transcript } from './transcript.ts';
import { User } from './user.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly checkers: readonly Checker[];
  /** Default: at random. */
  readonly faults?: Faults;
  readonly script?: Script;
  readonly config?: Partial<Config>;
  /** Keeps the lines of the transcript. */
  readonly keepTranscript?: boolean;
  /** Breaks an actor, to see whether a checker complains. */
  readonly mutate?: (address: Address, definition: ActorDefinition<unknown>) => ActorDefinition<unknown>;
  /** Breaks the store. */
  readonly mutateStore?: (node: Node, segment: Uint8Array) => void;
  /** A throw of an actor is no failure of its own. */
  readonly toleratesBugs?: boolean;
}

/** Some day, at the full second: windows are aligned to the epoch. */
const startMs = Date.UTC(2030, 0, 1);
const soloLookMs = 1;
const healMs = 1_000;
const againMs = 1_000;
/** Longer than any deadline, so that also a session which waits for the outside ends. */
export const convergeMsMax = 300_000;
const stepsMax = 2_000_000;

export class World {
  readonly random: Random;
  readonly clock = new Clock(startMs);
  readonly config: Config;
  readonly script: Script;
  readonly transcript: Transcript;
  readonly client: SimulatedClient;
  readonly node: Node;
  readonly threads: SimulatedThreads;
  readonly user: User;
  readonly nodeTimers: ReturnType<Clock['timers']>;
  readonly ends: { readonly client: NetworkEnd; readonly node: NetworkEnd };
  readonly segment: Uint8Array;
  readonly solo: SoloWorld | null;
  readonly buckets = new Map<Address, BucketState>();
  scheduler!: SchedulerState;
  coordinator!: CoordinatorState;
  faults: Faults;
  isStopped = false;
  readonly #options: WorldOptions;
  #contents = 0;
  #isHealing = false;
  /** Thrown after the step: a host that is at work would take it for a bug of an actor. */
  #failure: Error | null = null;
  /** Promises that are to be settled before time goes on. */
  #hasPromises = false;
  #isLooking = false;
  readonly #soloMemory: SoloHandle | null;

  constructor(options: WorldOptions) {
    this.#options = options;
    const { seed, keepTranscript = false } = options;
    this.random = new Random(seed);
    this.faults = options.faults ?? randomFaults(this.random);
    this.config = { ...simulatedConfig(this.random), ...options.config };
    this.script = options.script ?? randomScript(this.random);
    this.transcript = new Transcript(startMs, keepTranscript);
    const { clock, random, config } = this;
    const segment = createSegment({ sizeBytes: config.arenaBytes, mapped: false });
    this.segment = segment.bytes;
    const network = { clock, random, faults: () => this.faults, limits: { windowFramesMax: random.pick([4, 256]) } };
    this.ends = { client: new NetworkEnd(1, network), node: new NetworkEnd(2, network) };
    const shared = { clock, random, segment: this.segment, nextContent: () => ++this.#contents };
    const observe = (event: WorldEvent) => this.observe(event);
    // Every other world has solo sessions.
    const memory = seed % 2 === 0 ? createSoloMemory(config.soloSessionsMax, config.executors) : null;
    this.solo = memory && {
      table: new SoloTable(memory),
      bells: new Bells(clock, random),
      settleSoon: () => this.settleSoon(),
    };
    this.#soloMemory = memory;
    this.client = new SimulatedClient({
      ...shared,
      solo: this.solo,
      soloMemory: memory,
      config,
      node: this.ends.client,
      observe,
      spawned: (address, definition) => this.#spawned(address, definition),
    });
    this.threads = new SimulatedThreads({
      ...shared,
      inlineBytesMax: config.inlineBytesMax,
      storeWaitMs: config.storeWaitMs,
      faults: () => this.faults,
      isHealing: () => this.#isHealing,
      read: (by, when, input, found) => observe({ kind: 'read', by, when, input, found }),
      solo: this.solo,
      invocationsMax: config.invocationsPerSessionMax,
      settleSoon: () => this.settleSoon(),
      ending: () => this.node.threadEnding(),
      sent: (thread, to, message) => observe({ kind: 'threadSent', thread, to, message }),
      received: (envelopes) => this.node.host.deliverAll(envelopes),
      exited: (thread, reason, text) => this.node.threadExited(thread, reason, text),
    });
    this.nodeTimers = clock.timers();
    this.node = this.#makeNode(segment);
    this.ends.client.connect(this.ends.node, (envelopes) => this.client.receive(envelopes));
    this.ends.node.connect(this.ends.client, (envelopes) => this.node.host.deliverAll(envelopes));
    this.user = new User(this.client, clock, config.askTimeoutMs);
  }

  /** Throws what the first checker complains of. */
  async run(): Promise<void> {
    this.node.start();
    this.user.follow(this.script.steps);
    this.#strike('threadCrashMsMean', () => this.threads.crashOne());
    this.#strike('pauseMsMean', () => this.threads.pauseOne(this.random.int(1, this.faults.pauseMsMax)));
    await this.#runUntil(startMs + this.script.lengthMs + healMs, () => false);
    await this.#converge();
    for (const checker of this.#options.checkers) checker.end?.(this);
  }

  observe(event: WorldEvent): void {
    this.transcript.take(event, this.clock.nowMs);
    if (event.kind === 'bug' && !this.#options.toleratesBugs) this.#failure ??= event.error;
    try {
      for (const checker of this.#options.checkers) checker.see(event, this);
    } catch (error) {
      this.#failure ??= error as Error;
    }
  }

  async #converge(): Promise<void> {
    this.faults = { ...noFaults, delayMsMin: this.faults.delayMsMin };
    this.#isHealing = true;
    this.transcript.note(this.clock.nowMs, 'healed');
    const names = this.script.apps.map(({ definition }) => definition.name);
    const endMs = this.clock.nowMs + convergeMsMax;
    for (const app of names) this.user.act({ do: 'drain', app });
    // Empty windows that fire go on for ever, and so may the sessions that they open.
    await this.#runUntil(
      this.clock.nowMs + 2 * this.config.deadlineExternalMs,
      () => this.user.open === 0 && countOpen(this.scheduler) === 0,
    );
    // What he asked before may still be under way, or fill the queue: then he asks again.
    while (this.coordinator.apps.size > 0 && this.clock.nowMs < endMs) {
      for (const app of names) this.user.act({ do: 'unregister', app });
      await this.#runUntil(this.clock.nowMs + againMs, () => false);
    }
    await this.#runUntil(endMs, () => this.user.open === 0 && this.scheduler.invocations.size === 0 && this.scheduler.apps.size === 0);
    this.client.request(
      (request) => ({ kind: 'askClose', request, drainMs: 1_000 }),
      () => {},
    );
    await this.#runUntil(this.clock.nowMs + 10_000, () => false);
    this.node.stop();
    await this.#runUntil(this.clock.nowMs + 10_000, () => false);
  }

  async #runUntil(endMs: number, isDone: () => boolean): Promise<void> {
    for (let steps = 0; steps < stepsMax; steps++) {
      if (isDone() || !this.clock.step(endMs)) return;
      if (this.#hasPromises) await this.#settlePromises();
      this.#tendSolo();
      this.observe({ kind: 'stepped' });
      if (this.#failure) throw this.#failure;
    }
    throw new Error(`bug: more than ${stepsMax} events`);
  }

  #durableStore(): DurableStore {
    const store = new MemoryDurableStore();
    const working = <T>(work: T): T => {
      this.#hasPromises = true;
      return work;
    };
    return {
      get: (key) => working(store.get(key)),
      put: (key, bytes) => working(store.put(key, bytes)),
      delete: (key) => working(store.delete(key)),
      keys: (prefix) => working(store.keys(prefix)),
      close: () => store.close(),
    };
  }

  settleSoon(): void {
    this.#hasPromises = true;
  }

  /** Bells are heard, and while anything runs solo, the node looks after it. */
  #tendSolo(): void {
    if (!this.solo) return;
    this.solo.bells.poll();
    if (this.#isLooking || !runsSolo(this.solo.table)) return;
    this.#isLooking = true;
    this.clock.after(soloLookMs, () => {
      this.#isLooking = false;
      this.node.solo?.look();
    });
  }

  /** The durable store answers by promises, and so do others: they are settled before time goes on. */
  async #settlePromises(): Promise<void> {
    this.#hasPromises = false;
    await new Promise((resolve) => setImmediate(resolve));
  }

  #strike(rate: 'threadCrashMsMean' | 'pauseMsMean', happen: () => void): void {
    const mean = this.faults[rate];
    if (mean === 0) return;
    this.clock.after(this.random.exponential(mean), () => {
      if (this.faults[rate] === 0) return;
      happen();
      this.#strike(rate, happen);
    });
  }

  #makeNode(segment: ReturnType<typeof createSegment>): Node {
    const { clock, random, threads, ends } = this;
    const make = () =>
      new Node(this.config, {
        cluster: null,
        nowMs: () => clock.nowMs,
        random: () => random.next(),
        timers: this.nodeTimers,
        segment,
        durable: this.#durableStore(),
        solo: this.#soloMemory && {
          memory: this.#soloMemory,
          keeper: 'client:sim',
          clientOf: () => 'client:sim',
          executorAt: (place) => threads.threadAt(place),
        },
        startThread: (thread) => threads.start(thread),
        terminateThread: (thread) => threads.terminate(thread),
        loadPrimitives: () => (kind) => builtInPrimitives.get(kind),
        outletOf: (address) => this.#outletOf(address),
        flush: () => {
          ends.node.flush();
          threads.flush();
        },
        stopped: () => {
          this.isStopped = true;
        },
        log: () => {},
        onBug: (error) => this.observe({ kind: 'bug', error }),
        onMessage: (to, place, message) => {
          this.observe({ kind: 'handled', host: 'node', to, place, message });
        },
      });
    const node = hookSpawn(make, (address, definition) => this.#spawned(address, definition));
    this.#options.mutateStore?.(node, this.segment);
    watchStore(node.store, (event) => this.observe(event));
    return node;
  }

  #spawned(address: Address, definition: ActorDefinition<unknown>): ActorDefinition<unknown> {
    if (address === 'scheduler') this.scheduler = definition.state as SchedulerState;
    if (address === 'coordinator') this.coordinator = definition.state as CoordinatorState;
    if (address.includes('bucket:')) this.buckets.set(address, definition.state as BucketState);
    return this.#options.mutate?.(address, definition) ?? definition;
  }

  #outletOf(address: Address) {
    const outlet = address.startsWith('thread:')
      ? this.threads.outletOf(Number(address.slice('thread:'.length)))
      : isOfClient(address)
        ? this.ends.node
        : null;
    return (
      outlet && {
        send: (to: Address, message: Parameters<typeof outlet.send>[1]) => {
          this.observe({ kind: 'left', to, message });
          outlet.send(to, message);
        },
      }
    );
  }
}

function isOfClient(address: Address): boolean {
  return address.startsWith('client:') || address.startsWith('blocks:');
}

/** Small limits, so that they are reached. */
function simulatedConfig(random: Random): Config {
  return {
    ...defaultConfig(),
    executors: random.int(1, 4),
    arenaBytes: random.pick([16, 64, 256]) * 1_024,
    inlineBytesMax: 64,
    sessionsOpenMax: random.pick([2, 10, 100]),
    soloSessionsMax: 32,
    admissionsWaitingMax: random.pick([2, 100]),
    queuedInvocationsMax: random.pick([3, 100]),
    invocationsPerSessionMax: 80,
    admitTimeoutMs: 500,
    storeWaitMs: random.pick([50, 1_000]),
    deadlineMs: 20_000,
    deadlineExternalMs: 30_000,
    abortGraceMs: random.pick([20, 200]),
    executorStartTimeoutMs: 2_000,
    loadTimeoutMs: 2_000,
    executorRestartMs: 100,
    summariesBytesMax: random.pick([3_000, 100_000]),
    resultsBytesMax: random.pick([1_000, 100_000]),
    appChangesWaitingMax: random.pick([1, 100]),
    askTimeoutMs: random.pick([200, 5_000]),
    poison: true,
    mapped: false,
  };
}

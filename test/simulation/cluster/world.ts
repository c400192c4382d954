/**
 * A simulated cluster: three workers, two coordinators, one or two clients, and the network between them, in virtual time and by one seed.
 *
 *     user ─ client ══ coordinator ══ workers ── channels ── threads that run programs
 *                          ║ ╲          ║
 *                      coordinator ═════╝          (═: reliable links over a faulty network; the registry is the first coordinator's)
 *
 * All but threads, network and timers is real. A run has three phases: all join; the users follow their script while faults happen; all
 * heals, apps are drained and unregistered, and within `convergeMsMax` nothing may be left. What is wrong is said by checkers.
 */
import { type Config, defaultConfig } from '../../../src/cluster/config.ts';
import { countOpen } from '../../../src/actors/scheduler/sleep.ts';
import { shardsCount } from '../../../src/actors/protocol/session-id.ts';
import { Clock } from '../clock.ts';
import type { WorldEvent } from '../events.ts';
import { noFaults } from '../faults.ts';
import { Random } from '../random.ts';
import { randomScript, type Script } from '../random-script.ts';
import { Transcript } from '../transcript.ts';
import { User } from '../user.ts';
import { ClusterCheckers, type Process } from './checkers.ts';
import { ClusterClient } from './client.ts';
import { SimulatedCoordinator } from './coordinator.ts';
import { type ClusterFaults, noClusterFaults, randomClusterFaults } from './faults.ts';
import { ClusterNetwork } from './network.ts';
import type { ActorDefinition } from '../../../src/cluster/host.ts';
import type { Address } from '../../../src/actors/actor.ts';
import type { Complaint } from '../checkers/checker.ts';
import type { Around } from './process.ts';
import { clusterScript, stepsOf } from './script.ts';
import { memberKey } from '../../../src/cluster/view.ts';
import { SimulatedWorker } from './worker.ts';

export interface ClusterWorldOptions {
  readonly seed: number;
  /** Clients are connected to workers directly only after so long, while they use them. Default: at once, or never. */
  readonly approachMs?: number;
  /** Breaks an actor, to see whether a checker complains. */
  readonly mutate?: (address: Address, definition: ActorDefinition<unknown>) => ActorDefinition<unknown>;
  /** The only checker that matters; and a throw of an actor is no failure of its own. */
  readonly only?: string;
  /** Keeps the lines of the transcript. */
  readonly keepTranscript?: boolean;
}

/** Some day, at the full second: windows are aligned to the epoch. */
const startMs = Date.UTC(2030, 0, 1);
const bootMsMax = 10_000;
const healMs = 1_000;
const againMs = 1_000;
/** Longer than any deadline, so that also a session which waits for the outside ends. */
const convergeMsMax = 300_000;
/** Longer than any timer that runs while nothing happens. */
const restMs = 15_000;
const stepsMax = 2_000_000;
const linksEachSteps = 100;
const workersCount = 3;

export class ClusterWorld {
  readonly random: Random;
  readonly clock = new Clock(startMs);
  readonly config: Config;
  readonly script: Script;
  readonly transcript: Transcript;
  readonly network: ClusterNetwork;
  readonly checkers = new ClusterCheckers();
  readonly workers: readonly SimulatedWorker[];
  readonly coordinators: readonly SimulatedCoordinator[];
  readonly clients: readonly ClusterClient[];
  readonly users: readonly User[];
  faults: ClusterFaults = { ...noFaults, ...noClusterFaults };
  readonly #lastingFaults: ClusterFaults;
  readonly #only: string | null;
  readonly #byName: ReadonlyMap<string, Process>;
  #contents = 0;
  #isHealing = false;
  /** Thrown after the step: a host that is at work would take it for a bug of an actor. */
  #failure: Error | null = null;
  /** Promises that are to be settled before time goes on. */
  #hasPromises = false;

  constructor(options: ClusterWorldOptions) {
    const { seed, approachMs: lateMs, keepTranscript = false, mutate } = options;
    this.#only = options.only ?? null;
    const random = new Random(seed);
    this.random = random;
    this.#lastingFaults = randomClusterFaults(random);
    const isLarge = random.chance(0.5);
    this.config = clusterConfig(random, isLarge);
    this.script = clusterScript(randomScript(random), isLarge, random);
    this.transcript = new Transcript(startMs, keepTranscript);
    const { clock, config } = this;
    const limits = { windowFramesMax: random.pick([4, 256]), framesMax: random.pick([16, 4_096]), resendMsMax: 1_000 };
    const settleSoon = () => {
      this.#hasPromises = true;
    };
    this.network = new ClusterNetwork({
      clock,
      random,
      faults: () => this.faults,
      limits,
      settleSoon,
      arrived: (from, at, envelopes) =>
        this.#check(() => envelopes.forEach(({ message }) => this.checkers.inOrder.heard(from, at, message))),
    });
    const around: Around = {
      clock,
      random,
      config,
      network: this.network,
      faults: () => this.faults,
      isHealing: () => this.#isHealing,
      nextContent: () => ++this.#contents,
      observe: (node, event) => this.observe(node, event),
      said: (from, hop, message) => this.checkers.inOrder.said(from, hop, message),
      settleSoon,
      spawned: (address, definition) => mutate?.(address, definition) ?? definition,
    };
    const names = ['c1', random.pick(['c2', 'east', 'north', 'k'])] as const;
    this.coordinators = names.map((name, i) => new SimulatedCoordinator(name, i === 0 ? null : names[0], around));
    this.workers = Array.from(
      { length: workersCount },
      (_, i) => new SimulatedWorker(`w${i + 1}`, names[0], random.pick([1, 1, 4, 4]), around),
    );
    this.clients = Array.from(
      { length: random.int(1, 2) },
      (_, i) => new ClusterClient(`~user${i + 1}`, random.pick(names), lateMs ?? random.pick([0, null]), around),
    );
    this.users = this.clients.map((client) => new User(client, clock, config.askTimeoutMs));
    this.#byName = new Map(this.processes.map((process) => [process.name, process]));
  }

  get processes(): readonly Process[] {
    return [...this.coordinators, ...this.workers, ...this.clients];
  }

  get living(): readonly SimulatedWorker[] {
    return this.workers.filter(({ isDead }) => !isDead);
  }

  /** Throws what the first checker complains of. */
  async run(): Promise<void> {
    await this.#boot();
    this.faults = this.#lastingFaults;
    const steps = stepsOf(this.script, this.users.length, this.random);
    for (const [i, user] of this.users.entries()) user.follow(steps[i] ?? []);
    for (const { threads } of this.workers) {
      this.#strike('threadCrashMsMean', () => threads.crashOne());
      this.#strike('pauseMsMean', () => threads.pauseOne(this.random.int(1, this.faults.pauseMsMax)));
    }
    this.#strike('partitionMsMean', () => this.#cut());
    if (this.faults.deathMs !== null) this.clock.after(this.faults.deathMs, () => this.#killOne());
    await this.#runUntil(this.clock.nowMs + this.script.lengthMs + healMs, () => false);
    await this.#converge();
    await this.#stop();
    this.#check(() => this.checkers.end(this));
    if (this.#failure) throw this.#failure;
  }

  observe(node: string, event: WorldEvent): void {
    const process = this.#byName.get(node);
    if (!process) throw new Error(`bug: there is no process ${node}`);
    this.transcript.take('to' in event ? { ...event, to: `${node} ${event.to}` } : event, this.clock.nowMs);
    if (event.kind === 'bug' && this.#only === null) this.#failure ??= event.error;
    this.#check(() => this.checkers.see(event, process, this));
  }

  #check(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (this.#only === null || (error as Complaint).checker === this.#only) this.#failure ??= error as Error;
    }
  }

  async #boot(): Promise<void> {
    let left = this.processes.length;
    const [first, ...others] = this.processes;
    const start = async (process: Process | undefined): Promise<void> => {
      await process?.start();
      left--;
    };
    const failed = (error: unknown) => {
      this.#failure ??= error as Error;
    };
    start(first)
      .then(() => Promise.all(others.map(start)))
      .catch(failed);
    const hasAll = ({ process: { view } }: Process) =>
      view.members.size === this.workers.length + this.coordinators.length && view.shards.size === shardsCount;
    this.#hasPromises = true;
    await this.#settlePromises();
    await this.#runUntil(startMs + bootMsMax, () => left === 0 && this.processes.every(hasAll));
    if (left > 0) throw new Error('the cluster does not start');
    this.transcript.note(this.clock.nowMs, 'started');
  }

  async #converge(): Promise<void> {
    this.faults = { ...noFaults, ...noClusterFaults, delayMsMin: this.faults.delayMsMin };
    this.#isHealing = true;
    this.transcript.note(this.clock.nowMs, 'healed');
    const names = this.script.apps.map(({ definition }) => definition.name);
    const [user] = this.users;
    const endMs = this.clock.nowMs + convergeMsMax;
    for (const app of names) user?.act({ do: 'drain', app });
    const isIdle = () => this.users.every(({ open }) => open === 0);
    // Empty windows that fire go on for ever, and so may the sessions that they open.
    await this.#runUntil(
      this.clock.nowMs + 2 * this.config.deadlineExternalMs,
      () => isIdle() && this.living.every(({ scheduler }) => countOpen(scheduler) === 0),
    );
    // What was asked before may still be under way: then it is asked again.
    while (this.coordinators.some(({ state }) => state.apps.size > 0) && this.clock.nowMs < endMs) {
      for (const app of names) user?.act({ do: 'unregister', app });
      await this.#runUntil(this.clock.nowMs + againMs, () => false);
    }
    await this.#runUntil(
      endMs,
      () =>
        isIdle() &&
        this.living.every(
          ({ scheduler: { invocations, apps, cluster } }) => invocations.size + apps.size + (cluster?.guests.size ?? 0) === 0,
        ),
    );
    await this.#runUntil(this.clock.nowMs + restMs, () => false);
    this.#check(() => this.checkers.converged(this));
  }

  async #stop(): Promise<void> {
    for (const client of this.clients) {
      client.request(
        (request) => ({ kind: 'askClose', request, drainMs: 1_000 }),
        () => {},
      );
    }
    await this.#runUntil(this.clock.nowMs + restMs, () => false);
    const failed = (error: unknown) => {
      this.#failure ??= error as Error;
    };
    for (const worker of this.living) worker.stop().catch(failed);
    for (const process of [...this.coordinators, ...this.clients]) process.stop();
    for (const { process } of this.processes) if (!process.isDead) process.leave().catch(failed);
    this.#hasPromises = true;
    await this.#runUntil(this.clock.nowMs + restMs, () => false);
  }

  async #runUntil(endMs: number, isDone: () => boolean): Promise<void> {
    for (let steps = 0; steps < stepsMax; steps++) {
      if (isDone() || !this.clock.step(endMs)) return;
      if (this.#hasPromises) await this.#settlePromises();
      this.#check(() => this.checkers.stepped(this));
      if (steps % linksEachSteps === 0) this.#check(() => this.checkers.checkLinks(this));
      if (this.#failure) throw this.#failure;
    }
    throw new Error(`bug: more than ${stepsMax} events`);
  }

  /** What goes on by promises has gone on when the event loop comes round again. */
  async #settlePromises(): Promise<void> {
    this.#hasPromises = false;
    await new Promise((resolve) => setImmediate(resolve));
  }

  #strike(rate: 'threadCrashMsMean' | 'pauseMsMean' | 'partitionMsMean', happen: () => void): void {
    const mean = this.faults[rate];
    if (mean === 0) return;
    this.clock.after(this.random.exponential(mean), () => {
      if (this.faults[rate] === 0) return;
      happen();
      this.#strike(rate, happen);
    });
  }

  /** Its lease ends when it is not renewed any more; with the first coordinator, which has the registry. */
  #killOne(): void {
    const worker = this.random.pick(this.workers);
    worker.die();
    this.checkers.died(worker);
    this.transcript.note(this.clock.nowMs, `${worker.name} dies`);
    this.clock.after(this.#lastingFaults.leaseMs, () => {
      this.#hasPromises = true;
      const [first] = this.coordinators;
      void first?.process.registry.delete(memberKey(worker.name), null);
    });
  }

  /** Two nodes, or one and all others. A client has one connection. */
  #cut(): void {
    const { random, network } = this;
    const nodes = [...this.coordinators, ...this.workers]
      .map(({ name }) => name)
      .concat(this.clients.map(({ name }) => name.replace(/\/.*/, '')));
    const one = random.pick(nodes);
    const others = random.chance(0.3) ? nodes : [random.pick(nodes)];
    network.cut(
      others.filter((other) => other !== one).map((other) => [one, other] as const),
      random.int(1, this.faults.partitionMsMax),
    );
  }
}

const MiB = 2 ** 20;

/** Small limits, so that they are reached. */
function clusterConfig(random: Random, isLarge: boolean): Config {
  return {
    ...defaultConfig(),
    arenaBytes: isLarge ? random.pick([2, 8]) * MiB : random.pick([64, 256]) * 1_024,
    inlineBytesMax: 64,
    sessionsOpenMax: random.pick([10, 100]),
    soloSessionsMax: 0,
    admissionsWaitingMax: random.pick([2, 100]),
    queuedInvocationsMax: random.pick([3, 100]),
    invocationsPerSessionMax: 80,
    admitTimeoutMs: 500,
    storeWaitMs: random.pick([50, 1_000]),
    deadlineMs: 60_000,
    deadlineExternalMs: 30_000,
    abortGraceMs: random.pick([20, 200]),
    executorStartTimeoutMs: 2_000,
    loadTimeoutMs: 2_000,
    executorRestartMs: 100,
    summariesBytesMax: random.pick([3_000, 100_000]),
    resultsBytesMax: random.pick([1_000, 1_000_000]),
    appChangesWaitingMax: random.pick([1, 100]),
    askTimeoutMs: random.pick([1_000, 10_000, 10_000]),
    poison: true,
    mapped: false,
  };
}

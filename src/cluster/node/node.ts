/**
 * A node: the composition root of a worker with its scheduler, stores, and (embedded) the coordinator.
 *
 *     client ──┐                 ┌─ coordinator ─ app-bucket:… ─┐
 *              ├─ outlets ─ host ┼─ scheduler ─ bucket:…        ├─ ports: threads, timers, segment, durable store, log
 *     threads ─┘                 └─ executor:N   store  durable ┘
 *
 * What it is made of is passed in: the node thread of `startLocal` gives threads and real time, simulations give models of them.
 */
import type { Address, Effect } from '../../actors/actor.ts';
import type { AppDefinition, PrimitiveLookup } from '../../actors/app.ts';
import { bucketHandlers } from '../../actors/bucket/handlers.ts';
import { bucketMachine } from '../../actors/bucket/machine.ts';
import { createBucket } from '../../actors/bucket/state.ts';
import { builtInPrimitives } from '../../actors/bucket/primitives/index.ts';
import { coordinatorHandlers } from '../../actors/coordinator/handlers.ts';
import { coordinatorMachine } from '../../actors/coordinator/machine.ts';
import { createCoordinator } from '../../actors/coordinator/state.ts';
import { executorHandlers } from '../../actors/executor/handlers.ts';
import { executorMachine } from '../../actors/executor/machine.ts';
import { createExecutor } from '../../actors/executor/state.ts';
import type { CodeBundle } from '../../actors/protocol/coordinator.ts';
import type { ErrorData } from '../../actors/protocol/error.ts';
import type { ExitReason } from '../../actors/protocol/executor.ts';
import type { Message } from '../../actors/protocol/message.ts';
import type { WorkerStats } from '../../actors/protocol/store.ts';
import { schedulerHandlers } from '../../actors/scheduler/handlers.ts';
import { schedulerMachine } from '../../actors/scheduler/machine.ts';
import { countOpen } from '../../actors/scheduler/sleep.ts';
import { createScheduler, type SchedulerState } from '../../actors/scheduler/state.ts';
import type { DurableStore } from '../../storage/durable-store.ts';
import { type AllocationClass, ObjectStore } from '../../storage/object-store.ts';
import type { Ref } from '../../storage/object.ts';
import type { Segment } from '../../storage/segment.ts';
import type { SoloHandle } from '../../storage/solo/memory.ts';
import { SoloTable } from '../../storage/solo/table.ts';
import type { Timers } from '../../storage/timers.ts';
import type { Config } from '../config.ts';
import { Host, type Outlet } from '../host.ts';
import type { LogLine } from '../log.ts';
import { packing } from '../packing.ts';
import { TimerTable } from '../timer-table.ts';
import { DurableService } from './durable-service.ts';
import { SoloService } from './solo-service.ts';
import { StoreService } from './store-service.ts';

export interface NodePorts {
  nowMs(): number;
  random(): number;
  readonly timers: Timers;
  readonly segment: Segment;
  readonly durable: DurableStore;
  /** Its name in the cluster; null: it is embedded, and has a coordinator of its own. */
  readonly cluster: string | null;
  /** Null: no solo sessions. */
  readonly solo: {
    readonly memory: SoloHandle;
    readonly keeper: Address;
    clientOf(slot: number): Address;
    executorAt(place: number): number;
  } | null;
  /** Its exit is told by `threadExited`. */
  startThread(thread: number): void;
  terminateThread(thread: number): void;
  /** An app's own primitives, from its code. */
  loadPrimitives(app: string, bundle: CodeBundle): PrimitiveLookup;
  outletOf(address: Address): Outlet | null;
  /** Messages for other hosts may leave. */
  flush(): void;
  /** The last executor is gone after `stopScheduler`. */
  stopped(): void;
  readonly log: LogLine;
  onBug(error: Error): void;
  onMessage?(to: Address, place: string, message: Message): void;
}

export class Node {
  readonly host: Host;
  readonly store: ObjectStore;
  readonly solo: SoloService | null;
  readonly #config: Config;
  readonly #ports: NodePorts;
  readonly #timers: TimerTable;
  readonly #scheduler: SchedulerState;
  readonly #storeService: StoreService;
  readonly #durableService: DurableService;
  readonly #soloTable: SoloTable | null;
  /** Of each app that has any, the newest. */
  readonly #primitives = new Map<string, { readonly hash: string; readonly lookup: PrimitiveLookup }>();

  constructor(config: Config, ports: NodePorts) {
    this.#config = config;
    this.#ports = ports;
    this.host = new Host({
      nowMs: () => ports.nowMs(),
      random: () => ports.random(),
      perform: (effect, from) => this.#perform(effect, from),
      outletOf: (address) => ports.outletOf(address),
      idle: () => this.#idle(),
      undeliverable: (to, message) => ports.log('debug', 'a message that nobody takes', { to, kind: message.kind }),
      onBug: (error) => ports.onBug(error),
      ...(ports.onMessage && { onMessage: (to, place, message) => ports.onMessage?.(to, place, message) }),
    });
    this.#timers = new TimerTable(ports.timers, (to, message) => this.host.deliver(to, message));
    const { segment, timers, durable } = ports;
    const reply = (to: Address, message: Message) => this.host.deliver(to, message);
    this.store = new ObjectStore({ segment, timers, poison: config.poison });
    this.#storeService = new StoreService(this.store, timers, reply);
    const source = {
      bytesOf: (ref: Ref) => this.bytesAt(ref.offset, ref.sizeBytes),
      release: (offset: number) => this.store.release(offset),
    };
    this.#durableService = new DurableService(durable, source, reply);
    this.#scheduler = createScheduler(this.#known('scheduler'), { ...config }, ports.cluster, packing);
    const { solo } = ports;
    this.#soloTable = solo && new SoloTable(solo.memory);
    this.solo =
      this.#soloTable &&
      solo &&
      new SoloService({
        table: this.#soloTable,
        timers,
        keeper: solo.keeper,
        clientOf: (slot) => solo.clientOf(slot),
        executorAt: (place) => solo.executorAt(place),
        deliver: reply,
      });
    this.#spawnAll();
  }

  start(): void {
    this.host.deliver('scheduler', { kind: 'startScheduler' });
  }

  /** Nothing new is accepted. */
  retire(): void {
    this.host.deliver('scheduler', { kind: 'retireScheduler' });
  }

  stop(): void {
    if (this.#ports.cluster === null) this.host.deliver('coordinator', { kind: 'stopCoordinator' });
    this.host.deliver('scheduler', { kind: 'stopScheduler' });
  }

  /** The thread has ended, and is still known by its place: what it ran solo is its keeper's to blame it for. */
  threadEnding(): void {
    this.solo?.recallAll();
  }

  /** The thread has ended: its blocks are free, and its keeper is told. */
  threadExited(thread: number, reason: ExitReason, text: string): void {
    this.host.deliver(`executor:${thread}`, { kind: 'threadExited', reason, text });
    this.#storeService.bury(`thread:${thread}`);
  }

  async close(): Promise<void> {
    // Sessions that had not ended have deadlines.
    this.#timers.close();
    this.#storeService.close();
    this.solo?.close();
    await this.#durableService.close();
  }

  definitionOf(app: string, revision: number): AppDefinition | undefined {
    return this.#scheduler.apps.get(app)?.get(revision)?.table.definition;
  }

  /** Who acts for the app, as far as this node knows. */
  coordinatorOf(app: string): Address {
    return [...(this.#scheduler.apps.get(app)?.values() ?? [])].at(-1)?.coordinator ?? 'coordinator';
  }

  /** Sessions are open, or something of others' is held for them. */
  get isOccupied(): boolean {
    return countOpen(this.#scheduler) > 0 || (this.#scheduler.cluster?.guests.size ?? 0) > 0;
  }

  /** Of the store. */
  bytesAt(offset: number, sizeBytes: number): Uint8Array {
    return this.#ports.segment.bytes.subarray(offset, offset + sizeBytes);
  }

  /** A block for `owner` to fill, as soon as there is room; or why there was none within `waitMs`. */
  allocate(owner: Address, sizeBytes: number, reserve: AllocationClass, waitMs: number): Promise<number | ErrorData> {
    return this.#storeService.allocate(owner, sizeBytes, reserve, waitMs);
  }

  stats(): WorkerStats {
    const { totals, queue, executors, cluster } = this.#scheduler;
    const solo = this.#soloTable?.totals() ?? { sessions: 0, invocations: 0, objects: 0, objectBytes: 0 };
    return {
      sessionsOpened: totals.sessions + solo.sessions,
      sessionsOpen: countOpen(this.#scheduler),
      invocations: totals.invocations + solo.invocations,
      invocationsQueued: queue.length,
      objects: totals.objects + solo.objects,
      objectBytes: totals.objectBytes + solo.objectBytes,
      executors: executors.size,
      storeBlocks: this.store.blocks,
      storeUsedBytes: this.store.usedBytes,
      storeHighWaterBytes: this.store.highWaterBytes,
      storeSizeBytes: this.store.sizeBytes,
      invocationsForwarded: cluster?.totals.forwarded ?? 0,
      invocationsPlacedNear: cluster?.totals.placedNear ?? 0,
      invocationsLodged: cluster?.totals.lodged ?? 0,
      // The border's.
      objectsFetched: 0,
      bytesFetched: 0,
      messagesSent: 0,
    };
  }

  #spawnAll(): void {
    this.host.spawn('scheduler', { machine: schedulerMachine, handlers: schedulerHandlers, state: this.#scheduler });
    if (this.#ports.cluster === null) this.#spawnCoordinator();
    this.host.serve('store', (message) => this.#storeService.take(message));
    if (this.solo) this.host.serve('solo', (message) => this.solo?.take(message));
    this.host.serve('durable', (message) => this.#durableService.take(message));
    this.host.serve('stats', (message) => {
      if (message.kind !== 'statsAsked') throw new Error(`bug: stats was sent ${message.kind}`);
      this.host.deliver(message.owner, { kind: 'requestDone', request: message.request, result: this.stats() });
    });
  }

  #spawnCoordinator(): void {
    const limits = { ...this.#config, soloSessions: this.#soloTable?.sessions ?? 0 };
    const state = createCoordinator('coordinator', limits, ['scheduler'], () => this.#ports.random());
    this.host.spawn('coordinator', { machine: coordinatorMachine, handlers: coordinatorHandlers, state });
  }

  /** What the others of the cluster call an actor of this node, which the host knows by its own name, too. */
  #known(actor: string): Address {
    const { cluster } = this.#ports;
    if (cluster === null) return actor;
    const address = `${actor}@${cluster}`;
    this.host.alias(address, actor);
    return address;
  }

  #usePrimitives(app: string, bundle: CodeBundle): void {
    const { hash } = bundle;
    if (this.#primitives.get(app)?.hash !== hash) this.#primitives.set(app, { hash, lookup: this.#ports.loadPrimitives(app, bundle) });
  }

  #idle(): void {
    this.#soloTable?.setClosed(!this.#scheduler.accepts);
    this.#ports.flush();
    if (this.host.placeOf('scheduler') === 'stopped') this.#ports.stopped();
  }

  #perform(effect: Effect, from: Address): void {
    switch (effect.kind) {
      case 'pin':
        return this.store.pin(effect.offset);
      case 'adopt':
        return this.store.adopt(effect.offset);
      case 'release':
        return this.store.release(effect.offset);
      case 'startTimer':
        return this.#timers.start(from, effect.id, effect.afterMs, effect.message);
      case 'stopTimer':
        return this.#timers.stop(from, effect.id);
      case 'spawnBucket': {
        const { identity } = effect;
        const lookup: PrimitiveLookup = (kind) => builtInPrimitives.get(kind) ?? this.#primitives.get(identity.app)?.lookup(kind);
        return this.host.spawn(identity.address, {
          machine: bucketMachine,
          handlers: bucketHandlers,
          state: createBucket(identity, lookup, packing),
        });
      }
      case 'usePrimitives':
        return this.#usePrimitives(effect.app, effect.bundle);
      case 'spawnExecutor': {
        const { executorStartTimeoutMs: startTimeoutMs, loadTimeoutMs, abortGraceMs } = this.#config;
        const limits = { startTimeoutMs, loadTimeoutMs, abortGraceMs };
        const state = createExecutor(effect.executor, effect.address, this.#scheduler.address, limits, this.solo !== null);
        return this.host.spawn(effect.address, { machine: executorMachine, handlers: executorHandlers, state });
      }
      case 'stopActor':
        this.#timers.stopAll(effect.address);
        return this.host.stop(effect.address);
      case 'startThread':
        return this.#ports.startThread(effect.thread);
      case 'terminateThread':
        return this.#ports.terminateThread(effect.thread);
      case 'log':
        return this.#ports.log(effect.level, effect.text, effect.detail);
      default:
        throw new Error(`bug: ${from} of a node asks for ${effect.kind}`);
    }
  }
}

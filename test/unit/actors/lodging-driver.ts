/**
 * Workers, a coordinator, and the network between them, in virtual time: messages are encoded, and arrive in the order of their link, at
 * once unless the test holds the link.
 */
import type { Address } from '../../../src/actors/actor.ts';
import type { AppDefinition } from '../../../src/actors/app.ts';
import type { CoordinatorState } from '../../../src/actors/coordinator/state.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import type { Entry } from '../../../src/actors/protocol/object.ts';
import type { SessionSpec, SessionSummary } from '../../../src/actors/protocol/session.ts';
import { defaultConfig } from '../../../src/cluster/config.ts';
import { CoordinatorHost } from '../../../src/cluster/roles/coordinator-host.ts';
import { nodeOf } from '../../../src/cluster/routes.ts';
import { decodeFrame, encodeFrame, type Envelope } from '../../../src/cluster/wire/codec.ts';
import type { Ref } from '../../../src/storage/object.ts';
import { ManualTimers } from '../storage/manual-timers.ts';
import { inlineRef, LodgingWorker } from './lodging-worker.ts';

type Kind<K extends Message['kind']> = Extract<Message, { kind: K }>;

export interface LodgingOptions {
  readonly workers?: readonly string[];
  /** Of each worker. */
  readonly executors?: number;
}

const coordinatorNode = 'c1';
export const client = '~u/c1';
export const bundle = { hash: '', code: '', content: '', module: 'file:///app' };

interface Sent {
  readonly order: number;
  readonly to: Address;
  readonly frame: Uint8Array;
}

export class LodgingDriver {
  readonly timers = new ManualTimers();
  readonly coordinator: CoordinatorHost;
  readonly workers: ReadonlyMap<string, LodgingWorker>;
  /** All that went from node to node, in order. */
  readonly said: { readonly from: string; readonly to: Address; readonly message: Message }[] = [];
  /** What the client was told, in order; and what outputs it got, by what their bytes are. */
  readonly told: Message[] = [];
  readonly outputs: number[] = [];
  /** Links whose messages wait, as `w1>w2`. */
  readonly held = new Set<string>();
  readonly #gone = new Set<string>();
  readonly #links = new Map<string, Sent[]>();
  #sent = 0;
  #bug: Error | null = null;

  constructor(definition: AppDefinition, { workers = ['w1', 'w2'], executors = 1 }: LodgingOptions = {}) {
    const { timers } = this;
    timers.nowMs = 1_000_000;
    this.coordinator = new CoordinatorHost(defaultConfig(), {
      name: coordinatorNode,
      timers,
      nowMs: () => timers.nowMs,
      random: () => 0.5,
      outletOf: (address) =>
        nodeOf(address) === null ? null : { send: (to: Address, message: Message) => this.#send(coordinatorNode, to, message) },
      flush: () => {},
      log: () => {},
      onBug: (error) => {
        this.#bug ??= error;
      },
    });
    const near = {
      timers,
      send: (from: string, to: Address, message: Message) => this.#send(from, to, message),
      read: (ref: Ref) => this.#read(ref),
    };
    this.workers = new Map(workers.map((name) => [name, new LodgingWorker(name, definition, executors, near)]));
    for (const name of workers) this.tellCoordinator({ kind: 'workerJoined', worker: `scheduler@${name}` });
    this.tellCoordinator({ kind: 'registerApp', request: 1, client: `client@${client}`, definition, bundle: { ...bundle, code: ' ' } });
    this.carry();
    this.said.splice(0);
    this.told.splice(0);
  }

  get state(): CoordinatorState {
    return this.coordinator.state;
  }

  /** The worker of this name. */
  at(name: string): LodgingWorker {
    const worker = this.workers.get(name);
    if (!worker) throw new Error(`there is no worker ${name}`);
    return worker;
  }

  tellCoordinator(message: Message): void {
    this.coordinator.host.deliver('coordinator', message);
    this.carry();
  }

  /** Opens a session at this home, with a small object in each of these buckets, or with these entries. */
  open(home: string, id: string, buckets: readonly (string | Entry)[], more: Partial<SessionSpec> = {}): void {
    const entries = buckets.map((entry, i) =>
      typeof entry === 'string' ? { bucket: entry, key: `${i}`, group: null, ref: inlineRef } : entry,
    );
    const spec = {
      id,
      app: 'app',
      requestId: null,
      client: `client@${client}`,
      called: true,
      entries,
      expects: [],
      priority: 5,
      deadlineMs: null,
      admitTimeoutMs: 0,
      retryOf: null,
      ...more,
    };
    const start = { kind: 'startSession', coordinator: `coordinator@${coordinatorNode}`, spec, revision: 1, firing: null } as const;
    this.at(home).tell({ ...start, inputs: [], owned: [], announces: false, failure: null });
    this.carry();
  }

  /** A sealed object of a client, as its session takes it over. */
  entry(home: string, bucket: string, sizeBytes: number, content: number): Entry {
    const ref = this.at(home).block(sizeBytes, content);
    this.at(home).store.adopt(ref.offset);
    return { bucket, key: `${content}`, group: null, ref };
  }

  /** Messages go on until none is under way that may. */
  carry(): void {
    while (this.carryOne(this.#oldest())) continue;
    this.check();
  }

  /** The next message of the link. */
  carryOne(link: string | null): boolean {
    const next = link === null ? undefined : this.#links.get(link)?.shift();
    if (!next) return false;
    for (const envelope of decodeFrame(next.frame)) this.#arrive(envelope);
    return true;
  }

  /** What is under way on the link is lost. */
  drop(link: string): void {
    this.#links.delete(link);
  }

  /** Links with messages under way. */
  get busy(): readonly string[] {
    return [...this.#links].flatMap(([link, waiting]) => (waiting.length > 0 ? [link] : []));
  }

  check(): void {
    if (this.#bug) throw this.#bug;
    for (const worker of this.workers.values()) worker.check();
  }

  /** Time goes on, a millisecond at a time, and messages with it. */
  advance(ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.timers.advance(1);
      this.carry();
    }
  }

  /** The worker is no more: what is under way to and from it is lost, and the others hear of its end. */
  kill(name: string): void {
    this.#gone.add(name);
    for (const link of this.#links.keys()) if (link.split('>').includes(name)) this.#links.delete(link);
    this.tellCoordinator({ kind: 'workerLeft', worker: `scheduler@${name}`, reason: 'it is gone' });
    for (const other of this.workers.values())
      if (!this.#gone.has(other.name)) other.tell({ kind: 'workerGone', worker: `scheduler@${name}` });
    this.carry();
  }

  isGone(name: string): boolean {
    return this.#gone.has(name);
  }

  /** What lies there cannot be read any more; nobody knows yet. */
  forget(name: string): void {
    this.#gone.add(name);
  }

  /** What was said of a kind, in order. */
  saidOf<K extends Message['kind']>(kind: K): readonly Kind<K>[] {
    return this.said.flatMap(({ message }) => (message.kind === kind ? [message as Kind<K>] : []));
  }

  /** The ends of sessions that the client was told. */
  get ended(): readonly SessionSummary[] {
    return this.told.flatMap((message) => (message.kind === 'sessionEnded' ? [message.summary] : []));
  }

  /** What living workers still hold, in words; nothing, if all is as before the first session. */
  leftovers(): readonly string[] {
    return [...this.workers.values()].flatMap(({ name, state, store, running, timersRunning }) => {
      if (this.#gone.has(name)) return [];
      const { cluster } = state;
      const counts = {
        sessions: state.sessions.size,
        invocations: state.invocations.size,
        queued: state.queue.length,
        guests: cluster?.guests.size,
        lodgers: cluster?.lodgers.size,
        bringing: cluster?.bringing.size,
        running: running.length,
        occupied: [...state.executors.values()].reduce((sum, slot) => sum + slot.running, 0),
        counted: [...state.installs.values()].reduce((sum, app) => sum + app.sessions, 0),
        blocks: store.blocks,
        timers: timersRunning,
      };
      return Object.entries(counts).flatMap(([what, count]) => (count === 0 ? [] : [`${name}: ${count} ${what}`]));
    });
  }

  #oldest(): string | null {
    let best: string | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const [link, [first]] of this.#links) {
      if (!first || first.order >= least || this.held.has(link)) continue;
      best = link;
      least = first.order;
    }
    return best;
  }

  #send(from: string, to: Address, message: Message): void {
    const node = nodeOf(to) ?? '';
    this.said.push({ from, to, message });
    if (this.#gone.has(from) || this.#gone.has(node)) return;
    const link = `${from}>${node}`;
    const waiting = this.#links.get(link) ?? [];
    this.#links.set(link, waiting);
    waiting.push({ order: this.#sent++, to, frame: encodeFrame([{ to, message }]) });
  }

  #arrive(envelope: Envelope): void {
    const node = nodeOf(envelope.to);
    if (node === coordinatorNode) this.coordinator.host.deliver(envelope.to, envelope.message);
    else if (node === client) this.#tellClient(envelope.message);
    else this.at(node ?? '').take(envelope);
  }

  #tellClient(message: Message): void {
    this.told.push(message);
    const refs =
      message.kind === 'sessionOutput' ? [message.ref] : message.kind === 'objectsFound' ? message.objects.map(({ ref }) => ref) : [];
    for (const ref of refs) {
      const bytes = ref.inline ?? this.#read(ref);
      if (message.kind === 'sessionOutput') this.outputs.push(bytes?.[0] ?? -1);
      if (!ref.remote) continue;
      const { node, offset, serial } = ref.remote;
      this.#send(client, `store@${node}`, { kind: 'releaseBlocks', owner: `client@${client}`, offsets: [offset], serials: [serial] });
    }
  }

  #read({ remote, sizeBytes }: Ref): Uint8Array | null {
    if (!remote || this.#gone.has(remote.node)) return null;
    const { store } = this.at(remote.node);
    return store.has(remote.offset, remote.serial) ? this.at(remote.node).bytesAt(remote.offset, sizeBytes) : null;
  }
}

/**
 * A client of a cluster: one connection to a coordinator, by which it reaches all others.
 *
 *     user ── client actor ──► shard's coordinator ┐
 *                     ◄── arrivals (outputs first) ├── mesh ══ gateway ══ the cluster
 *     values ──► object sender ──► who fetches them┘
 */
import { randomBytes } from 'node:crypto';
import type { Address } from '../actors/actor.ts';
import { errorData, type ErrorData } from '../actors/protocol/error.ts';
import type { Message } from '../actors/protocol/message.ts';
import { shardOf, shardOfSession } from '../actors/protocol/session-id.ts';
import type { WorkerStats } from '../actors/protocol/store.ts';
import { errorToData } from '../api/errors.ts';
import type { Ref } from '../storage/object.ts';
import type { ClientBlocks } from './client-host.ts';
import { ClientValues } from './client-values.ts';
import type { Config } from './config.ts';
import { FrameCollector } from './frame-collect.ts';
import type { Outlet } from './host.ts';
import type { Keys } from './keys/keys.ts';
import type { LogLine } from './log.ts';
import { realTimers } from './node/assemble.ts';
import { DurableService } from './node/durable-service.ts';
import { failedSummary, OpenSessions } from './open-sessions.ts';
import { RemoteRegistry } from './registry/remote-registry.ts';
import { coordinatorAt, readyBefore } from './roles/membership.ts';
import { RegistryDurableStore } from './roles/registry-durable-store.ts';
import { atNode, nodeOf, Routes, subjectOf } from './routes.ts';
import { Arrivals } from './transfer/arrivals.ts';
import { inOwnMemory, ObjectFetcher } from './transfer/object-fetcher.ts';
import { ObjectSender } from './transfer/object-sender.ts';
import { Mesh, meshLimitsDefault } from './transport/zmq/mesh.ts';
import { RemoteCalls, type RemoteCallsOptions } from './solo/remote-calls.ts';
import type { ShortCalls } from './solo/short-calls.ts';
import { ClusterView, type Member } from './view.ts';
import type { Envelope } from './wire/codec.ts';
import { noStats, sumOf } from './worker-stats.ts';

export interface RemoteClientOptions {
  readonly config: Config;
  readonly log: LogLine;
  /** A coordinator: `tcp://HOST:PORT`. */
  readonly gateway: string;
  /** Null: in clear. */
  readonly keys: Keys | null;
  readonly timeoutMs: number;
  receive(envelopes: readonly Envelope[]): void;
  /** The cluster cannot be reached any more. */
  lost(error: ErrorData): void;
}

/** What the cluster's nodes say of themselves. */
export interface NodeStatus {
  readonly name: string;
  readonly role: 'coordinator' | 'worker';
  readonly address: string;
  readonly startedMs: number;
  /** Null: it did not answer in time. */
  readonly stats: unknown;
}

const clientActor = 'client:local';
const importsActor = 'imports';
const registryActor = 'registry-client';
const answersActor = 'answers';
const lingerMs = 1_000;
/** A cluster that has not been heard of for so long is lost. */
const lostAfterMs = 15_000;
const questionTimeoutMs = 5_000;
const approachTimeoutMs = 2_000;
/** With more calls out, it is throughput that counts. */
const promptCallsMax = 8;
/** Of a worker that has left, what it had answered is here by then: whoever could say so sooner does not answer. */
const partingMs = 10_000;

export class RemoteClient {
  /** The coordinator that it is connected to. */
  readonly gateway: string;
  readonly address: Address;
  readonly blocks: ClientBlocks;
  readonly view: ClusterView;
  readonly registry: RemoteRegistry;
  /** The way out for the client's host. */
  readonly outlet: Outlet & { flush(): void };
  readonly services: Readonly<Record<Address, (message: Message) => void>>;
  readonly #mesh: Mesh;
  readonly #routes: Routes;
  readonly #fetcher: ObjectFetcher;
  readonly #sender: ObjectSender;
  readonly #arrivals: Arrivals;
  readonly #answers = new Map<number, (message: Message | null) => void>();
  /** For the client's host: calls that take the short way. */
  readonly solo: (longWay: RemoteCallsOptions['longWay']) => ShortCalls;
  readonly #node: string;
  readonly #log: LogLine;
  #calls: RemoteCalls | null = null;
  /** Those whose gates this client calls: directly, else by way of its gateway. */
  #workers: readonly Member[] = [];
  readonly #partings = new Map<string, Promise<void>>();
  #isFlushDue = false;
  readonly #receive: (envelopes: readonly Envelope[]) => void;
  readonly #sessions: OpenSessions;
  #nextQuestion = 1;
  #isClosed = false;

  /** Rejects with the transport's errors: `PeerUnreachable`, `ProtocolMismatch`. */
  static async open(options: RemoteClientOptions): Promise<RemoteClient> {
    let client: RemoteClient | null = null;
    let lostTimer: NodeJS.Timeout | undefined;
    const mesh: Mesh = new Mesh({
      name: `~${randomBytes(6).toString('hex')}`,
      role: 'client',
      incarnation: Date.now(),
      limits: meshLimitsDefault,
      log: options.log,
      keys: options.keys,
      received: (_, envelopes) => client?.take(envelopes),
      peerUp(peer) {
        if (!client || peer.name !== client.gateway) return;
        clearTimeout(lostTimer);
        client.registry.connectionRestored();
        void client.#sessions.inquire();
      },
      peerDown(peer, error) {
        if (!client || peer.name !== client.gateway) return;
        client.registry.connectionLost();
        clearTimeout(lostTimer);
        lostTimer = setTimeout(() => options.lost(error), lostAfterMs).unref();
      },
    });
    const { gateway, timeoutMs } = options;
    const untilMs = performance.now() + timeoutMs;
    try {
      client = new RemoteClient(options, mesh, coordinatorAt(gateway, await mesh.connect(gateway, timeoutMs)));
      await readyBefore(untilMs, client.view, gateway, timeoutMs);
      return client;
    } catch (error) {
      client?.view.stop();
      await client?.registry.close();
      await mesh.close({ lingerMs: 0 });
      throw error;
    }
  }

  private constructor({ config, log, receive }: RemoteClientOptions, mesh: Mesh, gateway: string) {
    this.#mesh = mesh;
    this.gateway = gateway;
    this.#node = `${mesh.name}/${gateway}`;
    this.address = atNode(clientActor, this.#node);
    const values = new ClientValues(this.#node, mesh.incarnation, config.inlineBytesMax);
    this.blocks = values;
    this.#routes = new Routes({
      name: this.#node,
      mesh,
      gateway,
      dialled: () => null,
      lost: ({ to, message }, why) => log('debug', 'a message that cannot be sent', { to, kind: message.kind, why }),
    });
    this.outlet = { send: (to, message) => this.#send(to, message), flush: () => mesh.flush() };
    this.registry = new RemoteRegistry({
      owner: atNode(registryActor, this.#node),
      timers: realTimers,
      send: (message) => this.#sendNow(atNode('registry', gateway), message),
    });
    this.#receive = receive;
    this.#sessions = new OpenSessions({
      // The gateway knows who acts for it now.
      query: (session) =>
        this.#ask(atNode('coordinator', gateway), (request, owner) => ({ kind: 'querySession', request, client: owner, session })),
      tell: (message) => this.take([{ to: this.address, message }]),
    });
    this.#log = log;
    this.solo = (longWay) => {
      this.#calls = new RemoteCalls({
        inlineBytesMax: config.inlineBytesMax,
        address: this.address,
        workers: () => this.#workers,
        send: (to, message) => this.#sendSoon(to, message),
        ask: (to, question) => this.#ask(to, question),
        longWay,
      });
      return this.#calls;
    };
    this.view = new ClusterView(this.registry, {
      joined: (member) => void this.#approach(member),
      left: (member) => this.#lose(member),
      sharded: () => undefined,
    });
    this.#sender = new ObjectSender({
      incarnation: mesh.incarnation,
      source: { hold: (at, size) => values.hold(at, size), release: () => undefined },
      wayTo: (to) => this.#wayTo(to),
    });
    this.#fetcher = this.#createFetcher(config);
    this.#arrivals = this.#createArrivals(receive);
    const durable = new DurableService(
      new RegistryDurableStore(this.registry),
      { bytesOf: () => new Uint8Array(), release: () => undefined },
      (to, message) => receive([{ to, message }]),
    );
    this.services = {
      durable: (message) => durable.take(message),
      stats: (message) => void this.#answerStats(message, receive),
    };
  }

  take(envelopes: readonly Envelope[]): void {
    const others: Envelope[] = [];
    for (const envelope of envelopes) if (!this.#takeOwn(envelope)) others.push(envelope);
    if (others.length > 0) this.#arrivals.take(others);
  }

  /** All nodes, asked now. */
  nodes(): Promise<readonly NodeStatus[]> {
    const members = [...this.view.members.values()];
    return Promise.all(
      members.map(async ({ name, role, address, startedMs }) => ({ name, role, address, startedMs, stats: await this.#askStats(name) })),
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#sessions.close();
    this.view.stop();
    this.#fetcher.close(errorData('RuntimeClosed', 'the runtime is closed'));
    for (const settle of this.#answers.values()) settle(null);
    this.#answers.clear();
    await this.registry.close();
    await this.#mesh.close({ lingerMs });
  }

  #takeOwn({ to, message }: Envelope): boolean {
    const actor = to.slice(0, to.indexOf('@'));
    if (actor === registryActor) this.registry.take(message);
    else if (actor === importsActor) this.#fetcher.take(message as never);
    else if (actor === answersActor) this.#answers.get((message as { request: number }).request)?.(message);
    else if (message.kind === 'fetchObject') this.#sender.take(message);
    else if (message.kind === 'soloAnswer' || message.kind === 'soloRefused') this.#calls?.take(message);
    else if (message.kind === 'soloHomed') this.#takeHomed(message);
    else return !this.#sessions.note(message);
    return true;
  }

  /** For its gate it was settled by this: that it had been given up was no news there. */
  #takeHomed({ session, call: slot }: Extract<Message, { kind: 'soloHomed' }>): void {
    if (!this.#calls?.knows(slot)) {
      const reason = 'its call was given up';
      return this.#sendNow('coordinator', { kind: 'cancelSession', request: -1, client: this.address, session, reason });
    }
    this.#sessions.add(session, this.view.ownerOf(shardOfSession(session)) ?? this.gateway, true);
    this.#receive([{ to: this.address, message: { kind: 'sessionReclaimed', session, slot, generation: 0 } }]);
  }

  /** Where a worker can be reached directly, calls go straight there. Which way it is stays so: calls do not overtake each other. */
  async #approach(member: Member): Promise<void> {
    const { name, role, address } = member;
    if (role !== 'worker') return;
    // One of the same name may still be leaving.
    await this.#partings.get(name);
    try {
      await this.#mesh.connect(address, approachTimeoutMs);
    } catch (error) {
      this.#log('debug', 'a worker cannot be reached directly', { worker: name, address, why: String(error) });
    }
    if (this.view.members.get(name) === member) this.#workers = [...this.#workers, member];
  }

  #lose({ name, role }: Member): void {
    if (role === 'coordinator') return this.#sessions.lose(name);
    this.#workers = this.#workers.filter((worker) => worker.name !== name);
    const parting = this.#part(name).finally(() => this.#partings.delete(name));
    this.#partings.set(name, parting);
  }

  /** Whoever answers, it or the gateway, has passed on before what it had said. */
  async #part(worker: string): Promise<void> {
    // One that has died says nothing any more: the gateway answers for it.
    if (!this.#mesh.peers().some(({ name }) => name === worker)) this.#mesh.disconnect(worker);
    const last = (request: number, owner: Address) => ({ kind: 'soloRecall', owner, request, app: '', session: null }) as const;
    await this.#ask(atNode('gate', worker), last, partingMs);
    const text = `worker ${worker}, which ran the session, is gone`;
    this.#calls?.workerGone(worker, errorData('WorkerLost', text, { worker }, true));
    this.#fetcher.nodeGone(worker);
    this.#mesh.disconnect(worker);
  }

  /** Outputs, and what `get` has found, are in this process before anybody hears of them. */
  #createArrivals(receive: (envelopes: readonly Envelope[]) => void): Arrivals {
    return new Arrivals({
      node: this.#node,
      incarnation: this.#mesh.incarnation,
      fetcher: this.#fetcher,
      needs: ({ kind }) => kind === 'sessionOutput' || kind === 'objectsFound',
      arrived: (envelope) => [envelope],
      failed: ({ to, message }, error) => this.#failed(to, message, error),
      fetched: (ref) => this.#letGo(ref),
      discard: () => undefined,
      deliver: receive,
      errorOf: errorToData,
    });
  }

  #createFetcher(config: Config): ObjectFetcher {
    return new ObjectFetcher({
      address: atNode(importsActor, this.#node),
      timers: realTimers,
      silenceMs: config.askTimeoutMs,
      send: (to, message) => this.#sendNow(to, message),
      allocate: async (sizeBytes) => inOwnMemory(sizeBytes),
      copied: new FrameCollector().noteCopied,
    });
  }

  /** What is for `coordinator` goes to the one that has the shard; the gateway knows what this client does not know yet. */
  #send(to: Address, message: Message): void {
    if (to !== 'coordinator') {
      this.#routes.outletOf(to)?.send(to, message);
      return;
    }
    const { app, session } = subjectOf(message);
    const shard = app === null ? shardOfSession(session ?? '') : shardOf(app);
    const owner = (shard === -1 ? null : this.view.ownerOf(shard)) ?? this.gateway;
    if (message.kind === 'openSession') this.#sessions.add(message.spec.id, owner);
    const address = atNode('coordinator', owner);
    this.#routes.outletOf(address)?.send(address, message);
  }

  #sendNow(to: Address, message: Message): void {
    this.#send(to, message);
    this.outlet.flush();
  }

  /**
   * What is called in one go leaves as one frame. With many calls out, each answer that is read leads to another call: these leave together
   * when the event loop has read what there is, since a frame costs more than a call.
   */
  #sendSoon(to: Address, message: Message): void {
    this.#send(to, message);
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    const flush = () => {
      this.#isFlushDue = false;
      this.outlet.flush();
    };
    if ((this.#calls?.out ?? 0) > promptCallsMax) setImmediate(flush);
    else queueMicrotask(flush);
  }

  #wayTo(address: Address) {
    const node = nodeOf(address);
    return node === null ? null : this.#routes.linkTo(node);
  }

  /** It was held for this client where it lies. */
  #letGo({ remote }: Ref): void {
    // Of a node that was started anew nothing is held, and another object may lie there.
    if (!remote || this.view.members.get(remote.node)?.incarnation !== remote.incarnation) return;
    const { node, offset, serial } = remote;
    this.#sendNow(atNode('store', node), { kind: 'releaseBlocks', owner: this.address, offsets: [offset], serials: [serial] });
  }

  #failed(to: Address, message: Message, error: ErrorData): readonly Envelope[] {
    if (message.kind === 'objectsFound') return [{ to, message: { kind: 'requestRefused', request: message.request, error } }];
    if (message.kind !== 'sessionOutput') throw new Error(`bug: ${message.kind} needs no objects`);
    // Without its output the session is as good as failed, whatever comes of it there.
    if (!this.#sessions.outputLost(message.session)) return [];
    return [{ to, message: { kind: 'sessionEnded', summary: failedSummary(message.session, message.app, error) } }];
  }

  async #answerStats(message: Message, receive: (envelopes: readonly Envelope[]) => void): Promise<void> {
    if (message.kind !== 'statsAsked') return;
    const workers = await Promise.all(this.view.workers().map(({ name }) => this.#askStats(name)));
    const result = workers.flatMap((stats) => (stats ? [stats as WorkerStats] : [])).reduce(sumOf, noStats);
    receive([{ to: message.owner, message: { kind: 'requestDone', request: message.request, result } }]);
  }

  async #askStats(node: string): Promise<unknown> {
    const reply = await this.#ask(atNode('stats', node), (request, owner) => ({ kind: 'statsAsked', owner, request }));
    return reply?.kind === 'requestDone' ? reply.result : null;
  }

  #ask(to: Address, question: (request: number, owner: Address) => Message, timeoutMs = questionTimeoutMs): Promise<Message | null> {
    if (this.#isClosed) return Promise.resolve(null);
    const request = this.#nextQuestion++;
    return new Promise((resolve) => {
      const settle = (message: Message | null) => {
        clearTimeout(timer);
        this.#answers.delete(request);
        resolve(message);
      };
      const timer = setTimeout(() => settle(null), timeoutMs);
      this.#answers.set(request, settle);
      this.#sendNow(to, question(request, atNode(answersActor, this.#node)));
    });
  }
}

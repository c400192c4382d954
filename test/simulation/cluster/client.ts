/**
 * A client of a simulated cluster: the client actor on a host of its own, its connection to one coordinator, the values that nodes fetch
 * from it, and the outputs that it fetches. As `cluster/client-host.ts` and `cluster/remote-client.ts` do, in virtual time.
 */
import { createHash } from 'node:crypto';
import type { Address, Effect } from '../../../src/actors/actor.ts';
import { clientHandlers } from '../../../src/actors/client/handlers.ts';
import { clientMachine } from '../../../src/actors/client/machine.ts';
import { type ClientState, createClient } from '../../../src/actors/client/state.ts';
import type { ClientCommand, Reply } from '../../../src/actors/protocol/client.ts';
import type { CodeBundle } from '../../../src/actors/protocol/coordinator.ts';
import { errorData, type ErrorData } from '../../../src/actors/protocol/error.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import type { Entry } from '../../../src/actors/protocol/object.ts';
import { shardOf, shardOfSession } from '../../../src/actors/protocol/session-id.ts';
import { errorToData } from '../../../src/api/errors.ts';
import { Host } from '../../../src/cluster/host.ts';
import { DurableService } from '../../../src/cluster/node/durable-service.ts';
import { publishCode } from '../../../src/cluster/roles/code.ts';
import { RegistryDurableStore } from '../../../src/cluster/roles/registry-durable-store.ts';
import { atNode, subjectOf } from '../../../src/cluster/routes.ts';
import { TimerTable } from '../../../src/cluster/timer-table.ts';
import { Arrivals } from '../../../src/cluster/transfer/arrivals.ts';
import { ObjectFetcher } from '../../../src/cluster/transfer/object-fetcher.ts';
import { ObjectSender } from '../../../src/cluster/transfer/object-sender.ts';
import type { Envelope } from '../../../src/cluster/wire/codec.ts';
import type { Member } from '../../../src/cluster/view.ts';
import type { Ref } from '../../../src/storage/object.ts';
import { outputLabels } from '../attempt.ts';
import type { Putting } from '../client.ts';
import { readContent, writeContent } from '../content.ts';
import type { UserClient } from '../user.ts';
import { type Around, SimulatedProcess } from './process.ts';

const clientActor = 'client:local';
const importsActor = 'imports';
/** What entries are labelled with: nobody knows their session when they are written. */
const unknownSession = '';

export class ClusterClient implements UserClient {
  readonly role = 'client';
  readonly process: SimulatedProcess;
  readonly state: ClientState;
  readonly solo = null;
  readonly #around: Around;
  readonly #gateway: string;
  readonly #approachMs: number | null;
  readonly #host: Host;
  readonly #timerTable: TimerTable;
  readonly #fetcher: ObjectFetcher;
  readonly #sender: ObjectSender;
  readonly #arrivals: Arrivals;
  /** Nodes may fetch them until their call is settled. */
  readonly #values = new Map<number, Uint8Array>();
  readonly #requests = new Map<number, (reply: Reply) => void>();
  #nextValue = 1;
  #nextRequest = 1;

  /** `approachMs`: after how long it is connected to workers directly; null: never. */
  constructor(name: string, gateway: string, approachMs: number | null, around: Around) {
    this.#approachMs = approachMs;
    this.#around = around;
    this.#gateway = gateway;
    this.process = new SimulatedProcess({
      name,
      gateway,
      registryNode: gateway,
      around,
      receive: (envelopes) => this.#take(envelopes),
      listener: {
        joined: (member) => this.#approach(member),
        left: () => undefined,
        sharded: () => undefined,
      },
    });
    this.#host = this.#makeHost();
    this.#timerTable = new TimerTable(this.process.timers, (to, message) => this.#host.deliver(to, message));
    const address = atNode(clientActor, this.name);
    this.state = createClient(address, 'coordinator', around.config, () => around.random.next());
    this.#host.spawn(address, { machine: clientMachine, handlers: clientHandlers, state: this.state });
    const durable = new DurableService(
      new RegistryDurableStore(this.process.registry),
      { bytesOf: () => new Uint8Array(), release: () => undefined },
      (to, message) => this.#host.deliver(to, message),
    );
    this.#host.serve('durable', (message) => {
      around.settleSoon();
      durable.take(message);
    });
    this.#sender = new ObjectSender({
      incarnation: 1,
      source: { hold: (offset) => this.#values.get(offset) ?? null, release: () => undefined },
      wayTo: (to) => this.process.wayTo(to),
    });
    this.#fetcher = this.#makeFetcher();
    this.#arrivals = this.#makeArrivals();
  }

  get name(): string {
    return this.process.name;
  }

  get valuesHeld(): number {
    return this.#values.size;
  }

  get messagesHeld(): number {
    return this.#arrivals.held;
  }

  async start(): Promise<void> {
    await this.process.join();
    this.process.open();
  }

  stop(): void {
    this.#fetcher.close(errorData('RuntimeClosed', 'the runtime is closed'));
  }

  request(command: (request: number) => ClientCommand, settled: (reply: Reply) => void): number {
    const request = this.#nextRequest++;
    this.#requests.set(request, settled);
    const message = command(request);
    this.#observe({ kind: 'asked', request, command: message });
    this.#host.deliver(this.state.address, message);
    return request;
  }

  tell(message: ClientCommand): void {
    this.#host.deliver(this.state.address, message);
  }

  store(objects: readonly Putting[], stored: (entries: readonly Entry[] | null, offsets: readonly number[]) => void): void {
    const offsets: number[] = [];
    const entries = objects.map(({ bucket, key, group, sizeBytes }): Entry => {
      const bytes = new Uint8Array(sizeBytes);
      writeContent(bytes, this.#around.nextContent(), { session: unknownSession, key, group });
      return { bucket, key, group, ref: this.#put(bytes, offsets) };
    });
    stored(entries, offsets);
  }

  release(offsets: readonly number[]): void {
    for (const offset of offsets) this.#values.delete(offset);
  }

  readFound(reply: Extract<Reply, { kind: 'objectsFound' }>): void {
    for (const input of reply.objects) {
      const found = input.ref.inline ? readContent(input.ref.inline, input) : 'has not come';
      this.#observe({ kind: 'read', by: 'get', when: 'start', input, found });
    }
  }

  callSolo(): boolean {
    return false;
  }

  soon<T>(work: Promise<T>): Promise<T> {
    this.#around.settleSoon();
    return work;
  }

  publish({ code, content, module }: CodeBundle, published: (bundle: CodeBundle | null) => void): void {
    const hash = createHash('sha256').update(code).digest('hex');
    void this.soon(publishCode(this.process.registry, { hash, code, content, module })).then(published, () => published(null));
  }

  /** Workers are connected to directly, too. */
  #approach({ role, address }: Member): void {
    const { clock } = this.#around;
    if (role === 'worker' && this.#approachMs !== null) clock.after(this.#approachMs, () => void this.process.approach(address));
  }

  #observe(event: Parameters<Around['observe']>[1]): void {
    this.#around.observe(this.name, event);
  }

  #put(bytes: Uint8Array, offsets: number[]): Ref {
    const sizeBytes = bytes.byteLength;
    if (sizeBytes <= this.#around.config.inlineBytesMax) return { encoding: 0, sizeBytes, inline: bytes, offset: -1 };
    const offset = this.#nextValue++;
    this.#values.set(offset, bytes);
    offsets.push(offset);
    return { encoding: 0, sizeBytes, inline: null, offset: -1, remote: { node: this.name, incarnation: 1, offset, serial: 0 } };
  }

  #makeHost(): Host {
    const { clock, random } = this.#around;
    return new Host({
      nowMs: () => clock.nowMs,
      random: () => random.next(),
      perform: (effect, from) => this.#perform(effect, from),
      outletOf: () => ({ send: (to, message) => this.#send(to, message) }),
      idle: () => this.process.flush(),
      undeliverable: () => {},
      onBug: (error) => this.#observe({ kind: 'bug', error }),
      onMessage: (to, place, message) => this.#observe({ kind: 'handled', host: 'client', to, place, message }),
    });
  }

  #makeFetcher(): ObjectFetcher {
    return new ObjectFetcher({
      address: atNode(importsActor, this.name),
      timers: this.process.timers,
      silenceMs: this.#around.config.askTimeoutMs,
      send: (to, message) => this.#sendNow(to, message),
      async allocate(sizeBytes) {
        const bytes = new Uint8Array(sizeBytes);
        return { bytes, inline: bytes, offset: -1, seal: () => undefined, discard: () => undefined };
      },
    });
  }

  #makeArrivals(): Arrivals {
    return new Arrivals({
      incarnation: 1,
      node: this.name,
      fetcher: this.#fetcher,
      needs: ({ kind }) => kind === 'sessionOutput' || kind === 'objectsFound',
      arrived: (envelope) => [envelope],
      failed: ({ to, message }, error) => this.#failed(to, message, error),
      fetched: ({ remote }) => {
        if (!remote) return;
        const { node, offset, serial } = remote;
        const message = { kind: 'releaseBlocks', owner: this.state.address, offsets: [offset], serials: [serial] } as const;
        this.#sendNow(atNode('store', node), message);
      },
      discard: () => undefined,
      deliver: (envelopes) => this.#deliver(envelopes),
      errorOf: errorToData,
    });
  }

  #take(envelopes: readonly Envelope[]): void {
    const others: Envelope[] = [];
    for (const envelope of envelopes) {
      const { to, message } = envelope;
      if (to === atNode(importsActor, this.name)) this.#fetcher.take(message as Parameters<ObjectFetcher['take']>[0]);
      else if (message.kind === 'fetchObject') this.#sender.take(message);
      else others.push(envelope);
    }
    if (others.length > 0) this.#arrivals.take(others);
  }

  #deliver(envelopes: readonly Envelope[]): void {
    for (const { message } of envelopes) {
      if (message.kind !== 'sessionOutput') continue;
      const { session, index, ref } = message;
      this.#observe({
        kind: 'outputRead',
        session,
        index,
        found: ref.inline ? readContent(ref.inline, outputLabels(session)) : 'has not come',
      });
    }
    this.#host.deliverAll(envelopes);
  }

  /** What is for `coordinator` goes to the one that has the shard; the gateway knows what this client does not know yet. */
  #send(to: Address, message: Message): void {
    if (to !== 'coordinator') {
      this.process.outletOf(to)?.send(to, message);
      return;
    }
    const { app, session } = subjectOf(message);
    const shard = app === null ? shardOfSession(session ?? '') : shardOf(app);
    const owner = (shard === -1 ? null : this.process.view.ownerOf(shard)) ?? this.#gateway;
    const address = atNode('coordinator', owner);
    this.process.outletOf(address)?.send(address, message);
  }

  #sendNow(to: Address, message: Message): void {
    this.#send(to, message);
    this.process.flush();
  }

  #failed(to: Address, message: Message, error: ErrorData): readonly Envelope[] {
    if (message.kind === 'objectsFound') return [{ to, message: { kind: 'requestRefused', request: message.request, error } }];
    if (message.kind !== 'sessionOutput') throw new Error(`bug: ${message.kind} needs no objects`);
    const { session, app } = message;
    this.#observe({ kind: 'outputLost', session });
    const history = { objects: 0, outputs: 0, superseded: 0, late: 0, functions: [], linkedTo: [], retryOf: null };
    const endedMs = this.#around.clock.nowMs;
    const summary = { id: session, app, revision: 0, state: 'failed', openedMs: 0, endedMs, error, history } as const;
    return [{ to, message: { kind: 'sessionEnded', summary } }];
  }

  #perform(effect: Effect, from: string): void {
    switch (effect.kind) {
      case 'settle': {
        const { request, reply } = effect;
        this.#observe({ kind: 'settled', request, reply });
        const settled = this.#requests.get(request);
        this.#requests.delete(request);
        this.#around.clock.after(0, () => settled?.(reply));
        return;
      }
      case 'notify':
        return this.#observe({ kind: 'notified', message: effect.message });
      case 'startTimer':
        return this.#timerTable.start(from, effect.id, effect.afterMs, effect.message);
      case 'stopTimer':
        return this.#timerTable.stop(from, effect.id);
      case 'log':
        return;
      default:
        throw new Error(`bug: ${from} of a client asks for ${effect.kind}`);
    }
  }
}

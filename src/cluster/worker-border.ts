/**
 * Between a worker's node and the cluster: what comes has its objects and its code here before the node hears of it, and what leaves
 * says where its objects are.
 *
 *     others ──► arrivals ──► code ──► node          node ──► departures ──► others
 *                   ▲                                  objects ─► sender ──► whoever fetches them
 *                   └─ fetcher ◄── pieces
 */
import { errorToData } from '../api/errors.ts';
import type { Address } from '../actors/actor.ts';
import { errorData, type ErrorData } from '../actors/protocol/error.ts';
import type { Message } from '../actors/protocol/message.ts';
import type { Ref } from '../storage/object.ts';
import type { Timers } from '../storage/timers.ts';
import type { Config } from './config.ts';
import { type Gate, gateAddress } from './gate.ts';
import { FrameCollector } from './frame-collect.ts';
import type { Outlet } from './host.ts';
import type { Node } from './node/node.ts';
import type { Registry } from './registry/registry.ts';
import { CodeDelivery } from './roles/code.ts';
import { atNode, nodeOf } from './routes.ts';
import { Arrivals } from './transfer/arrivals.ts';
import { Departures } from './transfer/departures.ts';
import { type Landing, ObjectFetcher, TransferFailed } from './transfer/object-fetcher.ts';
import { ObjectSender, type Way } from './transfer/object-sender.ts';
import type { Envelope } from './wire/codec.ts';

/** The ways to the others. */
export interface Ways {
  outletOf(address: Address): Outlet | null;
  wayTo(address: Address): Way | null;
  isMember(node: string): boolean;
  /** For who asks how this node is doing. */
  readonly health: { readonly registryAwayMs: number | null };
}

export interface WorkerBorderOptions {
  /** This node's name. */
  readonly name: string;
  readonly incarnation: number;
  readonly config: Pick<Config, 'askTimeoutMs' | 'storeWaitMs' | 'admitTimeoutMs'>;
  readonly node: Node;
  readonly ways: Ways;
  readonly registry: Pick<Registry, 'get'>;
  readonly timers: Timers;
  /** Without one all sessions take the long way. */
  readonly gate?: Gate | null;
}

/** Of objects that are brought here. */
const importsAddress: Address = 'imports';

const needsObjects: ReadonlySet<Message['kind']> = new Set(['startSession', 'putIntoSession', 'lodge', 'lodgerAnswer', 'lodgerOutput']);
/** Sessions that are not yet open may not take the last of the store, and wait as long as an embedded client does. */
const isIntake = ({ kind }: Message) => kind === 'startSession' || kind === 'putIntoSession';

function follows(message: Message, earlier: Message): boolean {
  // A revision goes when no session needs it, also none that is about to open.
  if (message.kind === 'uninstallApp')
    return earlier.kind === 'startSession' && earlier.spec.app === message.app && earlier.revision === message.revision;
  // Nobody would check out what comes after its home's end.
  return message.kind === 'workerGone' && (earlier.kind === 'lodge' || earlier.kind === 'lodgerAnswer') && earlier.home === message.worker;
}

export class WorkerBorder {
  readonly #node: Node;
  readonly #arrivals: Arrivals;
  readonly #departures: Departures;
  readonly #fetcher: ObjectFetcher;
  readonly #sender: ObjectSender;
  readonly #ways: Ways;
  readonly #gate: Gate | null;

  constructor(options: WorkerBorderOptions) {
    const { name, incarnation, node, ways, registry, gate = null } = options;
    this.#node = node;
    this.#ways = ways;
    this.#gate = gate;
    this.#departures = new Departures({ node: name, incarnation, outletOf: (address) => ways.outletOf(address), store: node.store });
    this.#fetcher = createFetcher(options);
    const scheduler = atNode('scheduler', name);
    const code = new CodeDelivery({
      registry,
      worker: scheduler,
      deliver: (envelopes) => node.host.deliverAll(envelopes),
      ...(gate && { changing: (app: string, gone: number | null) => gate.changing(app, gone) }),
    });
    this.#arrivals = new Arrivals({
      node: name,
      incarnation,
      fetcher: this.#fetcher,
      isHere: ({ offset, serial }, sizeBytes) => node.store.has(offset, serial, sizeBytes),
      needs: ({ kind }) => needsObjects.has(kind),
      follows,
      isIntake,
      arrived: ({ to, message }, brought) => [{ to, message: owning(message, brought) }],
      failed: (envelope, error) => [failing(envelope, error)],
      discard: ({ offset }) => node.store.release(offset),
      deliver: (envelopes) => code.take(this.#departures.noteReleases(envelopes)),
      errorOf: errorToData,
    });
    this.#sender = createSender(options);
    this.#serve(options);
  }

  /** From other nodes. */
  take(envelopes: readonly Envelope[]): void {
    this.#arrivals.take(envelopes);
  }

  /** For what the node's actors say to others. */
  outletOf(address: Address): Outlet | null {
    const outlet = this.#departures.outletOf(address);
    if (!outlet) return outlet;
    return {
      send: (to, message) => {
        if (message.kind === 'appInstalled') this.#gate?.installed(message);
        // One that has left may be connected for a while, and answers nothing: that it is gone has been told, and is not told again.
        if (message.kind === 'lodge' && !this.#ways.isMember(nodeOf(to) ?? '')) this.lost({ to, message });
        else outlet.send(to, message);
      },
    };
  }

  /** A node is no member any more. */
  nodeGone(name: string, role: 'worker' | 'coordinator'): void {
    this.#fetcher.nodeGone(name);
    const worker = atNode('scheduler', name);
    if (role === 'coordinator') this.#departures.forget(name);
    if (role === 'worker') this.#arrivals.take([{ to: 'scheduler', message: { kind: 'workerGone', worker } }]);
  }

  /** Also one that was gone: a coordinator that was started anew under its name has clients again. */
  nodeJoined(name: string): void {
    this.#departures.remember(name);
  }

  /** It cannot be sent: whoever waits for its answer is told. */
  lost({ message }: Envelope): void {
    const { host } = this.#node;
    if (message.kind === 'lodge') {
      const { session, invocation, attempt } = message;
      host.deliver('scheduler', { kind: 'lodgerEnded', session, invocation, attempt, outcome: { kind: 'refused' }, free: 0 });
    }
    if (message.kind === 'fetchObject') {
      const error = errorData('InputsLost', 'the node that has the object cannot be reached', {}, true);
      this.#fetcher.take({ kind: 'fetchRefused', request: message.request, error });
    }
  }

  close(error: ErrorData): void {
    this.#fetcher.close(error);
  }

  /** Whether objects are held for what is sent from them, or may be. */
  get isSending(): boolean {
    return this.#sender.holding > 0;
  }

  /** Resolves when nothing is sent from objects here any more. */
  released(): Promise<void> {
    return this.#sender.released();
  }

  #serve({ name, ways }: WorkerBorderOptions): void {
    const { host } = this.#node;
    const node = this.#node;
    host.serve('objects', (message) => {
      if (message.kind === 'fetchObject') this.#sender.take(message);
      else if (message.kind === 'nodeGone') this.#departures.forget(message.node);
      else if (message.kind === 'nodeBack') this.#departures.remember(message.node);
    });
    host.serve(importsAddress, (message) => {
      if (message.kind === 'bringObjects') void this.#bring(message);
      else if (message.kind === 'objectPiece' || message.kind === 'fetchRefused') this.#fetcher.take(message);
    });
    host.serve('stats', (message) => {
      if (message.kind !== 'statsAsked') return;
      const { objects, bytes } = this.#fetcher.totals;
      const ofBorder = { objectsFetched: objects, bytesFetched: bytes, messagesSent: this.#departures.sent };
      const result = { ...node.stats(), ...ofBorder, registryAwayMs: ways.health.registryAwayMs };
      // Beside the departures: to ask is not to change what is asked for.
      ways.outletOf(message.owner)?.send(message.owner, { kind: 'requestDone', request: message.request, result });
    });
    if (this.#gate) {
      const gate = this.#gate;
      host.serve(gateAddress, (message) => gate.take(message));
      host.alias(atNode(gateAddress, name), gateAddress);
    }
    for (const service of ['objects', importsAddress, 'store', 'stats']) host.alias(atNode(service, name), service);
  }

  /** All of them, or none. */
  async #bring({ request, refs }: Extract<Message, { kind: 'bringObjects' }>): Promise<void> {
    const { host, store } = this.#node;
    const settled = await Promise.allSettled(refs.map((ref) => this.#fetcher.fetch(ref, false)));
    const brought = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failure = settled.find((one) => one.status === 'rejected');
    if (!failure) return host.deliver('scheduler', { kind: 'objectsBrought', request, refs: brought, error: null });
    for (const { offset } of brought) store.release(offset);
    const reason: unknown = failure.reason;
    const error = reason instanceof TransferFailed ? reason.data : errorToData(reason);
    host.deliver('scheduler', { kind: 'objectsBrought', request, refs: [], error });
  }
}

function createSender({ incarnation, node, ways }: WorkerBorderOptions): ObjectSender {
  const { store } = node;
  return new ObjectSender({
    incarnation,
    source: {
      hold(offset, sizeBytes, serial) {
        if (!store.has(offset, serial, sizeBytes)) return null;
        store.pin(offset);
        return node.bytesAt(offset, sizeBytes);
      },
      release: (offset) => store.release(offset),
    },
    wayTo: (address) => ways.wayTo(address),
  });
}

function createFetcher({ name, config, node, timers }: WorkerBorderOptions): ObjectFetcher {
  return new ObjectFetcher({
    address: atNode(importsAddress, name),
    timers,
    silenceMs: config.askTimeoutMs,
    send: (to, message) => node.host.deliver(to, message),
    async allocate(sizeBytes, isNew): Promise<Landing> {
      const { admitTimeoutMs, storeWaitMs } = config;
      const offset = await node.allocate(importsAddress, sizeBytes, isNew ? 'new' : 'running', isNew ? admitTimeoutMs : storeWaitMs);
      if (typeof offset !== 'number') throw new TransferFailed(offset);
      return {
        bytes: node.bytesAt(offset, sizeBytes),
        inline: null,
        offset,
        seal(holders) {
          node.store.adopt(offset);
          for (let more = 1; more < holders; more++) node.store.pin(offset);
        },
        discard: () => node.store.release(offset),
      };
    },
    copied: new FrameCollector().noteCopied,
  });
}

/** The copies of inputs are for whoever gets the message to release; what a client sends, or a lodger gives, is the session's as it is. */
function owning(message: Message, brought: readonly Ref[]): Message {
  const isOwner =
    message.kind === 'lodge' || message.kind === 'lodgerAnswer' || (message.kind === 'startSession' && message.firing !== null);
  return isOwner ? { ...message, owned: brought.map(({ offset }) => offset) } : message;
}

function failing({ to, message }: Envelope, error: ErrorData): Envelope {
  switch (message.kind) {
    case 'startSession':
      return { to, message: { ...message, spec: { ...message.spec, entries: [] }, inputs: [], failure: error } };
    case 'putIntoSession':
      return { to: message.client, message: { kind: 'requestRefused', request: message.request, error } };
    case 'lodge':
      return { to, message: { ...message, inputs: [], failure: error } };
    case 'lodgerAnswer':
      return { to, message: { ...message, objects: [], error } };
    case 'lodgerOutput':
      return { to, message: { ...message, failure: error } };
    default:
      throw new Error(`bug: ${message.kind} needs no objects`);
  }
}

/**
 * What comes to a coordinator's process from other nodes: for itself, for the coordinator that has the shard, or on its way between a
 * client and the rest of the cluster.
 *
 *   F1  A request about an app or a session reaches the coordinator that the registry names as its shard's owner, or is refused.
 *   F2  No call is passed on to the gate of a worker that takes nothing new, has left, or cannot be reached: its client hears of it. So
 *       one that leaves has all that was passed on when the coordinators have answered it (`Membership.withdraw`).
 *   F3  Who asks for sessions of a worker that has left is answered here: behind all that it had said (`Membership.resign`).
 */
import type { Address } from '../../actors/actor.ts';
import { type ErrorCode, errorData, type ErrorData } from '../../actors/protocol/error.ts';
import type { Message } from '../../actors/protocol/message.ts';
import { shardOf, shardOfSession } from '../../actors/protocol/session-id.ts';
import type { Outlet } from '../host.ts';
import { atNode, nodeOf, subjectOf } from '../routes.ts';
import type { ClusterView } from '../view.ts';
import type { Envelope } from '../wire/codec.ts';

export interface FrontOptions {
  readonly name: string;
  readonly view: ClusterView;
  outletOf(address: Address): Outlet | null;
  /** The shard is this coordinator's, and is being given to another: nothing may begin in it. */
  isYielding?(shard: number): boolean;
  /** Resolves when the apps of the shard, which is this coordinator's, are known here; null: they are. */
  whenKnown?(shard: number): Promise<void> | null;
  deliver(envelopes: readonly Envelope[]): void;
  flush(): void;
}

const requests: ReadonlySet<Message['kind']> = new Set([
  'registerApp',
  'unregisterApp',
  'changeApp',
  'drainApp',
  'openSession',
  'putObjects',
  'getObjects',
  'querySession',
  'cancelSession',
] as const);

/** A session that is asked for by its user's own id: any coordinator may know it. */
interface Search {
  readonly client: Address;
  readonly request: number;
  left: number;
  readonly timer: NodeJS.Timeout;
}

/** What one says who does not know the session, or takes nothing any more. */
const unknowing: ReadonlySet<ErrorCode> = new Set(['UnknownSession', 'RuntimeClosed'] as const);

const searchTimeoutMs = 30_000;
const searchesMax = 10_000;

export class Front {
  readonly #options: FrontOptions;
  readonly #searches = new Map<number, Search>();
  #nextSearch = 1;
  /** Workers that take nothing new. */
  readonly #shut = new Set<string>();

  constructor(options: FrontOptions) {
    this.#options = options;
  }

  take(envelopes: readonly Envelope[]): void {
    const mine: Envelope[] = [];
    for (const envelope of envelopes) {
      const next = this.#direct(envelope);
      if (next) mine.push(next);
    }
    if (mine.length > 0) this.#options.deliver(mine);
    if (mine.length < envelopes.length) this.#options.flush();
  }

  /** What is to be handled here; null if it has gone on. */
  #direct({ to, message }: Envelope): Envelope | null {
    const { name, outletOf } = this.#options;
    const isRequest = requests.has(message.kind);
    if (isRequest && (to === 'coordinator' || nodeOf(to) === name)) return this.#toOwner(message);
    const node = nodeOf(to);
    if (message.kind === 'workerLoad') this.#noteLoad(nodeOf(message.worker) ?? '', message.accepts);
    if (node === null || node === name) return { to, message };
    if (message.kind === 'soloCall' && !this.#isCalled(node)) this.lost({ to, message });
    else if (message.kind === 'soloRecall' && !this.#options.view.members.has(node)) this.#answerFor(message);
    else outletOf(to)?.send(to, message);
    return null;
  }

  /** It has joined, or is gone: whoever has its name next is another process. */
  forget(worker: string): void {
    this.#shut.delete(worker);
  }

  /** One that has left may be there for a moment, and reads nothing any more. */
  #isCalled(worker: string): boolean {
    return this.#options.view.members.has(worker) && !this.#shut.has(worker);
  }

  #noteLoad(worker: string, accepts: boolean): void {
    if (accepts) this.#shut.delete(worker);
    else if (this.#options.view.members.has(worker)) this.#shut.add(worker);
  }

  /** It cannot be passed on: a call that its client sent by this way is to take another. */
  lost({ message }: Envelope): void {
    if (message.kind !== 'soloCall') return;
    this.#options.outletOf(message.client)?.send(message.client, { kind: 'soloRefused', call: message.call });
    this.#options.flush();
  }

  /** It is no more: none of its sessions is out. */
  #answerFor({ owner, request }: Extract<Message, { kind: 'soloRecall' }>): void {
    this.#options.outletOf(owner)?.send(owner, { kind: 'requestDone', request, result: null });
  }

  /** What a coordinator says to a search: the first that knows the session answers, or the last that does not. */
  takeFound(message: Message): void {
    if (message.kind !== 'requestDone' && message.kind !== 'requestRefused' && message.kind !== 'objectsFound') return;
    const search = this.#searches.get(message.request);
    if (!search) return;
    search.left--;
    if (message.kind === 'requestRefused' && unknowing.has(message.error.code) && search.left > 0) return;
    this.#searches.delete(message.request);
    clearTimeout(search.timer);
    this.#options.deliver([{ to: search.client, message: { ...message, request: search.request } }]);
  }

  #search(message: Message): Envelope | null {
    const { client, request } = message as { client?: Address; request?: number };
    const { name, view, outletOf } = this.#options;
    if (client === undefined || request === undefined) return null;
    if (this.#searches.size >= searchesMax) return refusal(message, tooManySearches());
    const number = this.#nextSearch++;
    const others = view.coordinators().filter((member) => member.name !== name);
    const timer = setTimeout(() => this.#searches.delete(number), searchTimeoutMs).unref();
    this.#searches.set(number, { client, request, left: others.length + 1, timer });
    const asked = { ...message, client: atNode('front', name), request: number } as Message;
    for (const other of others) {
      const to = atNode('coordinator', other.name);
      outletOf(to)?.send(to, asked);
    }
    return { to: 'coordinator', message: asked };
  }

  /** It comes again when the apps of its shard are known here. */
  #hold(shard: number, message: Message): boolean {
    const known = this.#options.whenKnown?.(shard) ?? null;
    if (known === null) return false;
    const { name } = this.#options;
    void known.then(() => this.take([{ to: atNode('coordinator', name), message }]));
    return true;
  }

  #toOwner(message: Message): Envelope | null {
    const { name, view, outletOf } = this.#options;
    const { app, session } = subjectOf(message);
    const shard = app === null ? shardOfSession(session ?? '') : shardOf(app);
    if (shard === -1) return isSearch(message) ? { to: 'coordinator', message } : this.#search(message);
    const owner = this.#options.isYielding?.(shard) ? null : view.ownerOf(shard);
    if (owner === name) return this.#hold(shard, message) ? null : { to: 'coordinator', message };
    if (owner === null) return refusal(message, noOwner(app ?? session ?? ''));
    const to = atNode('coordinator', owner);
    outletOf(to)?.send(to, message);
    return null;
  }
}

/** Of another coordinator: this one is one of those that it asks. */
function isSearch(message: Message): boolean {
  return ((message as { client?: Address }).client ?? '').startsWith('front@');
}

function refusal(message: Message, error: ErrorData): Envelope | null {
  if (message.kind === 'openSession') {
    const { id, client } = message.spec;
    return { to: client, message: { kind: 'sessionRefused', session: id, error } };
  }
  const { client, request } = message as { client?: Address; request?: number };
  return client === undefined || request === undefined ? null : { to: client, message: { kind: 'requestRefused', request, error } };
}

function tooManySearches(): ErrorData {
  return errorData('Overloaded', `${searchesMax} sessions are being looked for already`, { retryAfterMs: 1_000 }, true);
}

function noOwner(subject: string): ErrorData {
  const text = `no coordinator acts for ${subject} at the moment: the one that did is gone, and none has taken its place`;
  return errorData('Overloaded', text, { subject, retryAfterMs: 1_000 }, true);
}

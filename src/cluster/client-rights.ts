/**
 * What a client may say to the nodes of a cluster. Nodes trust each other; of what a client says, the node that it is connected to takes
 * what is here, and drops the rest, before it is handled or passed on. With keys nobody can say that it is a node who is none.
 *
 *   B1  Each message has one actor that a client may send it to.
 *   B2  Answers go to that client itself: the address that a message names for them is there, and at its own node.
 *   B3  In the registry it may read all, and put code (and that it is about to: `publishing/`) and durable objects; not members, nor shards.
 *   B4  Each field is what its kind says, down to the last of an entry (`shapes.ts`): none is missing, or null where it may not be. Whoever
 *       takes the message need not look at that again.
 *   B5  Objects that it gives are in the message, or with the client: it names no place of a node.
 */
import type { Message } from '../actors/protocol/message.ts';
import {
  bundle,
  bytes,
  change,
  type Check,
  count,
  definition,
  entries,
  error,
  inlineEntries,
  listOf,
  orNull,
  own,
  type Shape,
  spec,
  text,
  whole,
} from './shapes.ts';
import type { Envelope } from './wire/codec.ts';

type Kind = Message['kind'];
type Sayable = { readonly [K in Kind]?: readonly [actor: string, shape: Shape<Omit<Extract<Message, { kind: K }>, 'kind'>>] };

const puttable = ['bundles/', 'publishing/', 'durable/'];
const puttableKey: Check = (value) => typeof value === 'string' && puttable.some((prefix) => value.startsWith(prefix));

const request = whole;
/** Of a client's question. */
const asked = { request, client: own };
/** Of what a service is asked. */
const owned = { request, owner: own };

const sayable: Sayable = {
  registerApp: ['coordinator', { ...asked, definition, bundle }],
  unregisterApp: ['coordinator', { ...asked, app: text }],
  changeApp: ['coordinator', { ...asked, app: text, change }],
  drainApp: ['coordinator', { ...asked, app: text }],
  openSession: ['coordinator', { spec }],
  putObjects: ['coordinator', { ...asked, session: text, entries }],
  getObjects: ['coordinator', { ...asked, session: text, bucket: text, key: orNull(text) }],
  querySession: ['coordinator', { ...asked, session: text }],
  cancelSession: ['coordinator', { ...asked, session: text, reason: text }],
  soloCall: ['gate', { client: own, call: whole, incarnation: whole, app: text, entries: inlineEntries, timeoutMs: orNull(count) }],
  soloGivenUp: ['gate', { client: own, call: whole, reason: text }],
  soloRecall: ['gate', { ...owned, app: orNull(text), session: orNull(text) }],
  statsAsked: ['stats', owned],
  fetchObject: ['objects', { ...owned, incarnation: whole, offset: count, serial: count, sizeBytes: count }],
  objectPiece: ['imports', { request, at: count, bytes }],
  fetchRefused: ['imports', { request, error }],
  releaseBlocks: ['store', { owner: own, offsets: listOf(count), serials: listOf(count) }],
  registryGet: ['registry', { ...owned, key: text }],
  registryList: ['registry', { ...owned, prefix: text }],
  registryPiece: ['registry', { ...owned, bytes }],
  registryPut: ['registry', { ...owned, key: puttableKey, sizeBytes: count, bytes, expected: orNull(whole), ttlMs: orNull(count) }],
  registryWatch: ['registry', { owner: own, watch: whole, prefix: text }],
  registryUnwatch: ['registry', { owner: own, watch: whole }],
};

interface Right {
  readonly actor: string;
  readonly checks: readonly (readonly [field: string, check: Check])[];
}

const rights: ReadonlyMap<string, Right> = new Map(
  Object.entries(sayable).map(([kind, [actor, shape]]) => [kind, { actor, checks: Object.entries<Check>(shape) }]),
);

/** Why a message is dropped. */
export interface Refused {
  /** One of a few. */
  readonly why: string;
  /** That is not what it must be; null: it is not about a field. */
  readonly field: string | null;
}

/** `client`: the name of its connection; its addresses are at `NAME/COORDINATOR`. Null: it may say so. */
export function refusalOf(client: string, { to, message }: Envelope): Refused | null {
  const right = rights.get(message.kind);
  if (!right || !isActor(to, right.actor)) return { why: 'a client has said what only nodes may say', field: null };
  const values = message as unknown as Readonly<Record<string, unknown>>;
  for (const [field, check] of right.checks) {
    if (!check(values[field], client)) return { why: 'a field of what a client has said is not what it must be', field };
  }
  return null;
}

function isActor(to: string, actor: string): boolean {
  return to.startsWith(actor) && (to.length === actor.length || to[actor.length] === '@');
}

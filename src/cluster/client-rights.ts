/**
 * What a client may say to the nodes of a cluster. Nodes trust each other; of what a client says, the node that it is connected to takes
 * what is here, and drops the rest, before it is handled or passed on. With keys nobody can say that it is a node who is none.
 *
 *   B1  Each message has one actor that a client may send it to.
 *   B2  Answers go to that client itself: the address that a message names for them is at its own node.
 *   B3  In the registry it may read all, and put code (and that it is about to: `publishing/`) and durable objects; not members, nor shards.
 */
import type { Address } from '../actors/actor.ts';
import type { Message } from '../actors/protocol/message.ts';
import type { Envelope } from './wire/codec.ts';

const actorOf: ReadonlyMap<Message['kind'], string> = new Map([
  ['registerApp', 'coordinator'],
  ['unregisterApp', 'coordinator'],
  ['changeApp', 'coordinator'],
  ['drainApp', 'coordinator'],
  ['openSession', 'coordinator'],
  ['putObjects', 'coordinator'],
  ['getObjects', 'coordinator'],
  ['querySession', 'coordinator'],
  ['cancelSession', 'coordinator'],
  ['soloCall', 'gate'],
  ['soloGivenUp', 'gate'],
  ['soloRecall', 'gate'],
  ['statsAsked', 'stats'],
  ['fetchObject', 'objects'],
  ['objectPiece', 'imports'],
  ['fetchRefused', 'imports'],
  ['releaseBlocks', 'store'],
  ['registryGet', 'registry'],
  ['registryList', 'registry'],
  ['registryPiece', 'registry'],
  ['registryPut', 'registry'],
  ['registryWatch', 'registry'],
  ['registryUnwatch', 'registry'],
]);

const puttable = ['bundles/', 'publishing/', 'durable/'];

/** `client`: the name of its connection; its addresses are at `NAME/COORDINATOR`. */
export function mayClientSay(client: string, { to, message }: Envelope): boolean {
  const actor = actorOf.get(message.kind);
  if (actor === undefined || !isActor(to, actor)) return false;
  if (message.kind === 'registryPut' && !puttable.some((prefix) => String(message.key).startsWith(prefix))) return false;
  const answered = answeredTo(message);
  return answered === null || isAt(answered, client);
}

function isActor(to: Address, actor: string): boolean {
  return to.startsWith(actor) && (to.length === actor.length || to[actor.length] === '@');
}

/** Null: it is not answered. */
function answeredTo(message: Message): unknown {
  const { client, owner, spec } = message as { client?: unknown; owner?: unknown; spec?: { client?: unknown } | null };
  return client ?? owner ?? spec?.client ?? null;
}

function isAt(address: unknown, client: string): boolean {
  if (typeof address !== 'string') return false;
  const at = address.indexOf('@') + 1;
  return at > 0 && address.startsWith(client, at) && address[at + client.length] === '/';
}

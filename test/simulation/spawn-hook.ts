/**
 * Sees every actor that a node spawns: its state, for checkers, and its handlers, for tests that break one on purpose.
 *
 * A node spawns its first actors while it is made, so the method of the class is replaced for so long, then that of its host.
 */
import type { Address, Effect, Turn } from '../../src/actors/actor.ts';
import type { Message } from '../../src/actors/protocol/message.ts';
import { type ActorDefinition, Host } from '../../src/cluster/host.ts';

type Spawned = (address: Address, definition: ActorDefinition<unknown>) => ActorDefinition<unknown>;

export function hookSpawn<T extends { readonly host: Host }>(make: () => T, spawned: Spawned): T {
  const spawn = Host.prototype.spawn;
  Host.prototype.spawn = function hooked(address, definition) {
    spawn.call(this, address, spawned(address, definition));
  };
  try {
    const node = make();
    node.host.spawn = (address, definition) => spawn.call(node.host, address, spawned(address, definition));
    return node;
  } finally {
    Host.prototype.spawn = spawn;
  }
}

export type AnyHandler = (state: never, message: Message, turn: Turn) => readonly Effect[];

/** The same actor, but for what it does on one kind of message, in every place. */
export function withHandler<S>(
  definition: ActorDefinition<S>,
  kind: Message['kind'],
  change: (handler: AnyHandler) => AnyHandler,
): ActorDefinition<S> {
  return mapHandlers(definition, (handler, of) => (of === kind ? change(handler) : handler));
}

/** The same actor, but for something in all that it does. */
export function withEveryHandler<S>(
  definition: ActorDefinition<S>,
  change: (handler: AnyHandler, place: string) => AnyHandler,
): ActorDefinition<S> {
  return mapHandlers(definition, (handler, _, place) => change(handler, place));
}

type Change = (handler: AnyHandler, kind: string, place: string) => AnyHandler;

function mapHandlers<S>(definition: ActorDefinition<S>, map: Change): ActorDefinition<S> {
  const mapRow = (place: string, row: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(row).map(([kind, handler]) => [kind, map(handler as AnyHandler, kind, place)]));
  const handlers = Object.fromEntries(Object.entries(definition.handlers).map(([place, row]) => [place, mapRow(place, row)]));
  return { ...definition, handlers };
}

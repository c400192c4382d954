/**
 * What an actor is: a chart that says where it is, a state that says what it knows, a table that says what it does.
 *
 * Sits under every actor; the host (`cluster/host.ts`) runs them.
 *
 *   A1  A handler is synchronous, owns its state alone, and reaches the world only by the effects that it returns.
 *   A2  Effects are performed in their order, after the handler has returned.
 *   A3  A handler never throws for an operating condition; a throw is a bug, and the host says which actor and message.
 *   A4  The table is total: a missing (state, message) pair does not compile. `ignore` is a decision with a name.
 */
import type { BucketIdentity } from './protocol/bucket.ts';
import type { ClientMessage, Reply } from './protocol/client.ts';
import type { CodeBundle } from './protocol/coordinator.ts';
import type { Message } from './protocol/message.ts';

/** A mailbox's name: `scheduler`, `coordinator`, `client:…`, `executor:3`, `thread:3`, `bucket:app/name`, `store`, `durable`. */
export type Address = string;

/** What a handler may ask of the moment it runs in. Simulations give virtual time and a seeded `random`. */
export interface Turn {
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** What a handler decides. Plain data. */
export type Effect =
  | Send
  /** After `afterMs` the actor gets `message` from itself. A timer of the same id is replaced. */
  | { readonly kind: 'startTimer'; readonly id: string; readonly afterMs: number; readonly message: Message }
  | { readonly kind: 'stopTimer'; readonly id: string }
  /** The block at `offset` gets one more holder. */
  | { readonly kind: 'pin'; readonly offset: number }
  /** The block at `offset` passes from the executor thread that filled it to this actor, which now holds it once. */
  | { readonly kind: 'adopt'; readonly offset: number }
  /** One holder less; at none the block is free. */
  | { readonly kind: 'release'; readonly offset: number }
  /** The chart's event: where the actor goes on from here. */
  | { readonly kind: 'become'; readonly event: string }
  | { readonly kind: 'spawnBucket'; readonly identity: BucketIdentity }
  /** Triggers that are configured from here on find the app's own primitives in this code. */
  | { readonly kind: 'usePrimitives'; readonly app: string; readonly bundle: CodeBundle }
  | { readonly kind: 'spawnExecutor'; readonly address: Address; readonly executor: number }
  | { readonly kind: 'stopActor'; readonly address: Address }
  /** Starts the thread `thread:N`; its exit comes back to the sender as `threadExited`. */
  | { readonly kind: 'startThread'; readonly thread: number }
  | { readonly kind: 'terminateThread'; readonly thread: number }
  /** The client's user gets his answer. */
  | { readonly kind: 'settle'; readonly request: number; readonly reply: Reply }
  /** The client's user may want to know: an output that no call waits for, a session that failed with nobody waiting. */
  | { readonly kind: 'notify'; readonly message: ClientMessage }
  | { readonly kind: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly text: string; readonly detail: object };

export interface Send {
  readonly kind: 'send';
  readonly to: Address;
  readonly message: Message;
}

export type Handler<S, M> = (state: S, message: M, turn: Turn) => readonly Effect[];

/** Every state of the chart × every message of the actor. */
export type HandlerTable<Places extends string, S, M extends { readonly kind: string }> = {
  readonly [P in Places]: { readonly [K in M['kind']]: Handler<S, Extract<M, { kind: K }>> };
};

/** What the handler at work has decided so far: its effects, in their order. */
export class Out implements Turn {
  readonly effects: Effect[] = [];
  readonly nowMs: number;
  readonly random: () => number;

  constructor({ nowMs, random }: Turn) {
    this.nowMs = nowMs;
    this.random = random;
  }

  push(...effects: Effect[]): void {
    for (const effect of effects) this.effects.push(effect);
  }
}

const nothing: readonly Effect[] = [];

/** The decision that nothing happens. */
export const ignore = (): readonly Effect[] => nothing;

export function send(to: Address, message: Message): Send {
  return { kind: 'send', to, message };
}

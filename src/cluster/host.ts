/**
 * The host: it runs actors. One mailbox for all of them, each message to its end before the next.
 *
 *   H1  A message is handled by the row of the table that the actor's chart is in; its effects are performed in their order.
 *   H2  Messages between two actors of a host are handled in the order in which they were sent.
 *   H3  What is for nobody here goes to the outlet of its address, and from there to another host; else it is counted, and dropped.
 *   H4  A handler or service that throws is a bug: the host says which actor and message (`onBug`), and stops: nothing more is handled, nor
 *       flushed. Whoever runs it ends the process, whatever the way by which the message came; nothing is half done quietly.
 */
import { type AnyStateMachine, type AnyActor, createActor } from 'xstate';
import type { Address, Effect, Turn } from '../actors/actor.ts';
import type { Message } from '../actors/protocol/message.ts';

/** What an actor consists of, for the host. */
export interface ActorDefinition<S> {
  readonly machine: AnyStateMachine;
  /** A `HandlerTable`: place × message kind → handler. */
  readonly handlers: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly state: S;
}

type AnyHandler = (state: unknown, message: Message, turn: Turn) => readonly Effect[];

interface RunningActor {
  readonly address: Address;
  readonly chart: AnyActor;
  readonly handlers: ActorDefinition<unknown>['handlers'];
  readonly state: unknown;
  place: string;
}

/** Takes messages that are for other hosts. */
export interface Outlet {
  send(to: Address, message: Message): void;
}

export interface HostPorts {
  nowMs(): number;
  random(): number;
  /** Performs what is not the host's own: everything but `send` and `become`. */
  perform(effect: Effect, from: Address): void;
  /** Where an address that is not of this host is to be found; null: nowhere. */
  outletOf(address: Address): Outlet | null;
  /** The mailbox is empty: what was sent to other hosts may leave. */
  idle(): void;
  /** A message that nobody takes. */
  undeliverable(to: Address, message: Message): void;
  /** Once, and nothing is handled after it (H4). */
  onBug(error: Error): void;
  /** For traces: every message that is handled, before it is. */
  onMessage?(to: Address, place: string, message: Message): void;
}

/** More messages in one run are not a run but a loop. */
const mailboxMessagesMax = 10_000_000;
/** So many are handled at the same time, as far as they know: some tens of microseconds. */
const messagesPerTime = 16;

export class Host {
  readonly #ports: HostPorts;
  readonly #actors = new Map<Address, RunningActor>();
  readonly #services = new Map<Address, (message: Message) => void>();
  /** What others call an address of here. */
  readonly #aliases = new Map<Address, Address>();
  readonly #turn: { nowMs: number; readonly random: () => number };
  #to: Address[] = [];
  #messages: Message[] = [];
  #running = false;
  #isBroken = false;

  constructor(ports: HostPorts) {
    this.#ports = ports;
    this.#turn = { nowMs: 0, random: () => ports.random() };
  }

  spawn<S>(address: Address, definition: ActorDefinition<S>): void {
    if (this.#actors.has(address)) throw new Error(`bug: ${address} is running already`);
    const chart = createActor(definition.machine).start();
    const { handlers, state } = definition;
    this.#actors.set(address, { address, chart, handlers, state, place: placeOf(chart) });
  }

  /** Something beside the actors that takes messages: a store. */
  serve(address: Address, take: (message: Message) => void): void {
    this.#services.set(address, take);
  }

  /** From here on messages to `other` are for whoever is at `address`. */
  alias(other: Address, address: Address): void {
    this.#aliases.set(other, address);
  }

  stop(address: Address): void {
    this.#actors.get(address)?.chart.stop();
    this.#actors.delete(address);
  }

  /** Where an actor's life is; null when it is none of this host's. */
  placeOf(address: Address): string | null {
    return this.#actors.get(address)?.place ?? null;
  }

  /** Puts a message into the mailbox; if nothing is running, runs until it is empty. */
  deliver(to: Address, message: Message): void {
    if (this.#isBroken) return;
    this.#to.push(to);
    this.#messages.push(message);
    if (!this.#running) this.#run();
  }

  /** Several at once: outlets are told `idle` once. */
  deliverAll(envelopes: readonly { readonly to: Address; readonly message: Message }[]): void {
    if (this.#isBroken) return;
    for (const { to, message } of envelopes) {
      this.#to.push(to);
      this.#messages.push(message);
    }
    if (!this.#running) this.#run();
  }

  #run(): void {
    this.#running = true;
    let at = 0;
    try {
      for (; at < this.#to.length; at++) {
        if (at > mailboxMessagesMax) throw new Error(`bug: ${mailboxMessagesMax} messages in one run of the mailbox`);
        if (at % messagesPerTime === 0) this.#turn.nowMs = this.#ports.nowMs();
        this.#handle(this.#to[at] as Address, this.#messages[at] as Message);
      }
    } catch (cause) {
      this.#isBroken = true;
      this.#ports.onBug(this.#bug(this.#to[at] as Address, this.#messages[at] as Message, cause));
    } finally {
      this.#to = [];
      this.#messages = [];
      this.#running = false;
    }
    if (!this.#isBroken) this.#ports.idle();
  }

  #bug(to: Address, { kind }: Message, cause: unknown): Error {
    const place = this.placeOf(this.#aliases.get(to) ?? to);
    const text = cause instanceof Error ? cause.message : String(cause);
    return new Error(`${to}${place === null ? '' : ` (${place})`} failed on ${kind}: ${text}`, { cause });
  }

  #handle(to: Address, message: Message): void {
    const actor = this.#actors.get(to);
    if (actor) return this.#step(actor, message);
    const service = this.#services.get(to);
    if (service) return service(message);
    const alias = this.#aliases.get(to);
    if (alias !== undefined) return this.#handle(alias, message);
    const outlet = this.#ports.outletOf(to);
    if (outlet) outlet.send(to, message);
    else this.#ports.undeliverable(to, message);
  }

  #step(actor: RunningActor, message: Message): void {
    const handler = actor.handlers[actor.place]?.[message.kind] as AnyHandler | undefined;
    if (!handler) throw new Error('bug: there is no handler for it');
    this.#ports.onMessage?.(actor.address, actor.place, message);
    for (const effect of handler(actor.state, message, this.#turn)) this.#perform(actor, effect);
  }

  #perform(actor: RunningActor, effect: Effect): void {
    if (effect.kind === 'send') {
      this.#to.push(effect.to);
      this.#messages.push(effect.message);
      return;
    }
    if (effect.kind === 'become') {
      actor.chart.send({ type: effect.event });
      actor.place = placeOf(actor.chart);
      return;
    }
    this.#ports.perform(effect, actor.address);
  }
}

function placeOf(chart: AnyActor): string {
  return String((chart.getSnapshot() as { readonly value: unknown }).value);
}

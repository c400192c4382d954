/**
 * The client's side of a runtime: the client actor in the user's thread, its link to a node, and what it copies out of the store.
 *
 *   H1  Each `request` is settled once: by the client actor, or when the host is closed, which takes nothing more.
 *   H2  Outputs are copied out of the store as they come, and their blocks released: what a user holds costs the store nothing.
 *   H3  What was pinned for a question that nobody waits for any more is released.
 */
import type { Address, Effect } from '../actors/actor.ts';
import { clientHandlers } from '../actors/client/handlers.ts';
import { clientMachine } from '../actors/client/machine.ts';
import { createClient } from '../actors/client/state.ts';
import type { ClientMessage, Reply } from '../actors/protocol/client.ts';
import type { ErrorData } from '../actors/protocol/error.ts';
import type { Message } from '../actors/protocol/message.ts';
import type { Ref } from '../storage/object.ts';
import type { Encoded } from '../storage/value.ts';
import type { SoloHandle } from '../storage/solo/memory.ts';
import type { Config } from './config.ts';
import { Blocks } from './executors/blocks.ts';
import { Host, type Outlet } from './host.ts';
import type { LogLine } from './log.ts';
import { Doorbell } from './solo/doorbell.ts';
import { SoloCalls } from './solo/calls.ts';
import type { ShortCalls } from './solo/short-calls.ts';
import { TimerTable } from './timer-table.ts';
import type { Envelope } from './wire/codec.ts';

export interface ClientHostOptions {
  readonly config: Config;
  /** What nodes call this client. */
  readonly address: Address;
  readonly node: Outlet & { flush(): void };
  /** Where objects go that do not fit into messages; null: into the arena. */
  readonly blocks: ClientBlocks | null;
  /** Addresses that are served beside the client actor. */
  readonly services: Readonly<Record<Address, (message: Message) => void>>;
  /** Shared memory of an embedded node's executors, or the way to workers' gates. Null: no solo sessions. */
  readonly solo: SoloHandle | ((longWay: (command: (request: number) => ClientMessage) => Promise<Reply>) => ShortCalls) | null;
  /** The arena; asked for at the first object that does not fit into a message. */
  readonly arena: () => Uint8Array;
  readonly log: LogLine;
  notified(message: ClientMessage): void;
  /** A bug of ours: the host cannot go on, and is to be closed. */
  broken(error: Error): void;
}

/** An app of long functions is tried once in so many calls: a try costs about as much as a call. */
const soloPauseMax = 256;
/** Nobody else needs a client's thread while it waits, and its processor only who is given it. */
const soloPatienceMs = 4;
const soloRestMs = 5_000;
/** A node answers at once, or does not answer any more. */
const recallTimeoutMs = 5_000;

/** Where a client keeps what nodes are to read of it. */
export interface ClientBlocks {
  /** At once, or null: then `putLater`. `isStable`: nobody changes the bytes until they are released. */
  put(encoded: Encoded, isStable: boolean): Ref | null;
  putLater(encoded: Encoded, isStable: boolean): Promise<Ref>;
  /** They are filled. */
  seal(places: readonly number[]): void;
  release(places: readonly number[]): void;
  /** Where a ref's bytes are kept, for `seal` and `release`; -1: nowhere, they are in the ref. */
  placeOf(ref: Ref): number;
  close(error: ErrorData): void;
}

export const localClientAddress: Address = 'client:local';
const blocksAddress: Address = 'blocks:local';

export class ClientHost {
  readonly address: Address;
  readonly blocks: ClientBlocks;
  readonly solo: ShortCalls | null;
  readonly #options: ClientHostOptions;
  readonly #host: Host;
  readonly #timers: TimerTable;
  readonly #requests = new Map<number, (reply: Reply) => void>();
  #nextRequest = 1;
  #closed: ErrorData | null = null;

  constructor(options: ClientHostOptions) {
    this.#options = options;
    const { config, node, log, address } = options;
    this.address = address;
    this.#host = new Host({
      nowMs: () => Date.now(),
      random: () => Math.random(),
      perform: (effect, from) => this.#perform(effect, from),
      outletOf: () => node,
      idle: () => node.flush(),
      undeliverable: (to, message) => log('debug', 'a message that nobody takes', { to, kind: message.kind }),
      onBug: (error) => options.broken(error),
    });
    const timers = {
      setTimeout: (callback: () => void, ms: number) => setTimeout(callback, ms),
      clearTimeout: (t: unknown) => clearTimeout(t as NodeJS.Timeout),
    };
    this.#timers = new TimerTable(timers, (to, message) => this.#host.deliver(to, message));
    const state = createClient(address, 'coordinator', config, () => Math.random());
    this.#host.spawn(address, { machine: clientMachine, handlers: clientHandlers, state });
    for (const [service, take] of Object.entries(options.services)) this.#host.serve(service, take);
    this.blocks = options.blocks ?? this.#openBlocks();
    this.solo = typeof options.solo === 'function' ? options.solo((command) => this.request(command)) : this.#openSolo(options.solo);
  }

  /** Why it takes nothing more; null: it does. */
  get closed(): ErrorData | null {
    return this.#closed;
  }

  #openSolo(memory: SoloHandle | null): SoloCalls | null {
    const { address } = this;
    if (!memory) return null;
    return new SoloCalls({
      memory,
      inlineBytesMax: this.#options.config.inlineBytesMax,
      restMs: soloRestMs,
      pauseMax: soloPauseMax,
      named: (summary) => this.send('coordinator', { kind: 'sessionClosed', summary }),
      listen: (bell) => new Doorbell({ ...bell, patienceMs: soloPatienceMs }),
      nowMs: () => Date.now(),
      elapsedMs: () => performance.now(),
      random: () => Math.random(),
      recall: (slots) => this.#recall(slots),
      cancel: (session, reason) => this.send('coordinator', { kind: 'cancelSession', request: -1, client: address, session, reason }),
    });
  }

  #openBlocks(): ClientBlocks {
    const { config, arena } = this.#options;
    const { inlineBytesMax, admitTimeoutMs: waitMs } = config;
    const node = { send: (to: Address, message: Message) => this.send(to, message) };
    const blocks = new Blocks({ owner: blocksAddress, arena, node, inlineBytesMax, waitMs, reserve: 'new' });
    this.#host.serve(blocksAddress, (message) => {
      if (message.kind === 'blocksGranted' || message.kind === 'blocksRefused') blocks.take(message);
    });
    return blocks;
  }

  /** What came from the node. */
  receive(envelopes: readonly Envelope[]): void {
    if (this.#closed) return;
    this.#host.deliverAll(envelopes.map(({ to, message }) => ({ to, message: this.#localize(message) })));
  }

  /** Puts a command to the client actor; resolves with what it is settled with. */
  request(command: (request: number) => ClientMessage): Promise<Reply> {
    const request = this.#nextRequest++;
    const error = this.#closed;
    if (error) return Promise.resolve({ kind: 'requestRefused', request, error });
    return new Promise((resolve) => {
      this.#requests.set(request, resolve);
      this.#host.deliver(this.address, command(request));
    });
  }

  /** The number of a request that is not made here, and whose answer is. */
  #expect(settle: (reply: Reply) => void): number {
    const request = this.#nextRequest++;
    this.#requests.set(request, settle);
    return request;
  }

  tell(message: ClientMessage): void {
    this.send(this.address, message);
  }

  /** Beside the client actor: to a store of the node. */
  send(to: Address, message: Message): void {
    if (!this.#closed) this.#host.deliver(to, message);
  }

  /** The node is gone, or will be: whatever is asked, now or later, is refused with this. */
  close(error: ErrorData): void {
    if (this.#closed) return;
    this.#closed = error;
    this.#timers.close();
    this.blocks.close(error);
    this.solo?.close(error);
    for (const [request, settle] of this.#requests) settle({ kind: 'requestRefused', request, error });
    this.#requests.clear();
  }

  /** The bytes of a ref, where they lie. */
  bytesOf({ inline, offset, sizeBytes }: Ref): Uint8Array {
    return inline ?? this.#options.arena().subarray(offset, offset + sizeBytes);
  }

  #recall(slots: readonly { readonly slot: number; readonly generation: number }[]): Promise<Reply> {
    return this.request((request) => {
      return { kind: 'ask', to: 'solo', question: { kind: 'recallSolo', owner: this.address, request, slots }, timeoutMs: recallTimeoutMs };
    });
  }

  #localize(message: Message): Message {
    if (message.kind === 'sessionReclaimed') return this.solo?.reclaim(message, (settle) => this.#expect(settle)) ?? message;
    if (message.kind === 'objectsFound' && !this.#requests.has(message.request)) {
      this.blocks.release(message.objects.flatMap(({ ref }) => (ref.offset >= 0 ? [ref.offset] : [])));
      return message;
    }
    if (message.kind !== 'sessionOutput' || message.ref.offset < 0) return message;
    const { encoding, sizeBytes, offset } = message.ref;
    const inline = new Uint8Array(this.bytesOf(message.ref));
    this.blocks.release([offset]);
    return { ...message, ref: { encoding, sizeBytes, inline, offset: -1 } };
  }

  #perform(effect: Effect, from: Address): void {
    switch (effect.kind) {
      case 'settle': {
        const settle = this.#requests.get(effect.request);
        this.#requests.delete(effect.request);
        return settle?.(effect.reply);
      }
      case 'notify':
        return this.#options.notified(effect.message);
      case 'startTimer':
        return this.#timers.start(from, effect.id, effect.afterMs, effect.message);
      case 'stopTimer':
        return this.#timers.stop(from, effect.id);
      case 'log':
        return this.#options.log(effect.level, effect.text, effect.detail);
      default:
        throw new Error(`bug: ${from} of a client asks for ${effect.kind}`);
    }
  }
}

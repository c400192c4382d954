/**
 * The client's host in a simulated world, and the blocks it fills: as `cluster/client-host.ts` and `api/client-runtime.ts` do, in
 * virtual time and without promises.
 */
import type { Effect } from '../../src/actors/actor.ts';
import { clientHandlers } from '../../src/actors/client/handlers.ts';
import { clientMachine } from '../../src/actors/client/machine.ts';
import { type ClientState, createClient } from '../../src/actors/client/state.ts';
import type { ClientCommand, ClientMessage, Reply } from '../../src/actors/protocol/client.ts';
import { callAborted, callTimedOut, type ErrorData } from '../../src/actors/protocol/error.ts';
import type { Message } from '../../src/actors/protocol/message.ts';
import type { Entry } from '../../src/actors/protocol/object.ts';
import type { Config } from '../../src/cluster/config.ts';
import { type ActorDefinition, Host, type Outlet } from '../../src/cluster/host.ts';
import { SoloCalls } from '../../src/cluster/solo/calls.ts';
import { TimerTable } from '../../src/cluster/timer-table.ts';
import type { Envelope } from '../../src/cluster/wire/codec.ts';
import { outputLabels } from './attempt.ts';
import type { SoloHandle } from '../../src/storage/solo/memory.ts';
import type { Clock } from './clock.ts';
import { readContent, writeContent } from './content.ts';
import type { WorldEvent } from './events.ts';
import type { Random } from './random.ts';
import type { SoloWorld } from './solo.ts';

export const clientAddress = 'client:sim';
const blocksAddress = 'blocks:sim';

export interface ClientOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly segment: Uint8Array;
  readonly node: Outlet & { flush(): void };
  readonly solo: SoloWorld | null;
  readonly soloMemory: SoloHandle | null;
  nextContent(): number;
  observe(event: WorldEvent): void;
  /** The actor, or one that was broken on purpose. */
  spawned(address: string, definition: ActorDefinition<unknown>): ActorDefinition<unknown>;
}

/** What a call that may run solo needs to say. */
export interface SoloCalling {
  readonly app: string;
  readonly objects: readonly Putting[];
  readonly timeoutMs: number | null;
  readonly abandonAfterMs: number | null;
}

/** An object to be put; where it goes is known before its session is. */
export interface Putting {
  readonly bucket: string;
  readonly key: string;
  readonly group: string | null;
  readonly sizeBytes: number;
}

/** What entries are labelled with: nobody knows their session when they are written. */
const unknownSession = '';

export class SimulatedClient {
  readonly state: ClientState;
  readonly timers: ReturnType<Clock['timers']>;
  readonly #host: Host;
  readonly solo: SoloCalls | null;
  readonly #timerTable: TimerTable;
  readonly #options: ClientOptions;
  readonly #requests = new Map<number, (reply: Reply) => void>();
  readonly #blocksAsked = new Map<number, (offset: number) => void>();
  /** Requests that were asked under another number. */
  readonly #reclaimed = new Set<number>();
  #nextRequest = 1;

  constructor(options: ClientOptions) {
    this.#options = options;
    const { clock, random, node, config, observe } = options;
    this.#host = new Host({
      nowMs: () => clock.nowMs,
      random: () => random.next(),
      perform: (effect, from) => this.#perform(effect, from),
      outletOf: () => node,
      idle: () => node.flush(),
      undeliverable: () => {},
      onBug: (error) => observe({ kind: 'bug', error }),
      onMessage: (to, place, message) => observe({ kind: 'handled', host: 'client', to, place, message }),
    });
    this.timers = clock.timers();
    this.#timerTable = new TimerTable(this.timers, (to, message) => this.#host.deliver(to, message));
    this.state = createClient(clientAddress, 'coordinator', config, () => random.next());
    this.#host.spawn(
      clientAddress,
      options.spawned(clientAddress, { machine: clientMachine, handlers: clientHandlers, state: this.state }),
    );
    const { solo, soloMemory } = options;
    this.solo =
      solo &&
      soloMemory &&
      new SoloCalls({
        memory: soloMemory,
        inlineBytesMax: config.inlineBytesMax,
        restMs: 0,
        pauseMax: 1,
        named: (summary) => this.#host.deliver('coordinator', { kind: 'sessionClosed', summary }),
        listen: (bell) => solo.bells.listen(bell),
        nowMs: () => Math.floor(clock.nowMs),
        elapsedMs: () => clock.nowMs,
        random: () => random.next(),
        recall: (slots) => this.#recall(slots),
        cancel: (session, reason) =>
          this.#host.deliver('coordinator', { kind: 'cancelSession', request: -1, client: clientAddress, session, reason }),
      });
    this.#host.serve(blocksAddress, (message) => this.#takeBlocks(message));
  }

  receive(envelopes: readonly Envelope[]): void {
    this.#host.deliverAll(envelopes.map(({ to, message }) => ({ to, message: this.#localize(message) })));
  }

  /** `settled` is called when the actor has finished its turn, as a promise's reaction would be. Returns the request's number. */
  request(command: (request: number) => ClientCommand, settled: (reply: Reply) => void): number {
    const request = this.#nextRequest++;
    this.#requests.set(request, settled);
    const message = command(request);
    this.#options.observe({ kind: 'asked', request, command: message });
    this.#host.deliver(clientAddress, message);
    return request;
  }

  /** A call whose session runs solo; null if it cannot be. What is done when it takes too long, or is given up, is as in `api/call-solo.ts`. */
  callSolo(call: SoloCalling, settled: () => void): boolean {
    const { solo } = this;
    const route = solo?.routeOf(call.app);
    if (!solo || !route || call.objects.length === 0) return false;
    const entries = call.objects.map(({ bucket, key, group, sizeBytes }) => {
      const bytes = new Uint8Array(sizeBytes);
      writeContent(bytes, this.#options.nextContent(), { session: unknownSession, key, group });
      return { bucket, key, group, encoded: { encoding: 0, bytes } };
    });
    const request = this.#nextRequest++;
    const made = solo.call(route, entries, call.timeoutMs, (outcome) => {
      const reply: Reply = outcome.kind === 'ended' ? { kind: 'outputsReady', request, session: '', outputs: [] } : outcome;
      this.#options.observe({ kind: 'settled', request, reply });
      settled();
    });
    if (!made) return false;
    const command = { kind: 'askCall', request, app: call.app, entries: [], expects: [], until: 'output', requestId: null } as const;
    const rest = { timeoutMs: call.timeoutMs, admitTimeoutMs: 0, retries: 0, deadlineMs: null, priority: 5 };
    this.#options.observe({ kind: 'asked', request, command: { ...command, ...rest } });
    this.#options.observe({ kind: 'soloCalled', session: solo.sessionOf(made), app: call.app, entries });
    const giveUp = (message: (request: number) => ClientMessage, error: (session: string) => ErrorData) => () => {
      if (made.request !== -1) this.#host.deliver(clientAddress, message(made.request));
      else void this.soon(solo.giveUp(made, error(solo.sessionOf(made))));
    };
    const { timeoutMs, abandonAfterMs } = call;
    const timeOut = giveUp(
      (number) => ({ kind: 'callTimeoutReached', request: number }),
      (session) => callTimedOut(session, timeoutMs),
    );
    const leave = giveUp(
      (number) => ({ kind: 'abandonCall', request: number, reason: 'he left' }),
      (session) => callAborted(session, 'he left'),
    );
    if (timeoutMs !== null) this.#options.clock.after(timeoutMs, timeOut);
    if (abandonAfterMs !== null) this.#options.clock.after(abandonAfterMs, leave);
    return true;
  }

  /** A promise that is to go on before time does. */
  soon<T>(work: Promise<T>): Promise<T> {
    this.#options.solo?.settleSoon();
    return work;
  }

  #recall(slots: readonly { readonly slot: number; readonly generation: number }[]): Promise<Reply> {
    const { askTimeoutMs: timeoutMs } = this.#options.config;
    return new Promise((resolve) => {
      const question = (request: number) => ({ kind: 'recallSolo', request, owner: clientAddress, slots }) as const;
      this.request(
        (request) => ({ kind: 'ask', to: 'solo', question: question(request), timeoutMs }),
        (reply) => void this.soon(Promise.resolve(resolve(reply))),
      );
    });
  }

  #expect(settle: (reply: Reply) => void): number {
    const request = this.#nextRequest++;
    this.#requests.set(request, settle);
    this.#reclaimed.add(request);
    return request;
  }

  tell(message: ClientCommand): void {
    this.#host.deliver(clientAddress, message);
  }

  /** Puts the objects where refs can name them; null if the store has no room. */
  store(objects: readonly Putting[], stored: (entries: readonly Entry[] | null, offsets: readonly number[]) => void): void {
    const entries: Entry[] = [];
    const offsets: number[] = [];
    const next = (): void => {
      const object = objects[entries.length];
      if (!object) {
        if (offsets.length > 0) this.#host.deliver('store', { kind: 'sealBlocks', owner: blocksAddress, offsets });
        return stored(entries, offsets);
      }
      this.#allocate(object, (offset, inline) => {
        if (offset === -1 && !inline) {
          this.release(offsets);
          return stored(null, []);
        }
        if (offset >= 0) offsets.push(offset);
        const { bucket, key, group, sizeBytes } = object;
        entries.push({ bucket, key, group, ref: { encoding: 0, sizeBytes, inline, offset } });
        next();
      });
    };
    next();
  }

  release(offsets: readonly number[]): void {
    if (offsets.length > 0) this.#host.deliver('store', { kind: 'releaseBlocks', owner: blocksAddress, offsets });
  }

  /** What `get` has found: looked at, and let go of after a while. */
  readFound(reply: Extract<Reply, { kind: 'objectsFound' }>, whileMs: number): void {
    const look = (when: 'start' | 'end') => {
      for (const input of reply.objects)
        this.#options.observe({ kind: 'read', by: 'get', when, input, found: readContent(this.#bytesOf(input.ref), input) });
    };
    look('start');
    this.#options.clock.after(whileMs, () => {
      look('end');
      this.release(reply.objects.flatMap(({ ref }) => (ref.offset >= 0 ? [ref.offset] : [])));
    });
  }

  #allocate({ key, group, sizeBytes }: Putting, filled: (offset: number, inline: Uint8Array | null) => void): void {
    const id = this.#options.nextContent();
    const labels = { session: unknownSession, key, group };
    const { inlineBytesMax, admitTimeoutMs: waitMs } = this.#options.config;
    if (sizeBytes <= inlineBytesMax) {
      const inline = new Uint8Array(sizeBytes);
      writeContent(inline, id, labels);
      return filled(-1, inline);
    }
    const request = this.#nextRequest++;
    this.#blocksAsked.set(request, (offset) => {
      if (offset >= 0) writeContent(this.#options.segment.subarray(offset, offset + sizeBytes), id, labels);
      filled(offset, null);
    });
    this.#host.deliver('store', { kind: 'allocateBlocks', owner: blocksAddress, request, sizeBytes, count: 1, reserve: 'new', waitMs });
  }

  #takeBlocks(message: Message): void {
    if (message.kind !== 'blocksGranted' && message.kind !== 'blocksRefused') throw new Error(`bug: blocks got ${message.kind}`);
    const asked = this.#blocksAsked.get(message.request);
    this.#blocksAsked.delete(message.request);
    const offset = message.kind === 'blocksGranted' ? (message.offsets[0] ?? -1) : -1;
    this.#options.clock.after(0, () => asked?.(offset));
  }

  /** Outputs are copied out of the store as they come. */
  #localize(message: Message): Message {
    if (message.kind === 'sessionReclaimed') return this.solo?.reclaim(message, (settle) => this.#expect(settle)) ?? message;
    if (message.kind !== 'sessionOutput') return message;
    const { session, index, ref } = message;
    const bytes = this.#bytesOf(ref);
    this.#options.observe({ kind: 'outputRead', session, index, found: readContent(bytes, outputLabels(session)) });
    if (ref.offset < 0) return message;
    this.release([ref.offset]);
    return { ...message, ref: { ...ref, inline: new Uint8Array(bytes), offset: -1 } };
  }

  #bytesOf({ inline, offset, sizeBytes }: Entry['ref']): Uint8Array {
    return inline ?? this.#options.segment.subarray(offset, offset + sizeBytes);
  }

  #perform(effect: Effect, from: string): void {
    const { observe, clock } = this.#options;
    switch (effect.kind) {
      case 'settle': {
        const { request, reply } = effect;
        if (!this.#reclaimed.delete(request)) observe({ kind: 'settled', request, reply });
        const settled = this.#requests.get(request);
        this.#requests.delete(request);
        clock.after(0, () => settled?.(reply));
        return;
      }
      case 'notify':
        return observe({ kind: 'notified', message: effect.message });
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

/**
 * A worker's gate: it runs sessions of clients that are connected to this worker solo, in its executors' shared memory, as an embedded
 * runtime's client does for its own user.
 *
 *   P1  Each `soloCall` is answered once: by its first output or its end, by `soloRefused`, or by `soloHomed`; unless it was given up.
 *   P2  A call that is for another process of this worker's name is refused: its client takes those for lost when that one has gone.
 *   P3  While an app is being changed here, its sessions are at home: none runs on a revision that goes.
 */
import type { Address } from '../actors/actor.ts';
import { errorData, type ErrorData } from '../actors/protocol/error.ts';
import type { GateMessage } from '../actors/protocol/gate.ts';
import type { Message } from '../actors/protocol/message.ts';
import type { SoloHandle } from '../storage/solo/memory.ts';
import type { Config } from './config.ts';
import type { Node } from './node/node.ts';
import { Doorbell } from './solo/doorbell.ts';
import { type SoloCall, SoloCalls, type SoloOutcome } from './solo/calls.ts';
import type { Envelope } from './wire/codec.ts';

export interface GateOptions {
  readonly config: Pick<Config, 'inlineBytesMax'>;
  readonly memory: SoloHandle;
  /** Of this process. */
  readonly incarnation: number;
  node(): Node;
}

interface Asked {
  readonly client: Address;
  readonly number: number;
  readonly call: SoloCall;
  /** Nothing more is told of it. */
  isSettled: boolean;
}

type Ask = Extract<GateMessage, { kind: 'soloCall' }>;

export const gateAddress: Address = 'gate';
const soloPauseMax = 256;
const soloRestMs = 5_000;

export class Gate {
  readonly #options: GateOptions;
  readonly #solo: SoloCalls;
  /** The revision of each app that may be called. */
  readonly #revisions = new Map<string, number>();
  /** By slot. */
  readonly #bySlot: (Asked | undefined)[] = [];
  /** While answers are collected: what is ready at one time leaves as one frame. */
  #answers: Envelope[] | null = null;
  readonly #recalls = new Map<number, () => void>();
  #nextRequest = 1;

  constructor(options: GateOptions) {
    this.#options = options;
    const { config, memory } = options;
    const send = (to: Address, message: Message) => options.node().host.deliver(to, message);
    this.#solo = new SoloCalls({
      memory,
      inlineBytesMax: config.inlineBytesMax,
      restMs: soloRestMs,
      pauseMax: soloPauseMax,
      named: (summary) => send(options.node().coordinatorOf(summary.app), { kind: 'sessionClosed', summary }),
      // Frames of other nodes come in any turn.
      listen: (bell) => new Doorbell({ ...bell, answer: () => this.#together(bell.answer), sharesTurns: true }),
      nowMs: () => Date.now(),
      elapsedMs: () => performance.now(),
      random: () => Math.random(),
      recall: (slots) => this.#recall(slots),
      cancel: (session, reason) =>
        send('scheduler', {
          kind: 'stopSession',
          session,
          error: errorData('SessionCancelled', `session ${session} was cancelled: ${reason}`, { session, reason }),
        }),
    });
  }

  clientOf(slot: number): Address {
    return this.#bySlot[slot]?.client ?? gateAddress;
  }

  take(message: Message): void {
    switch (message.kind) {
      case 'soloCall':
        return this.#call(message);
      case 'soloGivenUp':
        return this.#giveUp(message);
      case 'soloRecall':
        return void this.#recallFor(message);
      case 'sessionReclaimed':
        return this.#reclaim(message);
      case 'requestDone':
      case 'requestRefused': {
        const done = this.#recalls.get(message.request);
        this.#recalls.delete(message.request);
        return done?.();
      }
    }
  }

  /** A revision may be called from here on. */
  installed({ app, install, revision }: Extract<Message, { kind: 'appInstalled' }>): void {
    const definition = this.#options.node().definitionOf(app, revision);
    if (!definition) return;
    this.#revisions.set(app, revision);
    this.#solo.allow(app, install, definition, revision);
  }

  /** Its sessions come home, and it is called the long way until it is `installed` again. `gone`: only this revision is concerned. */
  async changing(app: string, gone: number | null): Promise<void> {
    if (gone !== null && this.#revisions.get(app) !== gone) return;
    this.#revisions.delete(app);
    this.#solo.disallow(app);
    await this.#solo.recallApp(app);
  }

  async end(): Promise<void> {
    await this.#solo.end();
  }

  close(error: ErrorData): void {
    this.#solo.close(error);
  }

  #call({ client, call: number, incarnation, app, entries, timeoutMs }: Ask): void {
    const route = incarnation === this.#options.incarnation ? this.#solo.routeOf(app) : null;
    const list = entries.map(({ bucket, key, group, ref }) => {
      return { bucket, key, group, encoded: { encoding: ref.encoding, bytes: ref.inline ?? new Uint8Array() } };
    });
    let asked: Asked | null = null;
    const settle = (outcome: SoloOutcome) => asked && this.#settle(asked, outcome);
    const call = route && this.#solo.call(route, list, timeoutMs, settle);
    if (!call) return this.#say(client, { kind: 'soloRefused', call: number });
    asked = { client, number, call, isSettled: false };
    this.#bySlot[call.slot] = asked;
  }

  #settle(asked: Asked, outcome: SoloOutcome): void {
    asked.isSettled = true;
    if (outcome.kind === 'ended') this.#say(asked.client, { kind: 'soloAnswer', call: asked.number, ref: outcome.output });
  }

  /** Seldom: the slots are looked through. */
  #giveUp({ client, call: number, reason }: Extract<GateMessage, { kind: 'soloGivenUp' }>): void {
    const asked = this.#bySlot.find((one) => one?.number === number && one.client === client);
    if (!asked || asked.isSettled) return;
    asked.isSettled = true;
    void this.#solo.giveUp(asked.call, errorData('CallAborted', reason));
  }

  /** The session is at home, and its outputs and its end are told the client; who waits there has to know by which name. */
  #reclaim(message: Extract<Message, { kind: 'sessionReclaimed' }>): void {
    const asked = this.#bySlot[message.slot];
    const reclaimed = this.#solo.reclaim(message, () => -1);
    if (!asked || asked.call.generation !== message.generation || !reclaimed) return;
    if (asked.isSettled) return;
    asked.isSettled = true;
    this.#say(asked.client, { kind: 'soloHomed', call: asked.number, session: message.session });
  }

  async #recallFor({ owner, request, app, session }: Extract<GateMessage, { kind: 'soloRecall' }>): Promise<void> {
    await this.#solo.recall((other, id) => (app === null ? id() === session : other === app));
    this.#say(owner, { kind: 'requestDone', request, result: null });
  }

  #recall(slots: readonly { readonly slot: number; readonly generation: number }[]): Promise<void> {
    const request = this.#nextRequest++;
    return new Promise((resolve) => {
      this.#recalls.set(request, resolve);
      this.#options.node().host.deliver('solo', { kind: 'recallSolo', owner: gateAddress, request, slots });
    });
  }

  #together(answer: () => void): void {
    const answers: Envelope[] = [];
    this.#answers = answers;
    try {
      answer();
    } finally {
      this.#answers = null;
      if (answers.length > 0) this.#options.node().host.deliverAll(answers);
    }
  }

  #say(to: Address, message: Message): void {
    if (this.#answers) this.#answers.push({ to, message });
    else this.#options.node().host.deliver(to, message);
  }
}

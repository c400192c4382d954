/**
 * A scheduler with real buckets that takes over sessions which have run solo. What it tells others is kept, in order; its executors
 * do what the test says; holds on blocks are counted.
 */
import type { Effect } from '../../../src/actors/actor.ts';
import type { AppDefinition } from '../../../src/actors/app.ts';
import { bucketHandlers } from '../../../src/actors/bucket/handlers.ts';
import { bucketMachine } from '../../../src/actors/bucket/machine.ts';
import { builtInPrimitives } from '../../../src/actors/bucket/primitives/index.ts';
import { createBucket } from '../../../src/actors/bucket/state.ts';
import type { Run } from '../../../src/actors/protocol/executor.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import type { AdoptSession, AttemptOutcome, SoloObjectSent } from '../../../src/actors/protocol/scheduler.ts';
import { schedulerHandlers } from '../../../src/actors/scheduler/handlers.ts';
import { schedulerMachine } from '../../../src/actors/scheduler/machine.ts';
import { createScheduler } from '../../../src/actors/scheduler/state.ts';
import { Host } from '../../../src/cluster/host.ts';
import type { Ref } from '../../../src/storage/object.ts';

export const executors = 4;
export const deadlineMs = 10_000;
const limits = {
  executors,
  queuedInvocationsMax: 100,
  invocationsPerSessionMax: 100,
  executorLossesMax: 3,
  deadlineMs,
  deadlineExternalMs: deadlineMs,
  abortGraceMs: 100,
  executorRestartMs: 100,
};

type Kind<K extends Message['kind']> = Extract<Message, { kind: K }>;

export const inlineRef: Ref = { encoding: 0, sizeBytes: 1, inline: new Uint8Array(1), offset: -1 };

export function blockRef(offset: number): Ref {
  return { encoding: 0, sizeBytes: 5_000, inline: null, offset };
}

/** By a client (0), or by the invocation with this number. */
export function sentTo(bucket: number, source = 0, { key = 'k', ref = inlineRef }: { key?: string; ref?: Ref } = {}): SoloObjectSent {
  return { source, bucket, key, group: null, ref };
}

export class AdoptDriver {
  readonly state = createScheduler('scheduler', limits);
  /** All that the scheduler has told others, in order. */
  readonly told: { readonly to: string; readonly message: Message }[] = [];
  /** Attempts that executors were given, and that have not ended, in order. */
  readonly running: { readonly fn: string; readonly run: Run; readonly executor: number }[] = [];
  /** How many hold each block. */
  readonly holds = new Map<number, number>();
  readonly timers = new Map<string, { readonly afterMs: number; readonly message: Message }>();
  nowMs = 1_000_000;
  #bug: Error | null = null;
  readonly #definition: AppDefinition;
  readonly #host: Host;

  constructor(definition: AppDefinition) {
    this.#definition = definition;
    const keep = (to: string, message: Message) => void this.told.push({ to, message });
    this.#host = new Host({
      nowMs: () => this.nowMs,
      random: () => 0.5,
      perform: (effect, from) => this.#perform(effect, from),
      outletOf: (address) => ({ send: (_, message) => keep(address, message) }),
      idle: () => {},
      undeliverable: () => {},
      onBug: (error) => {
        this.#bug ??= error;
      },
    });
    this.#host.spawn('scheduler', { machine: schedulerMachine, handlers: schedulerHandlers, state: this.state });
    const bundle = { hash: '', code: '', content: '', module: 'file:///app' };
    this.tell({ kind: 'startScheduler' }, { kind: 'installApp', coordinator: 'coordinator', revision: 1, definition, bundle });
    for (let executor = 0; executor < executors; executor++) this.tell({ kind: 'executorReady', executor });
    this.told.splice(0);
  }

  tell(...messages: readonly Message[]): void {
    this.#host.deliverAll(messages.map((message) => ({ to: 'scheduler', message })));
    const bug = this.#bug;
    this.#bug = null;
    if (bug) throw bug;
  }

  /** Session `s` comes home. */
  adopt(part: Partial<AdoptSession>): void {
    this.tell({
      kind: 'adoptSession',
      keeper: 'client:test',
      client: 'client:test',
      install: 1,
      session: 's',
      openedMs: this.nowMs,
      sent: [],
      begun: [],
      executor: -1,
      given: [],
      slot: 3,
      generation: 5,
      ...part,
    });
  }

  /** The functions that were begun anew, and have not ended. */
  get functions(): readonly string[] {
    return this.running.map(({ fn }) => fn);
  }

  /** What somebody was told of a kind, in order. */
  toldOf<K extends Message['kind']>(kind: K): readonly Kind<K>[] {
    return this.told.flatMap(({ message }) => (message.kind === kind ? [message as Kind<K>] : []));
  }

  /** The oldest attempt of the function ends. */
  finish(fn: string, outcome: AttemptOutcome = { kind: 'returned', objects: 0, outputs: 0 }): void {
    const found = this.running.find((one) => one.fn === fn);
    if (!found) throw new Error(`${fn} does not run; ${this.functions.join(', ') || 'nothing'} does`);
    this.running.splice(this.running.indexOf(found), 1);
    const { invocation, attempt } = found.run;
    this.tell({ kind: 'attemptEnded', executor: found.executor, invocation, attempt, outcome });
  }

  #perform(effect: Effect, from: string): void {
    switch (effect.kind) {
      case 'spawnBucket': {
        const state = createBucket(effect.identity, (kind) => builtInPrimitives.get(kind));
        return this.#host.spawn(effect.identity.address, { machine: bucketMachine, handlers: bucketHandlers, state });
      }
      case 'spawnExecutor':
        return this.#host.serve(effect.address, (message) => this.#take(effect.executor, effect.address, message));
      case 'stopActor':
        return this.#host.stop(effect.address);
      case 'startTimer':
        return void this.timers.set(`${from}/${effect.id}`, { afterMs: effect.afterMs, message: effect.message });
      case 'stopTimer':
        return void this.timers.delete(`${from}/${effect.id}`);
      case 'adopt':
      case 'pin':
        return this.#hold(effect.offset, 1);
      case 'release':
        return this.#hold(effect.offset, -1);
      default:
    }
  }

  #take(executor: number, address: string, message: Message): void {
    this.told.push({ to: address, message });
    if (message.kind !== 'invoke') return;
    this.running.push({ fn: this.#definition.functions[message.run.function]?.name ?? '', run: message.run, executor });
  }

  #hold(offset: number, change: number): void {
    const holders = (this.holds.get(offset) ?? 0) + change;
    if (holders < 0) throw new Error(`block ${offset} was released once too often`);
    if (holders === 0) this.holds.delete(offset);
    else this.holds.set(offset, holders);
  }
}

/**
 * A worker of a small cluster: a scheduler with real buckets and a real store, whose freed blocks are overwritten. Its executors do what
 * the test says; what `cluster/worker-border.ts` does at its border is done here at once.
 */
import type { Address, Effect } from '../../../src/actors/actor.ts';
import type { AppDefinition } from '../../../src/actors/app.ts';
import { bucketHandlers } from '../../../src/actors/bucket/handlers.ts';
import { bucketMachine } from '../../../src/actors/bucket/machine.ts';
import { builtInPrimitives } from '../../../src/actors/bucket/primitives/index.ts';
import { createBucket } from '../../../src/actors/bucket/state.ts';
import { errorData } from '../../../src/actors/protocol/error.ts';
import type { Run } from '../../../src/actors/protocol/executor.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import type { AttemptOutcome } from '../../../src/actors/protocol/scheduler.ts';
import { schedulerHandlers } from '../../../src/actors/scheduler/handlers.ts';
import { schedulerMachine } from '../../../src/actors/scheduler/machine.ts';
import { createScheduler, type SchedulerState } from '../../../src/actors/scheduler/state.ts';
import { Host } from '../../../src/cluster/host.ts';
import { packing } from '../../../src/cluster/packing.ts';
import { nodeOf } from '../../../src/cluster/routes.ts';
import { TimerTable } from '../../../src/cluster/timer-table.ts';
import { Departures } from '../../../src/cluster/transfer/departures.ts';
import type { Envelope } from '../../../src/cluster/wire/codec.ts';
import { mapRefs } from '../../../src/cluster/wire/refs.ts';
import type { Ref } from '../../../src/storage/object.ts';
import { ObjectStore } from '../../../src/storage/object-store.ts';
import { createSegment } from '../../../src/storage/segment.ts';
import type { ManualTimers } from '../storage/manual-timers.ts';

type Kind<K extends Message['kind']> = Extract<Message, { kind: K }>;

export interface Neighbourhood {
  readonly timers: ManualTimers;
  send(from: string, to: Address, message: Message): void;
  /** The bytes of an object on another node; null: they are lost. */
  read(ref: Ref): Uint8Array | null;
}

export interface RunningAttempt {
  readonly fn: string;
  readonly run: Run;
  readonly executor: number;
  readonly timeoutMs: number | null;
  /** It has been told to stop. */
  isAborted: boolean;
  objects: number;
  outputs: number;
  readonly ordinals: Map<string, number>;
}

const limits = {
  queuedInvocationsMax: 100,
  invocationsPerSessionMax: 1_000,
  executorLossesMax: 3,
  deadlineMs: 60_000,
  deadlineExternalMs: 60_000,
  abortGraceMs: 100,
  executorRestartMs: 100,
};
const arenaBytes = 4 * 2 ** 20;
const needsObjects: ReadonlySet<Message['kind']> = new Set(['startSession', 'lodge', 'lodgerAnswer', 'lodgerOutput']);
export const inlineRef: Ref = { encoding: 0, sizeBytes: 1, inline: new Uint8Array([7]), offset: -1 };

export class LodgingWorker {
  readonly name: string;
  readonly state: SchedulerState;
  readonly store: ObjectStore;
  /** Attempts that executors were given, and that have not ended, in order. */
  readonly running: RunningAttempt[] = [];
  readonly answers: Kind<'answer'>[] = [];
  /** What is to be brought here, in order, unless `bringsAtOnce`. */
  readonly bringing: Kind<'bringObjects'>[] = [];
  bringsAtOnce = true;
  readonly #definition: AppDefinition;
  readonly #near: Neighbourhood;
  readonly #bytes: Uint8Array;
  readonly #host: Host;
  readonly #timers: TimerTable;
  readonly #departures: Departures;
  #bug: Error | null = null;

  constructor(name: string, definition: AppDefinition, executors: number, near: Neighbourhood) {
    this.name = name;
    this.#definition = definition;
    this.#near = near;
    this.state = createScheduler(`scheduler@${name}`, { ...limits, executors }, name, packing);
    const segment = createSegment({ sizeBytes: arenaBytes, mapped: false });
    this.#bytes = segment.bytes;
    this.store = new ObjectStore({ segment, timers: near.timers, poison: true });
    const outlet = { send: (to: Address, message: Message) => near.send(name, to, message) };
    const outletOf = (address: Address) => (nodeOf(address) === null ? null : outlet);
    this.#departures = new Departures({ node: name, incarnation: 1, outletOf, store: this.store });
    this.#host = new Host({
      nowMs: () => near.timers.nowMs,
      random: () => 0.5,
      perform: (effect, from) => this.#perform(effect, from),
      outletOf: (address) => (address.startsWith('thread:') ? { send: (_, message) => this.#answer(message) } : this.#leave(address)),
      idle: () => {},
      undeliverable: () => {},
      onBug: (error) => {
        this.#bug ??= error;
      },
    });
    this.#timers = new TimerTable(near.timers, (to, message) => this.#host.deliver(to, message));
    this.#host.spawn('scheduler', { machine: schedulerMachine, handlers: schedulerHandlers, state: this.state });
    this.#host.alias(`scheduler@${name}`, 'scheduler');
    this.#host.serve('imports', (message) => this.#bringSoon(message as Kind<'bringObjects'>));
    this.#host.serve(`store@${name}`, (message) => {
      for (const offset of (message as Kind<'releaseBlocks'>).offsets) this.store.release(offset);
    });
    this.tell({ kind: 'startScheduler' });
    for (let executor = 0; executor < executors; executor++) this.tell({ kind: 'executorReady', executor });
  }

  get functions(): readonly string[] {
    return this.running.map(({ fn }) => fn);
  }

  get timersRunning(): number {
    return this.#timers.size;
  }

  /** To its scheduler. */
  tell(...messages: readonly Message[]): void {
    this.#host.deliverAll(messages.map((message) => ({ to: 'scheduler', message })));
  }

  /** Throws what went wrong here, if anything did. */
  check(): void {
    if (this.#bug) throw this.#bug;
  }

  /** From another node. */
  take(envelope: Envelope): void {
    const [{ to, message }] = this.#departures.noteReleases([envelope]) as [Envelope];
    const local = mapRefs(message, (ref) => {
      const { encoding, sizeBytes, remote } = ref;
      return remote?.node === this.name ? { encoding, sizeBytes, inline: null, offset: remote.offset } : ref;
    });
    this.#host.deliver(to, needsObjects.has(local.kind) ? this.#complete(local) : local);
  }

  /** A block that a thread has filled, all with `content`, and not yet handed on. */
  block(sizeBytes: number, content: number): Ref {
    const offset = this.store.allocate('thread:0', sizeBytes, 'running');
    this.#bytes.fill(content, offset, offset + sizeBytes);
    return { encoding: 0, sizeBytes, inline: null, offset };
  }

  bytesAt(offset: number, sizeBytes: number): Uint8Array {
    return this.#bytes.subarray(offset, offset + sizeBytes);
  }

  /** The oldest attempt of the function; without a name the oldest of all. */
  attempt(fn?: string): RunningAttempt {
    const found = this.running.find((one) => fn === undefined || one.fn === fn);
    if (!found) throw new Error(`${fn} does not run on ${this.name}; ${this.functions.join(', ') || 'nothing'} does`);
    return found;
  }

  /** It sends an object: a small one, or `ref`. */
  send(fn: string, bucket: string, key = 'k', ref: Ref = inlineRef, delayMs = 0): void {
    const attempt = this.attempt(fn);
    attempt.objects++;
    const ordinal = attempt.ordinals.get(`${bucket}/${key}`) ?? 0;
    attempt.ordinals.set(`${bucket}/${key}`, ordinal + 1);
    this.tell({ kind: 'objectSent', ...nameOf(attempt), bucket: this.bucket(bucket), key, ordinal, group: null, delayMs, ref });
  }

  output(fn: string, ref: Ref = inlineRef): void {
    const attempt = this.attempt(fn);
    this.tell({ kind: 'outputSent', ...nameOf(attempt), ordinal: ++attempt.outputs, ref });
  }

  /** `ctx.get`, or with no key `ctx.getAll`. */
  ask(fn: string, request: number, bucket: string, key: string | null = null): void {
    this.tell({ kind: 'objectsAsked', ...nameOf(this.attempt(fn)), request, bucket: this.bucket(bucket), key });
  }

  expect(fn: string, request: number, bucket: string, keys: readonly string[]): void {
    const name = nameOf(this.attempt(fn));
    this.tell({ kind: 'expectSent', ...name, request, bucket: this.bucket(bucket), group: null, keys, count: null });
  }

  /** It ends: as it should, unless `outcome` says how. */
  finish(fn?: string, outcome?: AttemptOutcome): void {
    const attempt = this.attempt(fn);
    this.running.splice(this.running.indexOf(attempt), 1);
    const { objects, outputs, isAborted, executor } = attempt;
    const usual: AttemptOutcome = isAborted ? { kind: 'aborted' } : { kind: 'returned', objects, outputs };
    this.tell({ kind: 'attemptEnded', executor, ...nameOf(attempt), outcome: outcome ?? usual });
  }

  /** What the function reads as its inputs now, by key: what every byte of the object is. */
  read(fn: string): Readonly<Record<string, number>> {
    return Object.fromEntries(this.attempt(fn).run.inputs.map(({ key, ref }) => [key, this.contentOf(ref)]));
  }

  contentOf({ inline, offset, sizeBytes }: Ref): number {
    const bytes = inline ?? this.bytesAt(offset, sizeBytes);
    const [content = -1] = bytes;
    if (bytes.some((byte) => byte !== content)) throw new Error(`the object at ${offset} of ${this.name} is torn`);
    return content;
  }

  /** What is to be brought here comes, or cannot. */
  bring(isLost = false): void {
    for (const { request, refs } of this.bringing.splice(0)) {
      const brought = isLost ? [null] : refs.map((ref) => this.#fetch(ref));
      const here = brought.filter((ref) => ref !== null);
      if (here.length === brought.length) this.tell({ kind: 'objectsBrought', request, refs: here, error: null });
      else {
        for (const { offset } of here) this.store.release(offset);
        this.tell({ kind: 'objectsBrought', request, refs: [], error: lost });
      }
    }
  }

  bucket(name: string): number {
    return this.#definition.buckets.findIndex((bucket) => bucket.name === name);
  }

  #leave(address: Address) {
    return this.#departures.outletOf(address);
  }

  #answer(message: Message): void {
    if (message.kind === 'answer') this.answers.push(message);
  }

  #bringSoon(message: Kind<'bringObjects'>): void {
    this.bringing.push(message);
    if (this.bringsAtOnce) this.bring();
  }

  #fetch(ref: Ref): Ref | null {
    const bytes = this.#near.read(ref);
    if (!bytes) return null;
    const offset = this.store.allocate('imports', bytes.byteLength, 'running');
    if (offset === -1) throw new Error(`no room for ${bytes.byteLength} bytes in the store of ${this.name}`);
    this.#bytes.set(bytes, offset);
    this.store.adopt(offset);
    return { encoding: ref.encoding, sizeBytes: ref.sizeBytes, inline: null, offset };
  }

  #complete(message: Message): Message {
    const owned: number[] = [];
    let isLost = false;
    const complete = mapRefs(message, (ref) => {
      const here = ref.remote ? this.#fetch(ref) : ref;
      if (!here) isLost = true;
      else if (ref.remote) owned.push(here.offset);
      return here ?? ref;
    });
    if (isLost) {
      for (const offset of owned) this.store.release(offset);
      return message.kind === 'lodgerAnswer'
        ? { ...message, objects: [], error: lost }
        : ({ ...message, inputs: [], failure: lost } as Message);
    }
    const isOwner = complete.kind === 'lodge' || complete.kind === 'lodgerAnswer' || complete.kind === 'startSession';
    return isOwner ? { ...complete, owned } : complete;
  }

  #perform(effect: Effect, from: Address): void {
    switch (effect.kind) {
      case 'spawnBucket': {
        const state = createBucket(effect.identity, (kind) => builtInPrimitives.get(kind), packing);
        return this.#host.spawn(effect.identity.address, { machine: bucketMachine, handlers: bucketHandlers, state });
      }
      case 'spawnExecutor':
        return this.#host.serve(effect.address, (message) => this.#keep(effect.executor, message));
      case 'stopActor':
        return this.#host.stop(effect.address);
      case 'startTimer':
        return this.#timers.start(from, effect.id, effect.afterMs, effect.message);
      case 'stopTimer':
        return this.#timers.stop(from, effect.id);
      case 'adopt':
        return this.store.adopt(effect.offset);
      case 'pin':
        return this.store.pin(effect.offset);
      case 'release':
        return this.store.release(effect.offset);
      default:
    }
  }

  #keep(executor: number, message: Message): void {
    if (message.kind === 'loadApp') {
      const { app, revision } = message;
      return this.tell({ kind: 'executorLoaded', executor, app, revision, error: null });
    }
    if (message.kind === 'abortInvocation') {
      const aborted = this.running.find(({ run }) => run.invocation === message.invocation && run.attempt === message.attempt);
      if (aborted) aborted.isAborted = true;
    }
    if (message.kind !== 'invoke') return;
    const { run, timeoutMs } = message;
    const fn = this.#definition.functions[run.function]?.name ?? '';
    this.running.push({ fn, run, executor, timeoutMs, isAborted: false, objects: 0, outputs: 0, ordinals: new Map() });
  }
}

const lost = errorData('InputsLost', 'the node that has them is gone');

function nameOf({ run: { invocation, attempt } }: RunningAttempt) {
  return { invocation, attempt };
}

/** A scheduler with real buckets in a host, and executors that do what the test says. Timers are kept, and fired by the test. */
import type { Effect } from '../../../src/actors/actor.ts';
import { type AppDefinition, type TriggerDefinition, traitsOf } from '../../../src/actors/app.ts';
import { bucketHandlers } from '../../../src/actors/bucket/handlers.ts';
import { bucketMachine } from '../../../src/actors/bucket/machine.ts';
import { builtInPrimitives } from '../../../src/actors/bucket/primitives/index.ts';
import { type BucketState, createBucket } from '../../../src/actors/bucket/state.ts';
import type { Run } from '../../../src/actors/protocol/executor.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import type { SessionSummary } from '../../../src/actors/protocol/session.ts';
import { schedulerHandlers } from '../../../src/actors/scheduler/handlers.ts';
import { schedulerMachine } from '../../../src/actors/scheduler/machine.ts';
import { createScheduler } from '../../../src/actors/scheduler/state.ts';
import { Host } from '../../../src/cluster/host.ts';
import { packing } from '../../../src/cluster/packing.ts';

const limits = {
  executors: 4,
  queuedInvocationsMax: 100,
  invocationsPerSessionMax: 100,
  executorLossesMax: 3,
  deadlineMs: 10_000,
  deadlineExternalMs: 10_000,
  abortGraceMs: 100,
  executorRestartMs: 100,
};

const bundle = { hash: '', code: '', content: '', module: 'file:///app' };

export function on(
  bucket: string,
  primitive: string,
  options: unknown,
  fn: string,
  rerun: TriggerDefinition['rerun'] = null,
): TriggerDefinition {
  const found = builtInPrimitives.get(primitive);
  if (!found) throw new Error(`no primitive ${primitive}`);
  return { name: `${bucket}-${fn}`, bucket, primitive, options, function: fn, rerun, traits: traitsOf(found, options) };
}

/** `sends` by function; null: undeclared. `external`: buckets that wait for the outside. */
export function appOf(
  sends: Readonly<Record<string, readonly string[] | null>>,
  triggers: readonly TriggerDefinition[],
  external: readonly string[] = [],
): AppDefinition {
  const retry = { attemptsMax: 1, backoff: { initialMs: 0, factor: 1, maxMs: 0 } };
  const functions = Object.entries(sends).map(([name, to]) => ({
    name,
    sends: to,
    timeoutMs: null,
    retry,
    concurrency: 1,
    placement: 'near' as const,
  }));
  const names = new Set([...triggers.map(({ bucket }) => bucket), ...Object.values(sends).flatMap((to) => to ?? [])]);
  const buckets = [...names].map((name) => ({ name, external: external.includes(name) }));
  return { name: 'app', module: 'file:///app', buckets, functions, triggers, customPrimitives: [] };
}

export class SchedulerDriver {
  readonly state = createScheduler('scheduler', limits, null, packing);
  /** Attempts that run, by the function's name, in their order. */
  readonly running: { readonly fn: string; readonly run: Run; readonly executor: number }[] = [];
  readonly ended: SessionSummary[] = [];
  /** What the coordinator was told of the load, in order. */
  readonly accepts: boolean[] = [];
  readonly sentToThreads: Message[] = [];
  readonly sentToClients: Message[] = [];
  /** Blocks that were let go of, by their offsets. */
  readonly released: number[] = [];
  readonly buckets: BucketState[] = [];
  readonly timers = new Map<string, Message>();
  nowMs = 1_000_000;
  #bug: Error | null = null;
  readonly #definition: AppDefinition;
  readonly #host: Host;

  constructor(definition: AppDefinition) {
    this.#definition = definition;
    this.#host = new Host({
      nowMs: () => this.nowMs,
      random: () => 0.5,
      perform: (effect, from) => this.#perform(effect, from),
      outletOf: (address) => ({
        send: (_, message) => {
          if (address.startsWith('thread:')) this.sentToThreads.push(message);
          if (address.startsWith('client:')) this.sentToClients.push(message);
        },
      }),
      idle: () => {},
      undeliverable: () => {},
      onBug: (error) => {
        this.#bug ??= error;
      },
    });
    this.#host.spawn('scheduler', { machine: schedulerMachine, handlers: schedulerHandlers, state: this.state });
    this.tell({ kind: 'startScheduler' }, { kind: 'installApp', coordinator: 'coordinator', revision: 1, definition, bundle });
    for (let executor = 0; executor < limits.executors; executor++) this.tell({ kind: 'executorReady', executor });
  }

  /** All in one run of the mailbox. */
  tell(...messages: readonly Message[]): void {
    this.#host.deliverAll(messages.map((message) => ({ to: 'scheduler', message })));
    if (this.#bug) throw this.#bug;
  }

  /** Opens session `s` with an object, by its key, in each of these buckets. */
  open(...entries: readonly { readonly bucket: string; readonly key: string }[]): void {
    this.openAs('s', ...entries);
  }

  openAs(id: string, ...entries: readonly { readonly bucket: string; readonly key: string }[]): void {
    const ref = { encoding: 0, sizeBytes: 1, inline: new Uint8Array(1), offset: -1 };
    const spec = {
      id,
      app: 'app',
      requestId: null,
      client: 'client:test',
      called: true,
      entries: entries.map((entry) => ({ ...entry, group: null, ref })),
      expects: [],
      priority: 5,
      deadlineMs: null,
      admitTimeoutMs: 0,
      retryOf: null,
    };
    this.tell({
      kind: 'startSession',
      owned: [],
      announces: false,
      failure: null,
      coordinator: 'coordinator',
      spec,
      revision: 1,
      firing: null,
      inputs: [],
    });
  }

  /** The names of the functions that run. */
  get functions(): readonly string[] {
    return this.running.map(({ fn }) => fn);
  }

  /** The oldest attempt of the function sends these objects, in the names of their buckets. */
  send(fn: string, bucket: string, delayMs = 0): void {
    const { run } = this.#attempt(fn);
    const index = this.#definition.buckets.findIndex(({ name }) => name === bucket);
    const ref = { encoding: 0, sizeBytes: 1, inline: new Uint8Array(1), offset: -1 };
    const { invocation, attempt } = run;
    this.tell({ kind: 'objectSent', invocation, attempt, bucket: index, key: 'k', ordinal: 0, group: null, delayMs, ref });
  }

  /** The oldest attempt of the function returns, having sent so many objects. */
  finish(fn: string, objects = 0): void {
    const found = this.#attempt(fn);
    this.running.splice(this.running.indexOf(found), 1);
    const { invocation, attempt } = found.run;
    this.tell({ kind: 'attemptEnded', executor: found.executor, invocation, attempt, outcome: { kind: 'returned', objects, outputs: 0 } });
  }

  #attempt(fn: string) {
    const found = this.running.find((one) => one.fn === fn);
    if (!found) throw new Error(`${fn} does not run; ${this.functions.join(', ') || 'nothing'} does`);
    return found;
  }

  #perform(effect: Effect, from: string): void {
    if (effect.kind === 'spawnBucket') {
      const state = createBucket(effect.identity, (kind) => builtInPrimitives.get(kind), packing);
      this.buckets.push(state);
      this.#host.spawn(effect.identity.address, { machine: bucketMachine, handlers: bucketHandlers, state });
    }
    if (effect.kind === 'release') this.released.push(effect.offset);
    if (effect.kind === 'stopActor') this.#host.stop(effect.address);
    if (effect.kind === 'startTimer') this.timers.set(`${from}/${effect.id}`, effect.message);
    if (effect.kind === 'stopTimer') this.timers.delete(`${from}/${effect.id}`);
    if (effect.kind === 'spawnExecutor') this.#host.serve(effect.address, (message) => this.#invoke(effect.executor, message));
    if (effect.kind === 'spawnExecutor' && effect.executor === 0)
      this.#host.serve('coordinator', (message) => {
        if (message.kind === 'sessionClosed') this.ended.push(message.summary);
        if (message.kind === 'workerLoad') this.accepts.push(message.accepts);
      });
  }

  #invoke(executor: number, message: Message): void {
    if (message.kind !== 'invoke') return;
    const fn = this.#definition.functions[message.run.function]?.name ?? '';
    this.running.push({ fn, run: message.run, executor });
  }
}

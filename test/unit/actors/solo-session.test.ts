/** A solo session decides what its buckets' actors would: the same firings in the same order, and its end when nothing waits. */
import test from 'ava';
import fc from 'fast-check';
import type { Effect } from '../../../src/actors/actor.ts';
import { type AppDefinition, type AppTable, compileApp, type TriggerDefinition, traitsOf } from '../../../src/actors/app.ts';
import { bucketHandlers } from '../../../src/actors/bucket/handlers.ts';
import { bucketMachine } from '../../../src/actors/bucket/machine.ts';
import { builtInPrimitives } from '../../../src/actors/bucket/primitives/index.ts';
import { type BucketState, createBucket } from '../../../src/actors/bucket/state.ts';
import type { BucketMessage, BucketStepped } from '../../../src/actors/protocol/bucket.ts';
import type { PendingTrigger } from '../../../src/actors/protocol/session.ts';
import { canRunSolo, planSolo } from '../../../src/actors/solo/plan.ts';
import { type SoloObject, SoloSession } from '../../../src/actors/solo/session.ts';
import { ActorDriver } from './actor-driver.ts';
import { appOf, on } from './scheduler-driver.ts';

const keys = ['a', 'b', 'c'] as const;
const buckets = ['b0', 'b1', 'b2'] as const;
const functions = ['f0', 'f1', 'f2'] as const;
const revision = 1;

/** The actors of an app's buckets, with one session. */
class Buckets {
  readonly fired: { readonly trigger: number; readonly inputs: readonly number[] }[] = [];
  superseded = 0;
  readonly #table: AppTable;
  readonly #actors: readonly ActorDriver<BucketMessage, BucketState>[];
  readonly #touched = new Set<number>();
  #objects = 0;

  constructor(table: AppTable) {
    this.#table = table;
    this.#actors = table.buckets.map(({ name, index }) => {
      const identity = { address: name, app: 'app', bucket: name, home: 'scheduler', scope: 'session' } as const;
      const actor = new ActorDriver<BucketMessage, BucketState>(
        bucketMachine,
        bucketHandlers,
        createBucket(identity, (kind) => builtInPrimitives.get(kind)),
      );
      const triggers = (table.triggersOf[index] ?? []).map((trigger) => ({ index: trigger.index, definition: trigger }));
      actor.tell({ kind: 'configureBucket', revision, triggers });
      return actor;
    });
  }

  admit({ bucket, key, group, ref }: SoloObject, source: number): void {
    const arrival = { id: this.#objects++, key, group, session: 's', source, sourceFunction: null, sizeBytes: ref.sizeBytes };
    if (!this.#table.buckets[bucket]?.hasSessionTriggers) return;
    this.#touched.add(bucket);
    const told = messages(this.#actors[bucket]!.tell({ kind: 'objectReady', session: 1, revision, arrival }));
    for (const { firings, dropped } of told.filter((message): message is BucketStepped => message.kind === 'bucketStepped')) {
      for (const { trigger, inputs } of firings) this.fired.push({ trigger, inputs });
      this.superseded += dropped.filter(({ reason }) => reason === 'superseded').length;
    }
  }

  /** What waits, as a session without output would be told. */
  pending(): readonly PendingTrigger[] {
    return [...this.#touched].flatMap((bucket) =>
      messages(this.#actors[bucket]!.tell({ kind: 'settleSession', session: 1 })).flatMap((message) =>
        message.kind === 'bucketSettled' ? message.pending : [],
      ),
    );
  }

  /** The late triggers that an object has come for, and those that hold any now. */
  late(): { readonly reached: boolean; readonly holding: boolean } {
    const states = this.#actors.flatMap((actor) => actor.state.sessions.get(1)?.triggers ?? []);
    const late = states.filter(({ row }) => this.#table.lateTriggers.some(({ index }) => index === row.index));
    return { reached: late.length > 0, holding: late.some(({ row, state }) => row.primitive.forget(state).length > 0) };
  }
}

function messages(effects: readonly Effect[]) {
  return effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []));
}

function objectIn(bucket: number, key = 'a', group: string | null = null, sizeBytes = 1): SoloObject {
  return { bucket, key, group, ref: { encoding: 0, sizeBytes, inline: new Uint8Array(sizeBytes), offset: -1 } };
}

/** Begins all that is due. */
function beginAll(session: SoloSession) {
  const begun: { readonly trigger: number; readonly inputs: readonly number[] }[] = [];
  for (let due = session.due; due > 0; due = session.due) {
    const next = session.peek();
    const firing = session.begin();
    if (!firing || next !== firing || session.due !== due - 1) throw new Error(`${due} were due`);
    begun.push({ trigger: firing.trigger.index, inputs: firing.inputs });
  }
  if (session.begin() || session.peek()) throw new Error('nothing was due');
  return begun;
}

function sessionOf(triggers: readonly TriggerDefinition[]): { readonly table: AppTable; readonly session: SoloSession } {
  const table = compileApp(appWith(triggers), revision);
  return { table, session: new SoloSession(planSolo(table)) };
}

/** All functions declare that they send nowhere; all buckets are there. */
function appWith(triggers: readonly TriggerDefinition[]): AppDefinition {
  const definition = appOf(Object.fromEntries(functions.map((name) => [name, []])), []);
  const named = triggers.map((trigger, i): TriggerDefinition => ({ ...trigger, name: `t${i}` }));
  return { ...definition, buckets: buckets.map((name) => ({ name, external: false })), triggers: named };
}

const everyCondition = fc.oneof(
  fc.constant<[string, unknown]>(['immediate', null]),
  fc.constantFrom(...keys).map((key): [string, unknown] => ['byName', { key }]),
  fc.subarray([...keys], { minLength: 1 }).map((set): [string, unknown] => ['bySet', { keys: set }]),
  fc
    .record(
      {
        count: fc.integer({ min: 1, max: 4 }),
        maxBytes: fc.integer({ min: 1, max: 12 }),
        flushAtEnd: fc.boolean(),
        partitionBy: fc.constant('group'),
      },
      { requiredKeys: ['count'], noNullPrototype: true },
    )
    .map((options): [string, unknown] => ['byBatchSize', { ...options, scope: 'session' }]),
  fc.constant<[string, unknown]>(['dynamicJoin', null]),
);
const everyTrigger = fc
  .tuple(fc.constantFrom(...buckets), everyCondition, fc.constantFrom(...functions))
  .map(([bucket, [primitive, options], fn]) => on(bucket, primitive, options, fn));
const everyArrival = fc.record({
  bucket: fc.nat(2),
  key: fc.constantFrom(...keys, 'other'),
  group: fc.constantFrom(null, 'g', 'h'),
  sizeBytes: fc.nat(6),
  source: fc.nat(3),
});
const everyRun = fc.tuple(fc.array(everyTrigger, { maxLength: 6 }), fc.array(everyArrival, { maxLength: 30 }), fc.boolean());

test('solo session: fires what the bucket actors fire, in their order, and counts what they drop', (t) => {
  fc.assert(
    fc.property(everyRun, ([triggers, arrivals, beginsLate]) => {
      const { table, session } = sessionOf(triggers);
      const actors = new Buckets(table);
      const begun: { readonly trigger: number; readonly inputs: readonly number[] }[] = [];
      for (const { bucket, key, group, sizeBytes, source } of arrivals) {
        const object = objectIn(bucket, key, group, sizeBytes);
        actors.admit(object, source);
        if (!session.admit(object, source)) return false;
        if (!beginsLate) begun.push(...beginAll(session));
      }
      begun.push(...beginAll(session));
      t.deepEqual(begun, actors.fired);
      t.is(session.begun, begun.length);
      return session.superseded === actors.superseded && session.objects.length === arrivals.length;
    }),
    { numRuns: 400 },
  );
});

test('solo session: is over unless a late trigger holds something or, without output, a trigger waits', (t) => {
  let [over, open] = [0, 0];
  fc.assert(
    fc.property(everyRun, fc.boolean(), ([triggers, arrivals], hasOutput) => {
      const { table, session } = sessionOf(triggers);
      const actors = new Buckets(table);
      for (const { bucket, key, group, sizeBytes, source } of arrivals) {
        const object = objectIn(bucket, key, group, sizeBytes);
        actors.admit(object, source);
        session.admit(object, source);
      }
      beginAll(session);
      if (hasOutput) session.outputs = 1;
      const isOver = session.isOver();
      if (isOver) over++;
      else open++;
      const { reached, holding } = actors.late();
      const waits = !hasOutput && actors.pending().length > 0;
      if (holding || waits) return !isOver;
      // One that holds nothing any more may be asked at home, too.
      return reached || isOver;
    }),
    { numRuns: 400 },
  );
  t.true(over > 20 && open > 20, `${over} were over, ${open} were not`);
});

test('solo session: every trigger of a bucket has its firing, and one that waits has none', (t) => {
  const { session } = sessionOf([
    on('b0', 'immediate', null, 'f0'),
    on('b0', 'byName', { key: 'a' }, 'f1'),
    on('b1', 'dynamicJoin', null, 'f2'),
  ]);
  t.true(session.admit(objectIn(0), 0));
  t.is(session.due, 2);
  t.true(session.admit(objectIn(1), 1));
  t.is(session.due, 2);
});

test('solo session: goes home with an object for a trigger of all sessions', (t) => {
  for (const triggers of [
    [on('b0', 'byBatchSize', { count: 2 }, 'f0')],
    [on('b0', 'byTime', { windowMs: 10 }, 'f0')],
    [on('b0', 'immediate', null, 'f1'), on('b0', 'byBatchSize', { count: 2 }, 'f0')],
  ]) {
    const { session } = sessionOf([...triggers, on('b1', 'immediate', null, 'f0')]);
    t.true(session.admit(objectIn(1), 0), 'another bucket is not concerned');
    t.false(session.admit(objectIn(0), 0));
    t.is(session.objects.length, 2);
    t.is(session.due, 1, 'nothing of that bucket is evaluated here');
  }
});

test('solo session: goes home with the first object for a group, whose sources may be finished while others still run', (t) => {
  const { session } = sessionOf([on('b0', 'dynamicGroup', { sources: ['f0'] }, 'f1'), on('b1', 'immediate', null, 'f0')]);
  t.true(session.admit(objectIn(1), 0), 'until then it runs here');
  t.false(session.admit(objectIn(0), 1));
});

test('solo session: goes home with an object for a primitive of the user’s own', (t) => {
  const custom = { ...on('b0', 'immediate', null, 'f0'), primitive: 'own' };
  const { session } = sessionOf([custom, on('b0', 'immediate', null, 'f1'), on('b1', 'immediate', null, 'f0')]);
  t.true(session.admit(objectIn(1), 0));
  t.false(session.admit(objectIn(0), 0));
  t.is(session.due, 1);
});

test('solo session: goes home when a trigger asks for a timer', (t) => {
  for (const [primitive, options] of [
    ['byBatchSize', { count: 3, maxWaitMs: 10, scope: 'session' }],
    ['byTime', { quietMs: 50, scope: 'session' }],
    ['byTime', { windowMs: 50, scope: 'session' }],
  ] as const) {
    const { session } = sessionOf([on('b0', primitive, options, 'f0')]);
    t.false(session.admit(objectIn(0), 0), JSON.stringify(options));
  }
});

test('solo session: a batch that an object fills at once needs no timer', (t) => {
  const { session } = sessionOf([on('b0', 'byBatchSize', { count: 1, maxWaitMs: 10, scope: 'session' }, 'f0')]);
  t.true(session.admit(objectIn(0), 0));
  t.deepEqual(beginAll(session), [{ trigger: 0, inputs: [0] }]);
});

test('solo session: goes home with an object for no bucket', (t) => {
  const { session } = sessionOf([on('b0', 'immediate', null, 'f0')]);
  t.false(session.admit(objectIn(17), 0));
});

test('solo plan: apps start at home whose triggers count losses, expect objects in time, or hear from outside', (t) => {
  const runs = (definition: AppDefinition) => canRunSolo(compileApp(definition, revision));
  const simple = appWith([on('b0', 'immediate', null, 'f0')]);
  t.true(runs(simple));
  t.true(runs(appWith([on('b0', 'byBatchSize', { count: 2 }, 'f0'), on('b1', 'dynamicJoin', null, 'f1')])));
  t.false(runs(appWith([on('b0', 'redundant', { k: 1, n: 2, sources: ['f0'] }, 'f1')])));
  const backoff = { initialMs: 0, factor: 1, maxMs: 0 };
  t.false(runs(appWith([on('b0', 'immediate', null, 'f0', { source: 'f1', key: null, timeoutMs: 10, attemptsMax: 2, backoff })])));
  t.false(runs({ ...simple, buckets: buckets.map((name) => ({ name, external: name === 'b2' })) }));
});

test('solo plan: every built-in primitive of session scope looks at nothing that a solo session does not know', (t) => {
  for (const [kind, primitive] of builtInPrimitives) {
    if (kind === 'redundant') continue;
    const options = { count: 9, keys: ['x', 'y'], key: 'x', sources: ['f0'], quietMs: 1_000, scope: 'session' };
    const [here, home] = [primitive.init(options, 0), primitive.init(options, 0)];
    const arrival = { id: 0, key: 'x', group: null, source: 1, sizeBytes: 1 };
    const solo = primitive.admit(here, { ...arrival, session: '', sourceFunction: null }, options, 0);
    const atHome = primitive.admit(home, { ...arrival, session: 'a session', sourceFunction: 'f0' }, options, 0);
    t.deepEqual([here, solo], [home, atHome], kind);
    t.is(traitsOf(primitive, options).absorbsLoss, false, kind);
  }
});

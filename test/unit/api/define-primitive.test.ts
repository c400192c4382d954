/** Custom primitives: defined by users, checked when defined and when used. */
import test from 'ava';
import { bucket, defineApp, definePrimitive, fn, immediate } from 'pheromone';

const module = import.meta.url;
const parts = bucket<number>('parts');
const nothing = () => {};
const join = fn('join', { inputs: parts }, nothing);
const step = fn('step', { input: parts }, nothing);

interface Every {
  readonly count: number;
}

const every = definePrimitive({
  kind: 'every',
  options: ({ count }: Every) => (count >= 1 ? null : 'count must be at least 1'),
  init: () => ({ held: [] as number[] }),
  admit(state, arrival, { count }) {
    state.held.push(arrival.id);
    return state.held.length < count ? [] : [{ kind: 'fire', inputs: state.held.splice(0) }];
  },
  forget: (state) => state.held,
});

/** A primitive whose initial state is `state`. */
const starting = (state: unknown) => definePrimitive({ kind: 'starting', init: () => state, admit: () => [], forget: () => [] });

test('definePrimitive: an app carries its own primitives, by kind', (t) => {
  const app = defineApp('app', { module, triggers: [parts.on(every({ count: 2 }), join), parts.on(every({ count: 3 }), join)] });
  t.deepEqual(app.definition.customPrimitives, ['every']);
  t.deepEqual([...app.customPrimitives.keys()], ['every']);
  t.like(app.definition.triggers[0], { name: 'parts-every-join', primitive: 'every', options: { count: 2 } });
});

test('definePrimitive: its own check of options refuses a trigger', (t) => {
  const error = t.throws(() => defineApp('app', { module, triggers: [parts.on(every({ count: 0 }), join)] }));
  t.like(error, { code: 'InvalidDefinition', field: 'triggers[0].options' });
  t.regex(error?.message ?? '', /parts-every-join.*count must be at least 1/);
});

test('definePrimitive: functions given as sources reach the primitive as names, and the app as functions', (t) => {
  const done = definePrimitive({
    kind: 'done',
    sources: (options: { readonly sources: readonly string[] }) => options.sources,
    init: () => null,
    admit: () => [],
    sourceDone: () => [],
    forget: () => [],
  });
  const app = defineApp('app', { module, triggers: [parts.on(done({ sources: [step] }), join)] });
  t.deepEqual(app.definition.triggers[0]?.traits.sources, ['step']);
  t.true(app.handlers.has('step'));
});

test('definePrimitive: a state of plain data is accepted, with Map, Set, Date and bytes', (t) => {
  const state = {
    map: new Map<unknown, unknown>([[1, ['a']]]),
    set: new Set(['b']),
    at: new Date(5),
    big: 2n ** 70n,
    bytes: new Uint8Array([1, 2]),
    none: null,
  };
  t.notThrows(() => defineApp('app', { module, triggers: [parts.on(starting(state)(), join)] }));
  t.notThrows(() => defineApp('app', { module, triggers: [parts.on(starting(undefined)(), join)] }));
});

class Counter {
  count = 0;
}
const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;

for (const [title, state] of Object.entries({
  'a class instance': new Counter(),
  'a function': { next: nothing },
  'a cycle': cyclic,
  'a symbol': Symbol('s'),
})) {
  test(`definePrimitive: a state with ${title} is refused by the app that uses it`, (t) => {
    const error = t.throws(() => defineApp('app', { module, triggers: [parts.on(starting(state)(), join)] }));
    t.like(error, { code: 'InvalidDefinition', field: 'triggers[0].primitive', value: 'starting' });
    t.regex(error?.message ?? '', /init must return plain data/);
  });
}

test('definePrimitive: an init that throws is refused by the app that uses it', (t) => {
  const failing = definePrimitive({
    kind: 'failing',
    init: () => {
      throw new Error('no state today');
    },
    admit: () => [],
    forget: () => [],
  });
  t.throws(() => defineApp('app', { module, triggers: [parts.on(failing(), join)] }), { message: /init failed.*no state today/ });
});

test('definePrimitive: a bad definition is refused at once, its field named', (t) => {
  const good = { kind: 'good', init: () => null, admit: () => [], forget: () => [] };
  const define = (change: object) => definePrimitive({ ...good, ...change });
  t.like(
    t.throws(() => define({ kind: 'bySet' })),
    { code: 'InvalidDefinition', field: 'kind', value: 'bySet' },
  );
  t.like(
    t.throws(() => define({ admit: 5 })),
    { code: 'InvalidDefinition', field: 'admit', value: 5 },
  );
  t.like(
    t.throws(() => define({ forgt: nothing })),
    { code: 'InvalidDefinition', field: 'forgt' },
  );
});

test('definePrimitive: two primitives of one kind do not fit into one app', (t) => {
  const [one, other] = [starting(null), starting(null)];
  const error = t.throws(() => defineApp('app', { module, triggers: [parts.on(one(), join), parts.on(other(), join)] }));
  t.like(error, { code: 'InvalidDefinition', field: 'triggers[1].primitive', value: 'starting' });
});

test('definePrimitive: arity one takes functions of a single input', (t) => {
  const each = definePrimitive({
    kind: 'each',
    arity: 'one',
    init: () => null,
    admit: (_state, arrival) => [{ kind: 'fire', inputs: [arrival.id] }],
    forget: () => [],
  });
  t.notThrows(() => defineApp('app', { module, triggers: [parts.on(each(), step), parts.on(immediate(), step)] }));
  // @ts-expect-error it gives a single input
  t.throws(() => defineApp('app', { module, triggers: [parts.on(each(), join)] }), { message: /each gives a single input/ });
});

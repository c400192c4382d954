/** What `defineApp` makes of its parts: the app as data, and the handlers. */
import test from 'ava';
import { bucket, byName, bySet, defineApp, dynamicGroup, fn, immediate, redundant, type } from 'pheromone';
import { defineTrigger, isApp } from '../../../src/api/define-app.ts';

const module = import.meta.url;
const parts = bucket<Uint8Array>('parts');
const counts = bucket<number>('counts');
const answers = bucket<string>('answers', { external: true });
const noTraits = { scope: 'session', sources: [], followsCompletion: false, absorbsLoss: false, flushesAtEnd: false, isAnnounced: false };
const nothing = () => {};

test('defineApp: collects buckets and functions from triggers, sends and sources, and fills the defaults', (t) => {
  const map = fn('map', { input: parts, sends: [counts, answers] }, nothing);
  const reduce = fn('reduce', { inputs: counts, output: type<number>() }, nothing);
  const app = defineApp('word-count', {
    module,
    triggers: [parts.on(immediate(), map), counts.on(dynamicGroup({ sources: [map] }), reduce)],
  });
  const defaults = {
    timeoutMs: null,
    retry: { attemptsMax: 1, backoff: { initialMs: 100, factor: 2, maxMs: 10_000 } },
    concurrency: 1,
    placement: 'near',
  };
  t.deepEqual(app.definition, {
    name: 'word-count',
    module,
    buckets: [
      { name: 'parts', external: false },
      { name: 'counts', external: false },
      { name: 'answers', external: true },
    ],
    functions: [
      { name: 'map', sends: ['counts', 'answers'], ...defaults },
      { name: 'reduce', sends: null, ...defaults },
    ],
    triggers: [
      { name: 'parts-immediate-map', bucket: 'parts', primitive: 'immediate', options: {}, function: 'map', rerun: null, traits: noTraits },
      {
        name: 'counts-dynamicGroup-reduce',
        bucket: 'counts',
        primitive: 'dynamicGroup',
        options: { sources: ['map'] },
        function: 'reduce',
        rerun: null,
        traits: { ...noTraits, sources: ['map'], followsCompletion: true },
      },
    ],
    customPrimitives: [],
  });
  t.true(isApp(app));
  t.deepEqual(structuredClone(app.definition), app.definition);
});

test('defineApp: a function that is only a source, only listed, or only rerun belongs to the app', (t) => {
  const source = fn('source', { input: parts, sends: [counts] }, nothing);
  const listed = fn('listed', { input: parts }, nothing);
  const late = fn('late', { input: parts }, nothing);
  const join = fn('join', { inputs: counts }, nothing);
  const app = defineApp('app', {
    module,
    triggers: [counts.on(redundant({ k: 1, n: 2, sources: [source] }), join, { rerun: { source: late, key: 'k', timeoutMs: 50 } })],
    functions: [listed],
  });
  t.deepEqual([...app.handlers.keys()].sort(), ['join', 'late', 'listed', 'source']);
  t.deepEqual(app.definition.triggers[0]?.rerun, {
    source: 'late',
    key: 'k',
    timeoutMs: 50,
    attemptsMax: 3,
    backoff: { initialMs: 0, factor: 2, maxMs: 10_000 },
  });
});

test('defineApp: default trigger names are made unique, and give way to names that were chosen', (t) => {
  const step = fn('step', { input: parts }, nothing);
  const app = defineApp('app', {
    module,
    triggers: [
      parts.on(immediate(), step),
      parts.on(immediate(), step),
      parts.on(byName({ key: 'a' }), step),
      parts.on(immediate(), step, { name: 'parts-immediate-step' }),
    ],
  });
  t.deepEqual(
    app.definition.triggers.map(({ name }) => name),
    ['parts-immediate-step-2', 'parts-immediate-step-3', 'parts-byName-step', 'parts-immediate-step'],
  );
});

test('defineApp: default trigger names of long names are cut to what a name may be, and stay unique', (t) => {
  const long = bucket<number>('b'.repeat(60));
  const step = fn('f'.repeat(60), { input: long }, nothing);
  const app = defineApp('app', { module, triggers: [long.on(immediate(), step), long.on(immediate(), step)] });
  const names = app.definition.triggers.map(({ name }) => name);
  t.is(new Set(names).size, 2);
  t.true(names.every((name) => name.length <= 64));
});

test('fn: a handler of one input gets it alone, others get the array', (t) => {
  const seen: unknown[] = [];
  const one = fn('one', { input: counts }, (input) => seen.push(input));
  const many = fn('many', { inputs: counts }, (inputs) => seen.push(inputs));
  const any = fn('any', {}, (inputs) => seen.push(inputs));
  const app = defineApp('app', {
    module,
    triggers: [counts.on(immediate(), one), counts.on(bySet({ keys: ['a'] }), many), counts.on(immediate(), any)],
  });
  const inputs = [{ key: 'a' }];
  for (const handler of app.handlers.values()) Reflect.apply(handler, null, [inputs, {}]);
  t.deepEqual(seen, [inputs[0], inputs, inputs]);
});

test('defineTrigger: a trigger for a defined app gets a free name and its traits', (t) => {
  const step = fn('step', { input: parts }, nothing);
  const join = fn('join', { inputs: parts }, nothing);
  const { definition } = defineApp('app', { module, triggers: [parts.on(immediate(), step)], functions: [join] });
  t.is(defineTrigger(definition, parts.on(immediate(), step)).name, 'parts-immediate-step-2');
  t.deepEqual(defineTrigger(definition, parts.on(dynamicGroup({ sources: [step] }), join)).traits.sources, ['step']);
});

test('defineTrigger: refuses a taken name, and a bucket or function that is not the app’s', (t) => {
  const step = fn('step', { input: parts }, nothing);
  const { definition } = defineApp('app', { module, triggers: [parts.on(immediate(), step)] });
  const refused = { code: 'InvalidDefinition' };
  t.like(
    t.throws(() => defineTrigger(definition, parts.on(immediate(), step, { name: 'parts-immediate-step' }))),
    {
      ...refused,
      field: 'trigger.name',
    },
  );
  t.like(
    t.throws(() => defineTrigger(definition, counts.on(immediate(), fn('step', { input: counts }, nothing)))),
    {
      ...refused,
      field: 'triggers[0].bucket',
      value: 'counts',
    },
  );
  t.like(
    t.throws(() => defineTrigger(definition, parts.on(immediate(), fn('other', { input: parts }, nothing)))),
    {
      ...refused,
      field: 'triggers[0].function',
      value: 'other',
    },
  );
});

/** An app for each primitive, small enough to predict. */
import {
  type Bucket,
  bucket,
  byBatchSize,
  byName,
  bySet,
  byTime,
  defineApp,
  dynamicGroup,
  dynamicJoin,
  fn,
  type Input,
  immediate,
  redundant,
  type,
} from 'pheromone';

const module = import.meta.url;
const strings = { value: type<string>() };
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What arrived, in its order: `group:key=value,…`. */
function told(inputs: readonly Input<string>[]): string {
  return inputs.map(({ key, group, value }) => `${group === null ? '' : `${group}:`}${key}=${value}`).join(',');
}

function teller<const N extends string>(from: Bucket<string, N>, name = 'tell') {
  return fn(name, { inputs: from, output: type<string>() }, (inputs, ctx) => void ctx.output(told(inputs)));
}

const each = bucket('each', strings);
export const immediateApp = defineApp('immediate', {
  module,
  triggers: [
    each.on(
      immediate(),
      fn('shout', { input: each, output: type<string>() }, ({ key, value }, ctx) => void ctx.output(`${key}=${value}!`)),
    ),
  ],
});

const asked = bucket('asked', strings);
const answers = bucket('answers', strings);
const decide = fn('decide', { input: asked, sends: [answers] }, ({ value }, ctx) => void ctx.send(answers, { key: value, value }));
const branch = (name: string) =>
  fn(name, { input: answers, output: type<string>() }, ({ value }, ctx) => void ctx.output(`${name} took ${value}`));
export const choiceApp = defineApp('choice', {
  module,
  triggers: [
    asked.on(immediate(), decide),
    answers.on(byName({ key: 'yes' }), branch('approve')),
    answers.on(byName({ key: 'no' }), branch('refuse')),
  ],
});

const parts = bucket('parts', strings);
export const setApp = defineApp('set', { module, triggers: [parts.on(bySet({ keys: ['a', 'b', 'c'] }), teller(parts))] });

const paths = bucket('paths', strings);
const leaves = bucket('leaves', strings);
/** `2/3` makes two branches, each of which makes three leaves; joined leaves are sent to the outer join. */
const split = fn('split', { input: paths, sends: [leaves] }, async ({ value }, ctx) => {
  const [outer = 0, inner = 0] = value.split('/').map(Number);
  await ctx.expect(joined, { count: outer });
  for (let branch = 0; branch < outer; branch++) {
    await ctx.expect(leaves, { group: `b${branch}`, count: inner });
    for (let leaf = 0; leaf < inner; leaf++) await ctx.send(leaves, { key: `l${leaf}`, group: `b${branch}`, value: `${branch}.${leaf}` });
  }
});
const joined = bucket('joined', strings);
const joinInner = fn('join-inner', { inputs: leaves, sends: [joined] }, async (inputs, ctx) => {
  await ctx.send(joined, {
    key: inputs[0]?.group ?? 'empty',
    value: inputs
      .map(({ value }) => value)
      .sort()
      .join('+'),
  });
});
const joinOuter = fn('join-outer', { inputs: joined, output: type<string>() }, (inputs, ctx) => {
  void ctx.output(
    inputs
      .map(({ value }) => value)
      .sort()
      .join(' | '),
  );
});
export const nestedJoinApp = defineApp('nested-join', {
  module,
  triggers: [paths.on(immediate(), split), leaves.on(dynamicJoin(), joinInner), joined.on(dynamicJoin(), joinOuter)],
});

const branches = bucket('branches', strings);
export const calledJoinApp = defineApp('called-join', { module, triggers: [branches.on(dynamicJoin(), teller(branches))] });

const doublyAsked = bucket('doubly-asked', strings);
const announce = fn('announce', { input: doublyAsked, sends: [branches] }, async ({ value }, ctx) => {
  await ctx.expect(branches, { keys: [value, 'never'] });
  await ctx.expect(branches, { keys: [value, 'never'] });
});
export const twiceAnnouncedApp = defineApp('twice-announced', {
  module,
  triggers: [doublyAsked.on(immediate(), announce), branches.on(dynamicJoin(), teller(branches))],
});

const items = bucket('items', strings);
export const sessionBatchApp = defineApp('session-batch', {
  module,
  triggers: [items.on(byBatchSize({ count: 3, scope: 'session' }), teller(items))],
});
export const cutBatchApp = defineApp('cut-batch', {
  module,
  triggers: [items.on(byBatchSize({ count: 3, scope: 'session', flushAtEnd: false }), teller(items))],
});
export const appBatchApp = defineApp('app-batch', { module, triggers: [items.on(byBatchSize({ count: 4 }), teller(items))] });
export const waitingBatchApp = defineApp('waiting-batch', {
  module,
  triggers: [items.on(byBatchSize({ count: 1_000, maxWaitMs: 20, partitionBy: 'group' }), teller(items))],
});

const events = bucket('events', strings);
export const windowApp = defineApp('window', { module, triggers: [events.on(byTime({ windowMs: 100 }), teller(events))] });
export const quietApp = defineApp('quiet', { module, triggers: [events.on(byTime({ quietMs: 300, scope: 'session' }), teller(events))] });

const raced = bucket('raced', strings);
const tries = bucket('tries', strings);
const race = fn('race', { input: raced, sends: [tries] }, ({ value }, ctx) => {
  for (const [i, how] of value.split(' ').entries()) void ctx.send(tries, { key: String(i), value: how });
});
const finished = bucket('finished', strings);
/** `win`: at once. `lose`: never, but it heeds its signal. `die`: throws. */
const runner = fn('runner', { input: tries, sends: [finished], concurrency: 8 }, async ({ key, value: how }, ctx) => {
  if (how === 'die') throw new Error('stumbled');
  if (how === 'lose') await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve(), { once: true }));
  await ctx.send(finished, { key, value: how });
});
export const raceApp = defineApp('race', {
  module,
  triggers: [
    raced.on(immediate(), race),
    tries.on(immediate(), runner),
    finished.on(redundant({ k: 2, n: 4, sources: [runner] }), teller(finished)),
  ],
});

const texts = bucket('texts', strings);
const words = bucket('words', strings);
const counts = bucket('counts', strings);
const cut = fn('cut', { input: texts, sends: [words] }, async ({ value }, ctx) => {
  for (const word of value.split(' ')) {
    await sleep(1);
    void ctx.send(words, { value: word });
  }
});
const count = fn('count', { input: words, sends: [counts] }, ({ value }, ctx) => void ctx.send(counts, { group: value, value: '1' }));
const total = fn(
  'total',
  { inputs: counts, output: type<string>() },
  (inputs, ctx) => void ctx.output(`${inputs[0]?.group}:${inputs.length}`),
);
export const groupApp = defineApp('group', {
  module,
  triggers: [texts.on(immediate(), cut), words.on(immediate(), count), counts.on(dynamicGroup({ sources: [count] }), total)],
});

export const primitiveApps = [
  immediateApp,
  choiceApp,
  setApp,
  nestedJoinApp,
  calledJoinApp,
  twiceAnnouncedApp,
  sessionBatchApp,
  cutBatchApp,
  appBatchApp,
  waitingBatchApp,
  windowApp,
  quietApp,
  raceApp,
  groupApp,
];

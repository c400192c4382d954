/** Apps whose sessions may run solo, and have to leave in every way there is. */
import { bucket, bySet, type Context, defineApp, dynamicGroup, dynamicJoin, fn, immediate, type Input, type } from 'pheromone';

const module = import.meta.url;
const strings = { value: type<string>() };
const bytes = { value: type<Uint8Array>() };
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function spin(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Also where nobody may know how long. */
function spinForEver(): never {
  for (;;) spin(1_000);
}

export interface Told {
  readonly session: string;
  readonly told: string;
}
const told = type<Told>();

/** Sends, and fails then, as it is told, at its first attempt. */
const troubled = bucket('troubled', strings);
const passed = bucket('passed', strings);
const trouble = fn(
  'trouble',
  { input: troubled, sends: [passed], retry: { attemptsMax: 2, backoff: { initialMs: 1 } }, timeoutMs: 200 },
  ({ value }, ctx): unknown => {
    void ctx.send(passed, { key: 'once', value });
    const [how, isLate] = value.split(' ');
    if (ctx.attempt === 2) return undefined;
    return isLate ? sleep(8).then(() => fail(how)) : fail(how);
  },
);
function fail(how = ''): unknown {
  if (how === 'throws') throw new Error('after it has sent');
  if (how === 'exits') process.exit(3);
  if (how === 'spins') spinForEver();
  return how === 'waits' ? new Promise(() => {}) : undefined;
}
const pass = fn(
  'pass',
  { input: passed, output: told },
  ({ key, value }, ctx) => void ctx.output({ session: ctx.session, told: `${key}=${value}` }),
);
export const troubledApp = defineApp('troubled', { module, triggers: [troubled.on(immediate(), trouble), passed.on(immediate(), pass)] });

/** The same without a second attempt. */
const doomed = bucket('doomed', strings);
const doom = fn('doom', { input: doomed, sends: [passed], output: told, timeoutMs: 500 }, ({ value }, ctx): unknown => {
  void ctx.send(passed, { value });
  return fail(value);
});
export const doomedApp = defineApp('doomed', { module, triggers: [doomed.on(immediate(), doom)] });

const asked = bucket('asked', strings);
const found = bucket('found', strings);
/** `slowly`: what it sends finds its session brought home meanwhile, and waits. */
const ask = fn('ask', { input: asked, sends: [found], output: told }, async ({ value: pace }, ctx) => {
  if (pace === 'slowly') spin(20);
  for (const value of ['1', '2', '3']) void ctx.send(found, { key: value === '3' ? 'b' : 'a', value });
  const first = await ctx.get(found, 'a');
  const missing = await ctx.get(found, 'c');
  const all = await ctx.getAll(found);
  const request = await ctx.get(asked, 'request');
  void ctx.output({
    session: ctx.session,
    told: [first?.value, missing?.value, all.map(({ key, value }) => key + value).join('+'), request?.value].join(' '),
  });
});
export const askedApp = defineApp('asked', { module, triggers: [asked.on(immediate(), ask)], buckets: [found] });

const forked = bucket('forked', strings);
const branches = bucket('branches', strings);
/** `early`: announces before it sends; `late`: when some have been sent, and have waited; `slowly`: they wait still. */
const fork = fn('fork', { input: forked, sends: [branches] }, async ({ value }, ctx) => {
  if (value === 'early') await ctx.expect(branches, { keys: ['a', 'b', 'c'] });
  if (value === 'slowly') spin(20);
  for (const key of ['c', 'a', 'a']) void ctx.send(branches, { key, value: key.toUpperCase() });
  if (value !== 'early') await ctx.expect(branches, { keys: ['a', 'b', 'c'] });
  void ctx.send(branches, { key: 'b', value: 'B' });
});
const join = fn(
  'join',
  { inputs: branches, output: told },
  (inputs, ctx) => void ctx.output({ session: ctx.session, told: inputs.map(({ value }) => value).join('') }),
);
export const forkedApp = defineApp('forked', { module, triggers: [forked.on(immediate(), fork), branches.on(dynamicJoin(), join)] });

const mapped = bucket('mapped', { value: type<number>() });
const beside = bucket('beside', { value: type<number>() });
const shuffled = bucket('shuffled', { value: type<string>() });
const map = fn('map', { input: mapped, sends: [shuffled] }, (_, ctx) => void ctx.send(shuffled, { value: 'map' }));
/** No source of the group, and it cannot lead to one. */
const goOn = fn('go-on', { input: beside, sends: [beside, shuffled] }, ({ value: left }, ctx) => {
  spin(0.5);
  void ctx.send(shuffled, { value: 'beside' });
  if (left > 1) void ctx.send(beside, { value: left - 1 });
});
const reduce = fn(
  'reduce',
  { inputs: shuffled, sends: [], output: told },
  (inputs, ctx) => void ctx.output({ session: ctx.session, told: inputs.map(({ value }) => value).join(' ') }),
);
export const shuffledApp = defineApp('shuffled', {
  module,
  triggers: [mapped.on(immediate(), map), beside.on(immediate(), goOn), shuffled.on(dynamicGroup({ sources: [map] }), reduce)],
});

const postponed = bucket('postponed', { value: type<number>() });
const due = bucket('due', { value: type<number>() });
const postpone = fn(
  'postpone',
  { input: postponed, sends: [due] },
  ({ value }, ctx) => void ctx.send(due, { value: Date.now(), delayMs: value }),
);
const arrive = fn(
  'arrive',
  { input: due, output: type<{ readonly session: string; readonly afterMs: number }>() },
  ({ value }, ctx) => void ctx.output({ session: ctx.session, afterMs: Date.now() - value }),
);
export const postponedApp = defineApp('postponed', {
  module,
  triggers: [postponed.on(immediate(), postpone), due.on(immediate(), arrive)],
});

const many = bucket('many', strings);
const more = bucket('more', strings);
const giver = (name: string, from: typeof many | typeof more, to: (typeof more)[]) =>
  fn(name, { input: from, sends: to, output: told }, async ({ value }, ctx) => {
    for (const next of to) void ctx.send(next, { value });
    if (value === 'slowly') await sleep(5);
    for (const n of [1, 2]) void ctx.output({ session: ctx.session, told: `${name} ${n}` });
  });
export const manyApp = defineApp('many', {
  module,
  triggers: [many.on(immediate(), giver('first', many, [more])), more.on(immediate(), giver('second', more, []))],
});

const filled = bucket('filled', { value: type<number>() });
const large = bucket('large', bytes);
const allocated = bucket('allocated', bytes);
/** Sends two objects of so many bytes, the second of which it fills in the store. */
const fill = fn('fill', { input: filled, sends: [large, allocated] }, async ({ value: sizeBytes }, ctx) => {
  void ctx.send(large, { key: 'sent', value: new Uint8Array(sizeBytes).fill(7) });
  const block = await ctx.allocate(allocated, { key: 'allocated', sizeBytes });
  block.bytes.fill(9);
  await block.seal();
});
const relay = fn('relay', { input: large, sends: [allocated] }, ({ value }, ctx) => {
  void ctx.send(allocated, { key: 'relayed', value });
});
/** Its output is as large. */
const measure = fn(
  'measure',
  { inputs: allocated, output: type<{ readonly session: string; readonly all: Uint8Array }>() },
  (inputs, ctx) => void ctx.output({ session: ctx.session, all: Buffer.concat(inputs.map(({ value }) => value)) }),
);
export const filledApp = defineApp('filled', {
  module,
  triggers: [filled.on(immediate(), fill), large.on(immediate(), relay), allocated.on(bySet({ keys: ['relayed', 'allocated'] }), measure)],
});

interface Changing {
  readonly list: number[];
  readonly bytes: Uint8Array;
}
const changing = bucket('changing', { value: type<Changing>() });
const changed = bucket('changed', { value: type<Changing>() });
const changedBytes = bucket('changed-bytes', bytes);
/** Changes what it has sent, at once and after a while. */
const change = fn('change', { input: changing, sends: [changed, changedBytes] }, async (input, ctx) => {
  const { list, bytes: own } = input.copy().value;
  for (const key of ['a', 'b']) {
    if (key === 'b') await ctx.get(changed, 'nothing');
    void ctx.send(changed, { key, value: { list, bytes: own } });
    void ctx.send(changedBytes, { key, value: own });
    list.push(input.value.list.length);
    own.fill(list.length);
  }
  await sleep(2);
  own.fill(99);
});
const seenIn = (inputs: readonly Input<Uint8Array>[]) => inputs.map(({ key, value }) => `${key}:${value[0]}/${value.at(-1)}`).join(' ');
const seeBytes = fn(
  'see-bytes',
  { inputs: changedBytes, sends: [changed] },
  (inputs, ctx) => void ctx.send(changed, { key: 'bytes', value: { list: [], bytes: Buffer.from(seenIn(inputs)) } }),
);
const see = fn('see', { inputs: changed, output: told }, (inputs, ctx) => {
  const seen = inputs.map(({ key, value }) =>
    key === 'bytes' ? Buffer.from(value.bytes).toString() : `${key}:${value.list.join('+')}/${value.bytes[0]}`,
  );
  void ctx.output({ session: ctx.session, told: seen.join(' ') });
});
export const changingApp = defineApp('changing', {
  module,
  triggers: [
    changing.on(immediate(), change),
    changedBytes.on(bySet({ keys: ['a', 'b'] }), seeBytes),
    changed.on(bySet({ keys: ['a', 'b', 'bytes'] }), see),
  ],
});

const raced = bucket('raced', { value: type<number>() });
const started = bucket('started', strings);
const times = bucket('times', { value: type<bigint>() });
/** Sends, and has then much to do itself, when what it has sent has left its thread. */
const race = fn('race', { input: raced, sends: [started, times] }, async ({ value: spinMs }, ctx) => {
  void ctx.send(started, { value: 'go' });
  await new Promise((resolve) => setImmediate(resolve));
  spin(spinMs);
  void ctx.send(times, { key: 'spun', value: process.hrtime.bigint() });
});
const note = fn('note', { input: started, sends: [times] }, (_, ctx) => {
  void ctx.send(times, { key: 'noted', value: process.hrtime.bigint() });
});
const compare = fn('compare', { inputs: times, output: type<{ readonly session: string; readonly leadMs: number }>() }, (inputs, ctx) => {
  const [spun = 0n, noted = 0n] = inputs.map(({ value }) => value);
  void ctx.output({ session: ctx.session, leadMs: Number(spun - noted) / 1e6 });
});
export const racedApp = defineApp('raced', {
  module,
  triggers: [raced.on(immediate(), race), started.on(immediate(), note), times.on(bySet({ keys: ['spun', 'noted'] }), compare)],
});

const halves = bucket('halves', strings);
const merge = fn('merge', { inputs: halves, output: told }, tell);
function tell(inputs: readonly Input<string>[], ctx: Context<never, Told>): void {
  void ctx.output({ session: ctx.session, told: inputs.map(({ value }) => value).join('') });
}
export const halvesApp = defineApp('halves', { module, triggers: [halves.on(bySet({ keys: ['left', 'right'] }), merge)] });

const endless = bucket('endless', strings);
const linger = fn('linger', { input: endless, output: told }, async (_, ctx) => {
  await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve(), { once: true }));
});
export const endlessApp = defineApp('endless', { module, triggers: [endless.on(immediate(), linger)] });

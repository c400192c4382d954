/** Functions that fail, wait, hang, and use their context. */
import { bucket, bySet, defineApp, fn, immediate, type } from 'pheromone';

const module = import.meta.url;
const numbers = { value: type<number>() };
const strings = { value: type<string>() };
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const fragile = bucket('fragile', numbers);
/** Succeeds at the attempt whose number it is given. */
const retried = fn(
  'retried',
  { input: fragile, output: type<number>(), retry: { attemptsMax: 3, backoff: { initialMs: 5, factor: 2, maxMs: 10 } } },
  (input, ctx) => {
    if (ctx.attempt < input.value) throw new RangeError(`attempt ${ctx.attempt} of ${input.value}`);
    void ctx.output(ctx.attempt);
  },
);
export const retryApp = defineApp('retry', { module, triggers: [fragile.on(immediate(), retried)] });

const steps = bucket('steps', strings);
const begun = bucket('begun', strings);
/** Its first attempt sends and then throws: what it sent stays, and is not sent twice. */
const stepper = fn(
  'stepper',
  { input: steps, sends: [begun], retry: { attemptsMax: 2, backoff: { initialMs: 1 } } },
  async (input, ctx) => {
    await ctx.send(begun, { key: 'once', value: input.value });
    if (ctx.attempt === 1) throw new Error('after it has sent');
  },
);
const told = fn('told', { input: begun, output: type<string>() }, (input, ctx) => void ctx.output(input.value));
export const resendApp = defineApp('resend', { module, triggers: [steps.on(immediate(), stepper), begun.on(immediate(), told)] });

const loops = bucket('loops', strings);
const spin = fn('spin', { input: loops, timeoutMs: 100 }, ({ value }) => {
  while (value === 'for ever');
});
const calm = bucket('calm', numbers);
const neighbour = fn('neighbour', { input: calm, output: type<number>() }, async ({ value }, ctx) => {
  await sleep(value);
  void ctx.output(ctx.attempt);
});
export const timeoutApp = defineApp('timeout', { module, triggers: [loops.on(immediate(), spin), calm.on(immediate(), neighbour)] });

/** Shares its executors with a loop that blocks their threads. */
const shared = bucket('shared', strings);
const sharer = fn('sharer', { input: shared, output: type<string>(), concurrency: 10 }, async ({ key }, ctx) => {
  await sleep(400);
  void ctx.output(`${key} at ${ctx.attempt > 1 ? 'another' : 'the first'} attempt`);
});
const looped = bucket('looped', strings);
const looper = fn('looper', { input: looped, concurrency: 10, timeoutMs: 100 }, ({ value }) => {
  while (value === 'for ever');
});
export const neighbourApp = defineApp('neighbour', { module, triggers: [shared.on(immediate(), sharer), looped.on(immediate(), looper)] });

/** Keeps its thread for as long as it is told, and may take its time; the other is to be quick. */
const blocked = bucket('blocked', numbers);
const blocker = fn('blocker', { input: blocked, output: type<number>(), concurrency: 10 }, ({ value: ms }, ctx) => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  void ctx.output(ctx.attempt);
});
const hurried = bucket('hurried', numbers);
const hurrier = fn('hurrier', { input: hurried, output: type<number>(), concurrency: 10, timeoutMs: 100 }, (_, ctx) => {
  void ctx.output(ctx.attempt);
});
export const blockedApp = defineApp('blocked', { module, triggers: [blocked.on(immediate(), blocker), hurried.on(immediate(), hurrier)] });

const polite = bucket('polite', strings);
const waits = fn('waits', { input: polite, output: type<string>() }, async (_, ctx) => {
  await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve(), { once: true }));
});
/** Awaits only the runtime, for something that never comes. */
const stuck = bucket('stuck', strings);
const never = bucket('never', strings);
const asks = fn('asks', { input: stuck, sends: [never] }, async (_, ctx) => {
  while (!(await ctx.get(never, 'nothing')));
});
export const signalApp = defineApp('signal', { module, triggers: [polite.on(immediate(), waits), stuck.on(immediate(), asks)] });

/** The same, for calls that run solo: an app whose sessions keep being brought home is called the long way, those of `quick` are not. */
const quick = bucket('quick', numbers);
const returns = fn('returns', { input: quick, output: type<number>() }, ({ value }, ctx) => void ctx.output(value));
export const givenUpApp = defineApp('given-up', { module, triggers: [polite.on(immediate(), waits), quick.on(immediate(), returns)] });

const naps = bucket('naps', numbers);
const nap = fn('nap', { input: naps, output: type<number>(), concurrency: 1_000 }, async ({ value }, ctx) => {
  await sleep(value);
  void ctx.output(value);
});
export const concurrencyApp = defineApp('concurrency', { module, triggers: [naps.on(immediate(), nap)] });

const started = bucket('started', strings);
const wanted = bucket('wanted', strings);
/** Delivers only at the attempt of its number: `silent` returns without, `hang` waits for its signal. */
const source = fn('source', { input: started, sends: [wanted] }, async ({ value }, ctx) => {
  const [how = '', at = '1'] = value.split(' ');
  if (ctx.attempt >= Number(at)) return void ctx.send(wanted, { key: 'result', value: `${how} ${ctx.attempt}` });
  if (how === 'hang') await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve(), { once: true }));
});
const use = fn('use', { input: wanted, output: type<string>() }, ({ value }, ctx) => void ctx.output(value));
export const rerunApp = defineApp('rerun', {
  module,
  triggers: [
    started.on(immediate(), source),
    wanted.on(immediate(), use, { name: 'watched', rerun: { source, key: 'result', timeoutMs: 150, attemptsMax: 3 } }),
  ],
});

const later = bucket('later', numbers);
const due = bucket('due', numbers);
const postpone = fn(
  'postpone',
  { input: later, sends: [due] },
  ({ value }, ctx) => void ctx.send(due, { value: Date.now(), delayMs: value }),
);
const arrive = fn('arrive', { input: due, output: type<number>() }, ({ value }, ctx) => void ctx.output(Date.now() - value));
export const delayApp = defineApp('delay', { module, triggers: [later.on(immediate(), postpone), due.on(immediate(), arrive)] });

const ranked = bucket('ranked', numbers);
const rank = fn('rank', { input: ranked, output: type<number>() }, async ({ value }, ctx) => {
  await sleep(5);
  void ctx.output(value);
});
export const priorityApp = defineApp('priority', { module, triggers: [ranked.on(immediate(), rank)] });

interface Seen {
  readonly first: string;
  readonly missing: boolean;
  readonly all: readonly string[];
  readonly session: string;
  readonly copy: string;
}
const looked = bucket('looked', strings);
const look = fn('look', { inputs: looked, output: type<Seen>() }, async (inputs, ctx) => {
  const first = await ctx.get(looked, 'a');
  const missing = await ctx.get(looked, 'nothing');
  const all = await ctx.getAll(looked);
  void ctx.output({
    first: first?.value ?? '',
    missing: missing === undefined,
    all: all.map(({ value }) => value),
    session: ctx.session,
    copy: inputs[0]?.copy().value ?? '',
  });
});
export const contextApp = defineApp('context', { module, triggers: [looked.on(bySet({ keys: ['a', 'b'] }), look)] });

const kept = bucket('kept', strings);
const keep = fn('keep', { input: kept, output: type<unknown>() }, async ({ key, value }, ctx) => {
  const before = await ctx.durable.get(key);
  await ctx.durable.put(key, { value, at: new Date(0), bytes: new Uint8Array([1, 2, 3]) });
  void ctx.output(before ?? null);
});
export const durableApp = defineApp('durable', { module, triggers: [kept.on(immediate(), keep)] });

const loud = bucket('loud', strings);
const shout = fn('shout', { input: loud, output: type<string>() }, ({ value }, ctx) => {
  if (value === 'fail') throw new Error('and nobody waits');
  console.log(`said ${value}`);
  ctx.log.warn('logged', { what: value });
  void ctx.output(value);
});
export const loudApp = defineApp('loud', { module, triggers: [loud.on(immediate(), shout)] });

export const functionApps = [
  retryApp,
  resendApp,
  timeoutApp,
  neighbourApp,
  blockedApp,
  signalApp,
  givenUpApp,
  concurrencyApp,
  rerunApp,
  delayApp,
  priorityApp,
  contextApp,
  durableApp,
];

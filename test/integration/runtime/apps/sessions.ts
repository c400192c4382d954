/** Sessions that are asked, fed from outside, joined by an id, tried again, and cancelled. */
import { bucket, bySet, defineApp, fn, immediate, type } from 'pheromone';

const module = import.meta.url;
const strings = { value: type<string>() };
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const requests = bucket('requests', strings);
const verdicts = bucket('verdicts', { value: type<{ readonly ok: boolean }>(), external: true });
const file = fn('file', { input: requests, sends: [] }, () => undefined);
const settle = fn('settle', { inputs: verdicts, output: type<string>() }, (inputs, ctx) => {
  void ctx.output(inputs.map(({ key, value }) => `${key}:${value.ok}`).join(' '));
});
export const approvalApp = defineApp('approval', {
  module,
  triggers: [requests.on(immediate(), file), verdicts.on(bySet({ keys: ['boss', 'auditor'] }), settle)],
});

const slow = bucket('slow', strings);
const work = fn('work', { input: slow, output: type<string>() }, async ({ value }, ctx) => {
  await sleep(100);
  void ctx.output(`${value}:${ctx.session}`);
});
export const slowApp = defineApp('slow', { module, triggers: [slow.on(immediate(), work)] });

const flaky = bucket('flaky', strings);
/** Each session has a luck of its own: what is in the durable store says how often it failed already. */
const gamble = fn('gamble', { input: flaky, output: type<number>() }, async ({ value }, ctx) => {
  const tries = ((await ctx.durable.get<number>(value)) ?? 0) + 1;
  await ctx.durable.put(value, tries);
  if (tries < 3) throw new Error(`try ${tries}`);
  void ctx.output(tries);
});
export const flakyApp = defineApp('flaky', { module, triggers: [flaky.on(immediate(), gamble)] });

const many = bucket('many', strings);
const outputsThenFails = fn('outputs-then-fails', { input: many, output: type<number>() }, async ({ value }, ctx) => {
  for (let i = 0; i < 3; i++) await ctx.output(i);
  if (value === 'fail') throw new Error('after three outputs');
});
export const outputsApp = defineApp('outputs', { module, triggers: [many.on(immediate(), outputsThenFails)] });

const stored = bucket('stored', { value: type<Uint8Array>() });
const gate = bucket('gate', { ...strings, external: true });
const pass = fn('pass', { input: gate, output: type<string>() }, ({ value }, ctx) => void ctx.output(value));
export const storedApp = defineApp('stored', { module, triggers: [gate.on(immediate(), pass)], buckets: [stored] });

const begin = bucket('begin', { value: type<number>() });
const pieces = bucket('pieces', { value: type<Uint8Array>() });
/** Waits for so many pieces, and tells their sizes in the order of their admission. */
const collect = fn('collect', { input: begin, sends: [pieces], output: type<readonly number[]>() }, async ({ value: count }, ctx) => {
  for (;;) {
    const found = await ctx.getAll(pieces);
    if (found.length === count) return void ctx.output(found.map(({ bytes }) => bytes.byteLength));
    await sleep(5);
  }
});
export const orderedApp = defineApp('ordered', { module, triggers: [begin.on(immediate(), collect)] });

export const sessionApps = [orderedApp, approvalApp, slowApp, flakyApp, outputsApp, storedApp];

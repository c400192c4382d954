/** Large objects, and sessions that wait for their clients. */
import { setTimeout as sleep } from 'node:timers/promises';
import { bucket, bySet, defineApp, fn, immediate, type } from 'pheromone';

const module = import.meta.url;
const bytes = { value: type<Uint8Array>() };
const numbers = { value: type<number>() };

/** Gives back what it gets, by way of another function. */
const given = bucket('given', bytes);
const passed = bucket('passed', bytes);
const pass = fn('pass', { input: given, sends: [passed] }, ({ value }, ctx) => void ctx.send(passed, { value }));
const back = fn('back', { input: passed, output: type<Uint8Array>() }, ({ value }, ctx) => void ctx.output(value));
export const copyApp = defineApp('copy', { module, triggers: [given.on(immediate(), pass), passed.on(immediate(), back)] });

export const largeBytes = 10 * 2 ** 20;
/** What it outputs is large, after so many milliseconds, and again as long afterwards. */
const asked = bucket('asked', numbers);
const answer = fn('answer', { input: asked, output: type<Uint8Array>(), concurrency: 10 }, async ({ value: waitMs }, ctx) => {
  for (let i = 1; i <= 2; i++) {
    await sleep(waitMs);
    await ctx.output(new Uint8Array(10 * 2 ** 20).fill(i));
  }
});
export const answerApp = defineApp('answer', { module, triggers: [asked.on(immediate(), answer)] });

/** Waits until it is told, from outside, to end; its output is the process that it has run in. */
const opened = bucket('opened', numbers);
const told = bucket('told', { ...numbers, external: true });
const wait = fn('wait', { input: opened, sends: [] }, () => undefined);
const end = fn('end', { inputs: told, output: type<number>() }, (_, ctx) => void ctx.output(process.pid));
export const waitingApp = defineApp('waiting', {
  module,
  triggers: [opened.on(immediate(), wait), told.on(bySet({ keys: ['end'] }), end)],
});

/** Sleeps, and says in which process. */
const naps = bucket('naps', numbers);
const nap = fn('nap', { input: naps, output: type<number>(), concurrency: 1_000 }, async ({ value }, ctx) => {
  await sleep(value);
  void ctx.output(process.pid);
});
export const napsApp = defineApp('naps', { module, triggers: [naps.on(immediate(), nap)] });

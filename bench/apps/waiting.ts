/** Apps that wait: functions that sleep, and sessions that are open until something comes from outside. */
import { setTimeout as sleep } from 'node:timers/promises';
import { bucket, defineApp, dynamicJoin, fn, immediate, type } from 'pheromone';

const module = import.meta.url;

export const sleepers = 4_000;

// #region sleep
const nights = bucket('nights', { value: type<number>() });
const beds = bucket('beds', { value: type<{ ms: number; bed: number }>() });
const mornings = bucket('mornings', { value: type<number>() });
const dusk = fn('dusk', { input: nights, sends: [beds] }, async ({ value: ms }, ctx) => {
  await ctx.expect(mornings, { count: sleepers });
  for (let bed = 0; bed < sleepers; bed++) await ctx.send(beds, { value: { ms, bed } });
});
const doze = fn('doze', { input: beds, sends: [mornings], concurrency: sleepers }, async ({ value: { ms, bed } }, ctx) => {
  await sleep(ms);
  await ctx.send(mornings, { value: bed });
});
const dawn = fn('dawn', { inputs: mornings, output: type<number>() }, async (inputs, ctx) => {
  await ctx.output(new Set(inputs.map(({ value }) => value)).size);
});
/** Sleeps so many milliseconds in 4,000 beds, and tells how many have woken. */
export const sleep4000 = defineApp('sleep', {
  module,
  triggers: [nights.on(immediate(), dusk), beds.on(immediate(), doze), mornings.on(dynamicJoin(), dawn)],
});
// #endregion

const requests = bucket('requests', { value: type<number>() });
const answers = bucket('answers', { value: type<number>(), external: true });
const file = fn('file', { input: requests, sends: [] }, () => undefined);
const settle = fn('settle', { input: answers, output: type<number>() }, (input, ctx) => void ctx.output(input.value));
/** A session is open until its answer comes. */
export const waiting = defineApp('waiting', { module, triggers: [requests.on(immediate(), file), answers.on(immediate(), settle)] });

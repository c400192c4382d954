/**
 * The same question to n replicas, of which the first k answers do.
 *
 *     questions ──immediate──► replica (n times) ──► answers ──redundant──► decide ──► output
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { bucket, defineApp, fn, immediate, type } from 'pheromone';

export interface Question {
  /** How long this replica takes. */
  readonly delayMs: number;
}

const questions = bucket('questions', { value: type<Question>() });
export const answers = bucket('answers', { value: type<string>() });

/** Waiting takes no thread: an executor may wait for many. What is not needed any more is aborted by the signal. */
export const replica = fn('replica', { input: questions, sends: [answers], concurrency: 1_000 }, async ({ key, value }, ctx) => {
  await sleep(value.delayMs, undefined, { signal: ctx.signal });
  await ctx.send(answers, { key, value: key });
});

/** Who has answered. */
export const decide = fn('decide', { inputs: answers, output: type<string[]>() }, async (inputs, ctx) => {
  await ctx.output(inputs.map(({ value }) => value));
});

/** k and n are not known here: the trigger comes at run time. */
export default defineApp('redundant', { module: import.meta.url, triggers: [questions.on(immediate(), replica)], functions: [decide] });

/** The apps of the programs. */
import { bucket, defineApp, fn, immediate } from 'pheromone';

const module = import.meta.url;

const questions = bucket('questions');
const answer = fn('answer', { input: questions, output: {} }, (input, ctx) => void ctx.output(Number(input.value) + 1));
export const one = defineApp('one', { module, triggers: [questions.on(immediate(), answer)] });

const requests = bucket('requests');
const answers = bucket('answers', { external: true });
const file = fn('file', { input: requests, sends: [] }, () => undefined);
const settle = fn('settle', { input: answers, output: {} }, (input, ctx) => void ctx.output(input.value));
/** A session is open until its answer comes. */
export const waiting = defineApp('waiting', { module, triggers: [requests.on(immediate(), file), answers.on(immediate(), settle)] });

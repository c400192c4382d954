/** Hand-overs that are forced: functions that rather run on another executor than the one before, and say if they did not. */
import { threadId } from 'node:worker_threads';
import { bucket, defineApp, fn, immediate, type } from 'pheromone';

const module = import.meta.url;

/** How many hops are left, times `threads`, plus the thread of the last. */
const tokens = bucket('tokens', { value: type<number>() });
const threads = 1_000;
const step = fn('step', { input: tokens, sends: [tokens], output: type<number>(), placement: 'spread' }, (input, ctx) => {
  const left = Math.floor(input.value / threads);
  // A few stay where they are: when the other executor has just gone to sleep, or is not yet there.
  const stayed = input.value % threads === threadId;
  if (left === 0) void ctx.output(0);
  else void ctx.send(tokens, { value: (stayed ? left : left - 1) * threads + threadId });
});
/** Counts a hop only if it went to another thread. */
export const hops = defineApp('hops', { module, triggers: [tokens.on(immediate(), step)] });
export const tokenOf = (left: number) => left * threads;

const naps = bucket('naps', { value: type<number>() });
/** When, in nanoseconds; the thread is the key. A bare thread sends no more than that either. */
const sent = bucket('sent', { value: type<number>() });
const nowNs = () => Number(process.hrtime.bigint());
/** Busy for so long that the others go to sleep, and not so long that the session is taken to where they are. */
const send = fn('send', { input: naps, sends: [sent] }, (input, ctx) => {
  const until = performance.now() + input.value;
  while (performance.now() < until);
  void ctx.send(sent, { key: String(threadId), value: nowNs() });
});
const receive = fn('receive', { input: sent, output: type<number | null>(), placement: 'spread' }, (input, ctx) => {
  const tookNs = nowNs() - input.value;
  void ctx.output(String(threadId) === input.key ? null : tookNs / 1_000);
});
/** Gives the microseconds from `send` to the start of the receiver; null if that ran in the same thread. */
export const parkedHop = defineApp('parked-hop', { module, triggers: [naps.on(immediate(), send), sent.on(immediate(), receive)] });

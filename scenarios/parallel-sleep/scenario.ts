/** Shows that functions which wait are limited by no number of threads: all of a crowd sleep at the same time. */
import { defineScenario } from '../scenario.ts';
import app, { type Slept } from './app.ts';

/** Clocks are read in whole milliseconds, and a timer may be one early. */
const earlyMsMax = 2;

export default defineScenario({
  about: 'thousands of functions that sleep at the same time (concurrency)',
  app,
  options: {
    count: { about: 'functions', default: 4_000, min: 1, max: 100_000 },
    ms: { about: 'how long each sleeps', default: 1_000, min: 1, max: 600_000 },
  },
  async run(runtime, { count, ms }, stage) {
    stage.expectInvocations(2 * count);
    const sleepAll = (each: number) =>
      runtime.call(app, { naps: Array.from({ length: count }, (_, number) => ({ value: { number, ms: each } })) }, { until: 'end' });
    // The first crowd pays for code that is loaded and compiled.
    await sleepAll(1);
    const startedMs = performance.now();
    const slept = await sleepAll(ms);
    const allMs = Math.round(performance.now() - startedMs);
    const tooShort = slept.filter(({ fromMs, untilMs }) => untilMs - fromMs < ms - earlyMsMax).length;
    return {
      result: { ran: new Set(slept.map(({ number }) => number)).size, allMs, idealMs: ms, atOnce: mostAtOnce(slept) },
      details: { outputs: slept.length, tooShort },
      expected: { ran: count, outputs: count, tooShort: 0 },
      work: { unit: 'functions', amount: 2 * count },
    };
  },
});

/** How many slept at the moment when most did. */
function mostAtOnce(slept: readonly Slept[]): number {
  const begins = slept.map(({ fromMs }) => fromMs).sort((a, b) => a - b);
  const ends = slept.map(({ untilMs }) => untilMs).sort((a, b) => a - b);
  let most = 0;
  let ended = 0;
  for (const [begun, fromMs] of begins.entries()) {
    while ((ends[ended] ?? Number.POSITIVE_INFINITY) < fromMs) ended++;
    most = Math.max(most, begun + 1 - ended);
  }
  return most;
}

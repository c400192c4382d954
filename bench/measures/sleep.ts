/** Functions that only wait, all at once: they should take no longer than one of them. */
import type { Runtime } from 'pheromone';
import { sleep4000, sleepers } from '../apps/waiting.ts';
import { type Measure, timed } from '../measure.ts';
import { check, ours } from '../runtime.ts';

const ms = 1_000;

// #region sleep
const callSleep = (runtime: Runtime) => runtime.call(sleep4000, 'nights', ms);
// #endregion

export const sleepMeasures: readonly Measure[] = [
  ours('sleep', 'ms', sleep4000, { count: sleepers, ms }, async (runtime) => [
    await timed(async () => check((await callSleep(runtime)) === sleepers, 'sleep')),
  ]),
];

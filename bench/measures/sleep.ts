/** Functions that only wait, all at once: they should take no longer than one of them. */
import type { Runtime } from 'pheromone';
import { sleep4000, sleepers } from '../apps/waiting.ts';
import { type Measure, timed } from '../measure.ts';
import { check, ours } from '../runtime.ts';

const ms = 1_000;
/** Shorter nights before it is measured. */
const warmUps = 25;
const warmUpMs = 100;

// #region sleep
const callSleep = (runtime: Runtime, nightMs: number) => runtime.call(sleep4000, 'nights', nightMs);
// #endregion

const sleepAll = async (runtime: Runtime, nightMs: number) => check((await callSleep(runtime, nightMs)) === sleepers, 'sleep');

export const sleepMeasures: readonly Measure[] = [
  ours(
    'sleep',
    'ms',
    sleep4000,
    { count: sleepers, ms, warmUps },
    async (runtime) => [await timed(() => sleepAll(runtime, ms))],
    async (runtime) => {
      for (let i = 0; i < warmUps; i++) await sleepAll(runtime, warmUpMs);
    },
  ),
];

/** Fan-out to 16 no-ops and their join. */
import type { Runtime } from 'pheromone';
import { fan, fanSum, fanWidth } from '../apps/paths.ts';
import { type Measure, timed, warmUp } from '../measure.ts';
import { check, ours } from '../runtime.ts';

const times = 50;
const warmUps = 2_000;

// #region fan
const callFan = (runtime: Runtime) => runtime.call(fan, 'starts', null);
// #endregion

export const fanMeasures: readonly Measure[] = [
  ours(
    'fan',
    'ms',
    fan,
    { width: fanWidth, warmUps },
    async (runtime) => {
      const values = [];
      for (let i = 0; i < times; i++) values.push(await timed(async () => check((await callFan(runtime)) === fanSum, 'fan')));
      return values;
    },
    (runtime) => warmUp(warmUps, () => callFan(runtime)),
  ),
];

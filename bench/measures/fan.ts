/** Fan-out to 16 no-ops and their join. */
import { fan, fanWidth } from '../apps/paths.ts';
import { type Measure, timed } from '../measure.ts';
import { check, ours } from '../runtime.ts';

export const times = 50;
export const warmUps = 2_000;

export const fanMeasures: readonly Measure[] = [
  ours(
    'fan',
    'ms',
    fan,
    { width: fanWidth, warmUps },
    async (runtime) => {
      const values = [];
      for (let i = 0; i < times; i++)
        values.push(await timed(async () => check((await runtime.call(fan, 'starts', null)) === fanWidth, 'fan')));
      return values;
    },
    async (runtime) => {
      for (let i = 0; i < warmUps; i++) await runtime.call(fan, 'starts', null);
    },
  ),
];

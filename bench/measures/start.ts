/** From `startLocal` to the first answer, in a fresh process. */
import { runProgram } from '../child.ts';
import type { Measure } from '../measure.ts';

const times = 3;

export const startMeasures: readonly Measure[] = [
  {
    name: 'start',
    system: 'pheromone',
    unit: 'ms',
    settings: { executors: 2, to: 'first answer', processes: times },
    async prepare() {
      const sample = async () => {
        const values = [];
        for (let i = 0; i < times; i++) values.push((await runProgram<{ startMs: number }>('start.mjs', 0)).startMs);
        return values;
      };
      return { sample, close: async () => undefined };
    },
  },
];

/** What a runtime costs that has nothing to do: memory of the whole process, and its processor time. */
import { runProgram } from '../child.ts';
import type { Measure } from '../measure.ts';

const idleMs = 3_000;

const idle = (unit: string, of: 'rssMB' | 'cpuPercent'): Measure => ({
  name: 'idle',
  system: 'pheromone',
  unit,
  settings: { executors: 2, for: `${idleMs} ms` },
  async prepare() {
    const sample = async () => [(await runProgram<Record<typeof of, number>>('start.mjs', idleMs))[of]];
    return { sample, close: async () => undefined };
  },
});

export const idleMeasures: readonly Measure[] = [idle('MB resident', 'rssMB'), idle('% of a processor', 'cpuPercent')];

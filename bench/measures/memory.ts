/** What sessions leave behind when they have ended, and what they hold while they are open: of the whole process, all threads. */
import { runProgram } from '../child.ts';
import type { Measure } from '../measure.ts';
import { executors } from '../runtime.ts';

const finished = { from: 10_000, to: 1_000_000 };
const open = 100_000;

export const memoryMeasures: readonly Measure[] = [
  once('MB', { sessions: `finished, from ${finished.from} to ${finished.to}`, open: 1_024 }, async () => {
    const { growth } = await runProgram<{ growth: number }>('memory.mjs', 'finished', finished.from, finished.to);
    return growth / 1e6;
  }),
  once('bytes/open session', { sessions: `${open} that wait for an answer from outside` }, async () => {
    const { growth } = await runProgram<{ growth: number }>('memory.mjs', 'open', open);
    return growth / open;
  }),
];

/** Measured while it is prepared: one process of some minutes says enough, and each round tells of the same. */
function once(unit: string, settings: Measure['settings'], measure: () => Promise<number>): Measure {
  return {
    name: 'memory',
    system: 'pheromone',
    unit,
    settings: { executors, ...settings, processes: 1 },
    async prepare() {
      const value = await measure();
      return { sample: async () => [value], close: async () => undefined };
    },
  };
}

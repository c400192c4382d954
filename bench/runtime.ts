/** Our system, for measures: a runtime with one of the measured apps. */
import { type App, type Runtime, startLocal } from 'pheromone';
import type { Measure, Prepared } from './measure.ts';

export const executors = 2;

/** A measure of ours: `sample` gets a running runtime. */
export function ours(
  name: string,
  unit: string,
  app: App,
  settings: Measure['settings'],
  sample: (runtime: Runtime) => Promise<readonly number[]>,
  /** Before, not counted: so that it is measured in a process that has been at work for a while, and whose code is compiled. */
  warmUp?: (runtime: Runtime) => Promise<unknown>,
): Measure {
  return {
    name,
    system: 'pheromone',
    durable: false,
    unit,
    settings: { executors, ...settings },
    async prepare(): Promise<Prepared> {
      // #region open
      const runtime = await startLocal({ apps: [app], executors });
      // #endregion
      try {
        await warmUp?.(runtime);
      } catch (error) {
        await runtime.close();
        throw error;
      }
      return { sample: () => sample(runtime), close: () => runtime.close() };
    },
  };
}

export function check(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(`wrong result: ${what}`);
}

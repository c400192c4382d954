/** Where the time of one hop goes. Its parts by themselves are a little faster than together. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Measure } from '../measure.ts';
import * as steps from '../programs/hop-steps.ts';

const entry = fileURLToPath(new URL('../programs/hop-steps.ts', import.meta.url));
/** Beside the package that was built, which it finds from there. */
const outfile = fileURLToPath(new URL('../../dist/bench/hop-steps.mjs', import.meta.url));

let built: Promise<typeof steps> | null = null;

async function bundle(): Promise<typeof steps> {
  const external = ['pheromone', 'koffi'];
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external,
    logLevel: 'error',
  });
  return (await import(pathToFileURL(outfile).href)) as typeof steps;
}

const measureOf = (step: string): Measure => ({
  name: 'budget',
  system: 'pheromone',
  unit: 'ns',
  settings: { step, chain: steps.hops },
  async prepare() {
    const { prepareStep } = await (built ??= bundle());
    return { sample: prepareStep(step), close: async () => undefined };
  },
});

export const budgetMeasures: readonly Measure[] = steps.names.map(measureOf);

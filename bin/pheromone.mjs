#!/usr/bin/env node
/**
 * Starts the command line: what was built, or in a checkout the sources.
 *
 * The sources are TypeScript, so tsx is registered first, and a hook that stands for `--conditions=source`: scenarios import
 * `pheromone` by its name, and that must be the same sources. Both run in this process; a second one would outlive a `kill -9`.
 */
import { existsSync } from 'node:fs';
import { register } from 'node:module';

const source = new URL('../src/api/cli/main.ts', import.meta.url);
const built = new URL('../dist/cli.js', import.meta.url);

const sourceCondition =
  'export const resolve = (name, context, next) => next(name, { ...context, conditions: [...context.conditions, "source"] });';

if (existsSync(source)) {
  // Its cache would be left behind in the directory for temporary files.
  process.env.TSX_DISABLE_CACHE ??= '1';
  register(`data:text/javascript,${encodeURIComponent(sourceCondition)}`);
  const tsx = await import('tsx/esm/api');
  tsx.register();
}
const { main } = await import(existsSync(source) ? source.href : built.href);
process.exitCode = await main(process.argv.slice(2));

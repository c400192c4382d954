/** The functions as a module of plain JavaScript, for threads and processes of peers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

let file: Promise<string> | null = null;

/** The path of an `.mjs` that exports `mapPart` and `reduceShare`; it is gone when this process ends. */
export function functionsFile(): Promise<string> {
  file ??= bundle();
  return file;
}

async function bundle(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'pheromone-bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const outfile = join(directory, 'word-count.mjs');
  const entry = fileURLToPath(new URL('functions.ts', import.meta.url));
  await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error' });
  return outfile;
}

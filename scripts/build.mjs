/**
 * `build.mjs [DIRECTORY]`: what is published, into `dist`, beside the declarations by tsc (`npm run build` runs it first): one file each for
 * the library, the MapReduce library on it, the command line and our two kinds of threads. A thread, or a user's program, that loads one
 * file instead of sixty starts in a third of the time and takes some megabytes less.
 */
import { fileURLToPath } from 'node:url';
import { resolve } from 'node:path';
import { build } from 'esbuild';

const [, , directory = 'dist'] = process.argv;
const outdir = resolve(directory);
const root = fileURLToPath(new URL('..', import.meta.url));
const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
  sourcemap: 'linked',
  absWorkingDir: root,
};

await build({
  ...shared,
  entryPoints: { index: 'src/index.ts', 'mapreduce/index': 'src/mapreduce/index.ts', cli: 'src/api/cli/main.ts' },
  format: 'esm',
  splitting: true,
  outdir,
  packages: 'external',
});

await build({
  ...shared,
  entryPoints: ['src/cluster/node/node-thread.ts', 'src/cluster/executors/executor-thread.ts'],
  format: 'cjs',
  // Where `thread-code.ts`, part of the library's file, looks for them.
  outdir,
  outbase: 'src/cluster',
  outExtension: { '.js': '.cjs' },
  // These have native code, or are rarely needed.
  external: ['koffi', 'lmdb', 'esbuild', 'pino'],
  define: { 'import.meta.url': '__threadUrl' },
  banner: { js: "const __threadUrl = require('node:url').pathToFileURL(__filename).href;" },
});

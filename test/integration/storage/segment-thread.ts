/**
 * Runs TypeScript that uses the storage in a real thread: bundled, since a thread of Node 20 cannot load `.ts`.
 */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));

/** `source` may import from `storage/…`, and finds `data` as `workerData`. */
export async function startThread(source: string, data: unknown): Promise<Worker> {
  const storage = fileURLToPath(new URL('../../../src/storage', import.meta.url));
  const { outputFiles } = await build({
    stdin: { contents: source, loader: 'ts', resolveDir: here },
    alias: { storage },
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    packages: 'external',
    // The bundle is no file: what it requires is found from here.
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(`${here}thread.mjs`).href) },
  });
  return new Worker(outputFiles[0]!.text, { eval: true, workerData: data });
}

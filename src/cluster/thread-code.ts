/**
 * The code of our own threads. Built, each is one file beside the library's (`scripts/build.mjs`). From a checkout it is TypeScript, which a thread of Node 20 cannot load: it is bundled once
 * per process, in memory, and threads run the text.
 */
import { fileURLToPath } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

export type ThreadCode = { readonly kind: 'file'; readonly url: string } | { readonly kind: 'text'; readonly text: string };

const bundled = new Map<string, Promise<ThreadCode>>();

/** `path`: of the entry, without its extension, from this folder. */
export function threadCode(path: string): Promise<ThreadCode> {
  if (!import.meta.url.endsWith('.ts')) return Promise.resolve({ kind: 'file', url: new URL(`${path}.cjs`, import.meta.url).href });
  let code = bundled.get(path);
  if (!code) {
    code = bundleThread(new URL(`${path}.ts`, import.meta.url));
    bundled.set(path, code);
  }
  return code;
}

export function startWorker(code: ThreadCode, options: WorkerOptions): Worker {
  return code.kind === 'file' ? new Worker(new URL(code.url), options) : new Worker(code.text, { ...options, eval: true });
}

/** Packages with native code stay imports; they resolve from here. */
const external = ['koffi', 'lmdb', 'esbuild', 'pino'];

async function bundleThread(entry: URL): Promise<ThreadCode> {
  const { buildOne } = await import('./esbuild.ts');
  const file = fileURLToPath(entry);
  const { text } = await buildOne({ entryPoints: [file], external, define: { 'import.meta.url': '__threadUrl' } });
  const scope = `require('node:module').createRequire(${JSON.stringify(file)}), ${JSON.stringify(entry.href)}`;
  return { kind: 'text', text: `(function (require, __threadUrl) {${text}\n})(${scope});` };
}

/**
 * An app's module as one file of JavaScript: what executors run, and what a cluster stores and ships.
 *
 * Modules may be TypeScript, which Node 20 cannot load in a worker thread; a bundle costs a few milliseconds once, and a thread
 * then loads one file. `pheromone` stays outside: the executor that loads the bundle provides it (`load-bundle.ts`). What is built on
 * it, `pheromone/mapreduce`, goes into the bundle as any other library does.
 *
 *   B1  Nothing is written to disk; the source map is in the code.
 *   B2  The bundler's service process ends with the last bundling that is under way.
 */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildFailure, Message } from 'esbuild';
import type { CodeBundle } from '../actors/protocol/coordinator.ts';
import { errorData } from '../actors/protocol/error.ts';
import { errors } from '../api/errors.ts';
import { cut } from '../api/thrown.ts';
import { bundleFile } from './bundle-file.ts';
import { buildOne } from './esbuild.ts';

export interface BundleRequest {
  /** The file: URL of the app's module. */
  readonly module: string;
  /** Packages to be left out: those with native code. Their imports resolve from the module's place when the bundle is loaded. */
  readonly external?: readonly string[];
}

/** Ours, whatever version lies beside the module: it and `pheromone` belong together. */
const mapReduceFile = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../mapreduce/index.ts' : './mapreduce/index.js', import.meta.url),
);

/** By module and externals. Only successes, and what is under way, are kept. */
const bundles = new Map<string, Promise<CodeBundle>>();

/**
 * Bundles a module, once: until `forgetBundle` the same result is given again, even if the file has changed.
 * Rejects with `ModuleFailed`, whose message has the place of each error as file:line:column.
 */
export function bundleApp(request: BundleRequest): Promise<CodeBundle> {
  const cacheKey = keyOf(request);
  const known = bundles.get(cacheKey);
  if (known) return known;
  const bundled = runBundler(request).catch((failure: unknown) => {
    if (bundles.get(cacheKey) === bundled) bundles.delete(cacheKey);
    throw moduleFailed(request.module, failure);
  });
  bundles.set(cacheKey, bundled);
  return bundled;
}

/** The next `bundleApp` reads the module anew. */
export function forgetBundle(request: BundleRequest): void {
  bundles.delete(keyOf(request));
}

function keyOf({ module, external = [] }: BundleRequest): string {
  return JSON.stringify([module, ...external]);
}

async function runBundler({ module, external = [] }: BundleRequest): Promise<CodeBundle> {
  const file = fileURLToPath(module);
  const place = {
    'import.meta.url': JSON.stringify(module),
    'import.meta.filename': JSON.stringify(file),
    'import.meta.dirname': JSON.stringify(dirname(file)),
  };
  const output = await buildOne({
    entryPoints: [file],
    absWorkingDir: dirname(file),
    outfile: bundleFile(module),
    keepNames: true,
    sourcemap: 'inline',
    sourcesContent: false,
    external: ['pheromone', ...external],
    alias: { 'pheromone/mapreduce': mapReduceFile },
    // CommonJS has no import.meta; the module is where its author wrote it, not where the bundle is loaded.
    define: place,
  });
  const { contents, text } = output;
  return { hash: hashOf(contents), code: text, content: hashOf(contentOf(text, place)), module };
}

/** The code without its source map, and with the names of what tells the place instead of the place. */
function contentOf(code: string, place: Readonly<Record<string, string>>): string {
  const mapAt = code.lastIndexOf('//# sourceMappingURL=');
  let content = mapAt === -1 ? code : code.slice(0, mapAt);
  for (const [name, value] of Object.entries(place)) content = content.replaceAll(value, name);
  return content;
}

function hashOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function moduleFailed(module: string, failure: unknown): Error {
  const messages = isBuildFailure(failure) ? failure.errors.map(textOf) : [failure instanceof Error ? failure.message : String(failure)];
  const text = cut(`module ${module} cannot be bundled:\n${messages.join('\n')}`);
  return new errors.ModuleFailed(errorData('ModuleFailed', text, { module }), failure);
}

function isBuildFailure(failure: unknown): failure is BuildFailure {
  return failure instanceof Error && 'errors' in failure && Array.isArray(failure.errors);
}

function textOf({ text, location, notes }: Message): string {
  const place = location ? `${location.file}:${location.line}:${location.column + 1}: ` : '';
  const hint = /No loader is configured for "\.node"/.test(text) ? ' (list packages with native code in the `external` of defineApp)' : '';
  return [`${place}${text}${hint}`, ...notes.map((note) => `  ${note.text}`)].join('\n');
}

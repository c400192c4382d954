/**
 * Loading a bundle in the current thread: evaluates its CommonJS code and finds the app among its exports.
 *
 * The code is compiled as a module of Node under `bundleFile`, so that with `process.setSourceMapsEnabled(true)` (before loading)
 * stack traces show the lines of the sources. Nothing is kept in Node's module cache: a revision that is dropped is garbage.
 */
import Module, { createRequire } from 'node:module';
import { errorData } from '../actors/protocol/error.ts';
import type { CodeBundle } from '../actors/protocol/coordinator.ts';
import { type App, isApp } from '../api/define-app.ts';
import { errors } from '../api/errors.ts';
import { cut, printed, thrownFrom } from '../api/thrown.ts';
import { bundleFile } from './bundle-file.ts';

/** What `module._compile` is; the types of Node leave it out. */
interface Compilable {
  require(id: string): unknown;
  _compile(code: string, file: string): void;
  filename: string;
  exports: unknown;
}

/**
 * Runs the bundle's code; its `import … from 'pheromone'` gets `library`, other imports that were left in it resolve from the
 * module's place. Returns what it exports, whatever that is. Throws `ModuleFailed`, with what the module threw as its cause.
 */
export function loadBundle(bundle: CodeBundle, library: object): unknown {
  const file = bundleFile(bundle.module);
  const requireFromModule = createRequire(bundle.module);
  const module = new Module(file) as unknown as Compilable;
  module.filename = file;
  module.require = (id) => (id === 'pheromone' ? library : requireFromModule(id));
  try {
    module._compile(bundle.code, file);
  } catch (error) {
    throw importFailed(bundle.module, error);
  }
  return module.exports;
}

/** The app called `name` among the exports of a loaded module, default or named. Throws `ModuleFailed`, saying what there is instead. */
export function findApp(exports: unknown, name: string, module: string): App {
  const apps = [exports, ...Object.values((exports ?? {}) as Record<string, unknown>)].filter(isApp);
  const app = apps.find((candidate) => candidate.name === name);
  if (app) return app;
  const others = apps.map((other) => other.name).join(', ');
  const found = others ? `its apps are ${others}` : `it exports ${Object.keys(exports ?? {}).join(', ') || 'nothing'}`;
  const text = `module ${module} does not export the app ${name} (${found}): export what defineApp returns, by name or as the default`;
  throw new errors.ModuleFailed(errorData('ModuleFailed', cut(text), { module, app: name }));
}

function importFailed(module: string, error: unknown): Error {
  const thrown = thrownFrom(error);
  const text = cut(`module ${module} failed to import: ${thrown.stack === null ? printed(error) : `${thrown.name}: ${thrown.message}`}`);
  return new errors.ModuleFailed(errorData('ModuleFailed', text, { module }, false, thrown), error);
}

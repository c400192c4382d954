/** App modules bundled and loaded: TypeScript, imports, stack traces, and all that can be wrong with a module. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { defineApp, errors } from 'pheromone';
import * as library from 'pheromone';
import type { Input } from 'pheromone';
import { bundleApp, forgetBundle } from '../../../src/cluster/bundle.ts';
import { findApp, loadBundle } from '../../../src/cluster/load-bundle.ts';

process.setSourceMapsEnabled(true);

/** A directory with these files, removed after the test; returns the URL of `app.ts` and the directory. */
function project(t: ExecutionContext, files: Readonly<Record<string, string>>): { readonly module: string; readonly directory: string } {
  const directory = mkdtempSync(join(tmpdir(), 'pheromone-test-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return { module: pathToFileURL(join(directory, 'app.ts')).href, directory };
}

const appText = `
import { bucket, defineApp, fn, immediate } from 'pheromone';
import { shout, type Loud } from './shout.ts';
interface Unused { readonly a: number }
const words = bucket<string>('words');
const step = fn('step', { input: words }, (input): Loud => shout(input.value));
const trip = fn('trip', { input: words }, () => {
  throw new TypeError('tripped');
});
export const app = defineApp('loud', { module: import.meta.url, triggers: [words.on(immediate(), step), words.on(immediate(), trip)] });
export const place = [import.meta.filename, import.meta.dirname];
`;
const shoutText = `export type Loud = string;\nexport const shout = (text: string): Loud => text.toUpperCase();\n`;

/** The handler's result for one input. */
const run = (app: library.App, name: string) => app.handlers.get(name)?.([{ value: 'a' } as Input], {} as library.Context);

async function failureOf(t: ExecutionContext, files: Readonly<Record<string, string>>) {
  const { module } = project(t, files);
  const error = await t.throwsAsync(bundleApp({ module }));
  t.like(error, { code: 'ModuleFailed', module });
  return error?.message ?? '';
}

test('bundle: a TypeScript module with imports is one file of code, and runs', async (t) => {
  const { module, directory } = project(t, { 'app.ts': appText, 'shout.ts': shoutText });
  const bundle = await bundleApp({ module });
  const exports = loadBundle(bundle, library);
  const app = findApp(exports, 'loud', module);
  t.is(run(app, 'step'), 'A');
  t.is(app.definition.module, module);
  t.deepEqual((exports as { place: unknown }).place, [join(directory, 'app.ts'), directory]);
});

test('bundle: nothing is written to disk', async (t) => {
  const { module, directory } = project(t, { 'app.ts': appText, 'shout.ts': shoutText });
  loadBundle(await bundleApp({ module }), library);
  t.deepEqual(readdirSync(directory).sort(), ['app.ts', 'shout.ts']);
});

test('bundle: stack traces point at the line of the TypeScript source', async (t) => {
  const { module, directory } = project(t, { 'app.ts': appText, 'shout.ts': shoutText });
  const app = findApp(loadBundle(await bundleApp({ module }), library), 'loud', module);
  const error = t.throws(() => run(app, 'trip'), { instanceOf: TypeError });
  const line = appText.split('\n').findIndex((text) => text.includes('tripped')) + 1;
  t.true(error?.stack?.includes(`${join(directory, 'app.ts')}:${line}:`), error?.stack);
});

test('bundle: the app is made by the library that the loader gives', async (t) => {
  const { module } = project(t, { 'app.ts': appText, 'shout.ts': shoutText });
  const names: string[] = [];
  const spy = { ...library, defineApp: (name: string, options: never) => (names.push(name), defineApp(name, options)) };
  loadBundle(await bundleApp({ module }), spy);
  t.deepEqual(names, ['loud']);
});

test('bundle: a module is bundled once until it is forgotten, and its hash is that of its code', async (t) => {
  const { module, directory } = project(t, { 'app.ts': 'export const version = 1;' });
  const first = await bundleApp({ module });
  writeFileSync(join(directory, 'app.ts'), 'export const version = 2;');
  t.is(await bundleApp({ module }), first);
  forgetBundle({ module });
  const second = await bundleApp({ module });
  t.not(second.hash, first.hash);
  t.regex(second.hash, /^[0-9a-f]{64}$/);
  t.deepEqual(loadBundle(second, library), { version: 2 });
});

test('bundle: the content of a module is the same wherever it lies, and another one’s is another', async (t) => {
  const files = { 'app.ts': appText, 'shout.ts': shoutText };
  const [here, there, changed] = await Promise.all(
    [files, files, { ...files, 'shout.ts': `${shoutText}export const more = 1;\nconsole.log(more);\n` }].map((some) =>
      bundleApp({ module: project(t, some).module }),
    ),
  );
  t.not(here?.hash, there?.hash);
  t.is(here?.content, there?.content);
  t.not(here?.content, changed?.content);
});

test('bundle: a failure is not kept: the next try reads the module again', async (t) => {
  const { module, directory } = project(t, { 'app.ts': 'export const = 1;' });
  await t.throwsAsync(bundleApp({ module }), { instanceOf: errors.ModuleFailed });
  writeFileSync(join(directory, 'app.ts'), 'export const version = 2;');
  t.deepEqual(loadBundle(await bundleApp({ module }), library), { version: 2 });
});

test('bundle: external packages stay outside, and resolve from the module’s place', async (t) => {
  const { module } = project(t, {
    'app.ts': `import { secret } from 'native-thing'; export const found = secret;`,
    'node_modules/native-thing/package.json': '{"name":"native-thing","main":"index.js"}',
    'node_modules/native-thing/index.js': `exports.secret = __filename;`,
  });
  const bundle = await bundleApp({ module, external: ['native-thing'] });
  t.regex((loadBundle(bundle, library) as { found: string }).found, /node_modules.native-thing.index\.js$/);
});

test('bundle: a syntax error is told with file, line and column', async (t) => {
  t.regex(await failureOf(t, { 'app.ts': 'export const a = 1;\nexport const = 2;\n' }), /app\.ts:2:14: /);
});

test('bundle: an import that cannot be resolved is told with file and line', async (t) => {
  t.regex(await failureOf(t, { 'app.ts': `import './gone.ts';` }), /app\.ts:1:8: Could not resolve "\.\/gone\.ts"/);
});

test('bundle: top-level await is refused with its line', async (t) => {
  t.regex(await failureOf(t, { 'app.ts': 'export const a = 1;\nexport const b = await a;' }), /app\.ts:2:18: Top-level await/);
});

test('bundle: native code in the bundle is refused, naming the way out', async (t) => {
  t.regex(await failureOf(t, { 'app.ts': `import './a.node';`, 'a.node': '' }), /app\.ts:1:8: .*`external` of defineApp/);
});

test('bundle: a module that does not exist is refused', async (t) => {
  const { directory } = project(t, {});
  const module = pathToFileURL(join(directory, 'none.ts')).href;
  await t.throwsAsync(bundleApp({ module }), { instanceOf: errors.ModuleFailed, message: /none\.ts/ });
});

test('bundle: a module that throws at import fails with what it threw, at its line', async (t) => {
  const { module, directory } = project(t, { 'app.ts': `const limit: number = 1;\n\nthrow new RangeError(\`over \${limit}\`);\n` });
  const bundle = await bundleApp({ module });
  const error = t.throws(() => loadBundle(bundle, library), { message: /failed to import: RangeError: over 1/ });
  t.like(error, { code: 'ModuleFailed', module });
  const { cause } = error as { cause?: unknown };
  t.true(cause instanceof RangeError);
  t.true(String((cause as Error).stack).includes(`${join(directory, 'app.ts')}:3:`), String((cause as Error).stack));
});

test('bundle: a module that throws no error at import fails all the same', async (t) => {
  const { module } = project(t, { 'app.ts': 'throw null;' });
  const bundle = await bundleApp({ module });
  t.throws(() => loadBundle(bundle, library), { message: /failed to import: null/, instanceOf: errors.ModuleFailed });
});

test('bundle: an app is found by name, as default or named export, among others', (t) => {
  const module = 'file:///app.ts';
  const one = defineApp('one', { module, triggers: [] });
  const two = defineApp('two', { module, triggers: [] });
  t.is(findApp({ other: 5, default: one, second: two }, 'two', module), two);
  t.is(findApp({ other: null, default: one }, 'one', module), one);
});

test('bundle: a module without the app is refused, saying what it has', (t) => {
  const module = 'file:///app.ts';
  const one = defineApp('one', { module, triggers: [] });
  t.throws(() => findApp({ a: one }, 'two', module), {
    instanceOf: errors.ModuleFailed,
    message: /not export the app two \(its apps are one\)/,
  });
  t.throws(() => findApp({ start: 5 }, 'two', module), { message: /\(it exports start\)/ });
  t.throws(() => findApp({}, 'two', module), { message: /\(it exports nothing\)/ });
});

/** Processes whose parent is this one, on Linux. */
function childCommands(): string[] {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  return children.map((pid) => (existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : ''));
}

const hasProc = existsSync(`/proc/${process.pid}/task/${process.pid}/children`);
(hasProc ? test.serial : test.serial.skip)('bundle: the bundler’s process ends with the last bundling', async (t) => {
  const { module } = project(t, { 'app.ts': 'export const a = 1;' });
  const { module: other } = project(t, { 'app.ts': 'export const a = 2;' });
  const [first] = await Promise.all([bundleApp({ module }), bundleApp({ module: other })]);
  t.truthy(first.code);
  // It is told to end, and does so in its own time; if it never did, this test would time out.
  while (childCommands().some((command) => command.includes('--service='))) await setTimeout(5);
});

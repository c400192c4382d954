import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { installPackage, type Packed, run, tryRun } from './installed.ts';

const tsc = fileURLToPath(new URL('../../../node_modules/.bin/tsc', import.meta.url));

let installed: Packed;

test.before(async (t) => {
  t.timeout(240_000);
  installed = await installPackage();
});

test.after.always(() => installed?.remove());

test('package: it has the built code, its types, the command, and nothing else', (t) => {
  const unexpected = installed.files.filter(
    (file) => !/^(dist\/.+\.(c?js|c?js\.map|d\.ts)|bin\/pheromone\.mjs|package\.json|README\.md|LICENSE)$/.test(file),
  );
  t.deepEqual(unexpected, []);
  for (const file of [
    'dist/index.js',
    'dist/index.d.ts',
    'dist/mapreduce/index.js',
    'dist/mapreduce/index.d.ts',
    'bin/pheromone.mjs',
    'README.md',
    'LICENSE',
  ])
    t.true(installed.files.includes(file), file);
});

test('package: an app in plain JavaScript runs in the installed package', async (t) => {
  const { stdout, stderr } = await run(process.execPath, ['main.mjs'], installed.project);
  t.is(stdout, '14\n');
  t.is(stderr, '');
});

test('package: a MapReduce job, and a function over items, in plain JavaScript run in the installed package', async (t) => {
  const { stdout, stderr } = await run(process.execPath, ['count.mjs'], installed.project);
  t.is(stdout, 'be 2, is 1, not 1, or 1, question 1, that 1, the 1, to 2\n19, 20\n');
  t.is(stderr, '');
});

test('package: its types say what is right and what is wrong, with every declaration checked', async (t) => {
  const { exitCode, stdout } = await tryRun(tsc, ['-p', installed.project], installed.project);
  t.is(stdout, '');
  t.is(exitCode, 0);
});

test('package: parts that are not exported cannot be imported', async (t) => {
  const { exitCode, stderr } = await tryRun(process.execPath, ['--eval', "import('pheromone/dist/cluster/host.js')"], installed.project);
  t.is(exitCode, 1);
  t.regex(stderr, /ERR_PACKAGE_PATH_NOT_EXPORTED/);
});

test('package: npx pheromone says its commands and its version', async (t) => {
  const help = await run('npx', ['--no', '--', 'pheromone', '--help'], installed.project);
  t.regex(help.stdout, /^Usage: pheromone/);
  const { version } = JSON.parse(readFileSync(join(installed.project, 'node_modules/pheromone/package.json'), 'utf8')) as {
    version: string;
  };
  t.is((await run('npx', ['--no', '--', 'pheromone', '--version'], installed.project)).stdout.trim(), version);
});

test('package: npx pheromone runs the app of a module', async (t) => {
  const input = JSON.stringify({ numbers: ['a', 'b', 'c'].map((key) => ({ key, value: 2 })) });
  const { stdout } = await run('npx', ['--no', '--', 'pheromone', 'run', 'app.mjs', '--input', input], installed.project);
  t.is(stdout, '12\n');
});

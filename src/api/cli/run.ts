/**
 * `pheromone run MODULE`: registers the app of a module with an embedded runtime, or a cluster, calls it once, prints its output as JSON.
 *
 * The module is loaded as executors load it, as a bundle: so it may be TypeScript, also where Node could not import it.
 */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command, Option } from 'commander';
import { bundleApp } from '../../cluster/bundle.ts';
import { loadBundle } from '../../cluster/load-bundle.ts';
import * as library from '../../index.ts';
import { type App, isApp } from '../define-app.ts';
import type { Entries } from '../entries.ts';
import type { Runtime } from '../runtime.ts';
import { type ObjectOptions, readObjects } from './objects.ts';
import { toJson } from './json.ts';
import { connect, connectOption, keyFileOption } from './connect.ts';
import { showProgress } from './progress.ts';
import { wholeNumber } from './whole-number.ts';

interface RunOptions extends ObjectOptions {
  readonly app?: string;
  readonly until?: 'output' | 'end';
  readonly timeoutMs?: number;
  readonly retries?: number;
  readonly executors?: number;
  readonly connect?: string;
  readonly keyFile?: string;
}

const epilogue = `
Objects to call with: --bucket and --value (or --bytes) for one, --input for any number. JSON that begins with @ is the name of a
file that holds it; @- is standard input. In the output, bytes are printed in base64, and maps as objects.

  pheromone run greet.ts --bucket names --value '"Ada"'
  pheromone run thumbnails.ts --bucket images --bytes photo.jpg
  pheromone run totals.ts --input '{ "orders": [{ "key": "a", "value": 5 }, { "value": 7 }] }' --until end`;

export function runCommand(): Command {
  const command = new Command('run')
    .description('Call the app of a module once, and print its output as JSON.')
    .argument('<module>', 'the TypeScript or JavaScript file that exports the app')
    .option('--app <name>', 'the app, if the module exports several')
    .option('--bucket <name>', 'put one object into this bucket')
    .option('--value <json>', 'its value')
    .option('--bytes <file>', 'its value: the bytes of a file')
    .option('--key <key>', 'its key')
    .option('--group <group>', 'its group')
    .option('--input <json>', 'objects by bucket: { bucket: [{ key?, group?, value }] }')
    .addOption(
      new Option('--until <moment>', 'print the first output, or at the end of the session all, as an array').choices(['output', 'end']),
    )
    .option('--timeout-ms <ms>', 'give up after so long', wholeNumber(1, 2 ** 31 - 1))
    .option('--retries <n>', 'how often a failed session is tried again', wholeNumber(0, 100))
    .option('--executors <n>', 'threads that run functions (default: the processors)', wholeNumber(1, 1_024))
    .addOption(connectOption().conflicts('executors'))
    .addOption(keyFileOption())
    .addHelpText('after', epilogue);
  return command.action((module: string, options: RunOptions) => run(command, module, options));
}

async function run(command: Command, module: string, options: RunOptions): Promise<void> {
  const app = await loadApp(command, module, options.app);
  const entries = await readObjects(command, app, options);
  const output = await call(app, entries, options);
  if (output === undefined) console.error('the session ended without an output');
  else console.log(toJson(output));
}

async function call(app: App, entries: Entries, options: RunOptions): Promise<unknown> {
  const { until = 'output', timeoutMs, retries } = options;
  const runtime = await startRuntime(app, options);
  const progress = showProgress(runtime, app.name);
  try {
    return await runtime.call(app, entries, { until, timeoutMs, retries });
  } finally {
    await progress.stop();
    await runtime.close();
  }
}

async function startRuntime(app: App, { executors, connect: address, keyFile }: RunOptions): Promise<Runtime> {
  return address === undefined ? library.startLocal({ apps: [app], executors }) : connect(address, keyFile, [app]);
}

/** The app of a module: the one called `name`, or the only one. */
async function loadApp(command: Command, file: string, name: string | undefined): Promise<App> {
  const path = resolve(file);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile())
    command.error(`error: <module> is ${JSON.stringify(file)}: there is no such file`);
  const exported = loadBundle(await bundleApp({ module: pathToFileURL(path).href }), library);
  const values: readonly unknown[] = [exported, ...Object.values((exported ?? {}) as Record<string, unknown>)];
  const apps = [...new Set(values.filter(isApp))];
  const names = apps.map((app) => app.name).join(', ');
  const [app, another] = name === undefined ? apps : apps.filter((candidate) => candidate.name === name);
  if (apps.length === 0) command.error(`error: ${file} exports no app: export what defineApp returns`);
  if (!app) command.error(`error: option '--app' is ${JSON.stringify(name)}: the apps of ${file} are ${names}`);
  if (another) command.error(`error: ${file} exports several apps: choose one with --app (${names})`);
  return app;
}

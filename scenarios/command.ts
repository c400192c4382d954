/**
 * The scenarios as commands: `pheromone scenario NAME [options] [--connect ADDRESS] [--json]`. A scenario is a folder here, with `app.ts` and
 * `scenario.ts`; to add a folder adds the command.
 */
import { readdirSync } from 'node:fs';
import { Command, Option } from 'commander';
import {
  BadOption,
  type Options,
  type Played,
  play,
  type Scenario,
  type Option as ScenarioOption,
  type ShowProgress,
  type Values,
  type Where,
} from './scenario.ts';

/** What the command line lends to scenarios. */
export interface CommandTools {
  readonly showProgress: ShowProgress;
  /** Reads the argument of an option. */
  wholeNumber(min: number, max: number): (text: string) => number;
  /** `--connect`. */
  connectOption(): Option;
  /** `--key-file`. */
  keyFileOption(): Option;
}

/** Runs the command line of a scenario. Resolves with the exit code: 0, or 1 for a wrong answer. Usage errors are commander's. */
export async function runScenario(args: readonly string[], tools: CommandTools): Promise<number> {
  let exitCode = 0;
  const names = scenarioNames();
  const root = new Command('pheromone scenario')
    .description('Run an example that checks its own answer.')
    .argument('[name]')
    .option('--list', 'name the scenarios')
    .exitOverride()
    .action((name: string | undefined) => {
      if (name !== undefined) root.error(`error: there is no scenario ${JSON.stringify(name)}; there are ${names.join(', ')}`);
      const width = Math.max(...names.map(({ length }) => length));
      for (const command of root.commands) console.log(`${command.name().padEnd(width)} ${command.description()}`);
    });
  // One that is named needs only itself.
  for (const name of names.filter((known) => !names.includes(args[0] ?? '') || known === args[0])) {
    const command = scenarioCommand(name, await loadScenario(name), tools, (played) => (exitCode = played.report.ok ? 0 : 1));
    root.addCommand(command.copyInheritedSettings(root));
  }
  await root.parseAsync(args, { from: 'user' });
  return exitCode;
}

function scenarioNames(): string[] {
  const entries = readdirSync(new URL('.', import.meta.url), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function loadScenario(name: string): Promise<Scenario> {
  const { default: scenario } = (await import(new URL(`${name}/scenario.ts`, import.meta.url).href)) as { readonly default: Scenario };
  return scenario;
}

function scenarioCommand(
  name: string,
  scenario: Scenario,
  { showProgress, wholeNumber, connectOption, keyFileOption }: CommandTools,
  done: (played: Played) => void,
): Command {
  const command = new Command(name)
    .description(scenario.about)
    .option('--json', 'report as one JSON object')
    .addOption(connectOption())
    .addOption(keyFileOption());
  for (const [field, option] of Object.entries(scenario.options)) command.addOption(toOption(field, option, wholeNumber));
  return command.action(
    async ({ json, connect, keyFile, ...options }: Values<Options> & Pick<Where, 'connect' | 'keyFile'> & { readonly json?: true }) => {
      const played = await play(name, scenario, options, { showProgress, connect, keyFile }).catch((error: unknown) => {
        if (error instanceof BadOption) command.error(`error: ${error.message}`);
        throw error;
      });
      console.log(json ? JSON.stringify(played.report) : summary(played));
      done(played);
    },
  );
}

function toOption(field: string, option: ScenarioOption, wholeNumber: CommandTools['wholeNumber']): Option {
  const flag = `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  if ('kind' in option) {
    const { about, kind } = option;
    if (kind === 'flag') return new Option(flag, about).default(false, 'no');
    return kind === 'text'
      ? new Option(`${flag} <text>`, about).default(null, 'none')
      : new Option(`${flag} <text...>`, about).default([], 'none');
  }
  const number = new Option(`${flag} <n>`, option.about).argParser(wholeNumber(option.min, option.max));
  return number.default(option.default, option.default === null ? 'none' : undefined);
}

function summary({ report, lines }: Played): string {
  const { scenario, mode, ok, elapsedMs, sessions, invocations, objects, result, wrong = [] } = report;
  const rate = Object.entries(report).find(([field]) => field.endsWith('PerSecond'));
  const speed = rate ? `, ${formatted(rate[1])} ${rate[0].replace('PerSecond', '')}/s` : '';
  return [
    `${scenario}: ${ok ? 'ok' : 'WRONG'} in ${formatted(elapsedMs)} ms${speed}${mode === 'cluster' ? ', on a cluster' : ''}`,
    ...wrong,
    ...(result === undefined ? [] : [fields({ sessions, invocations, objects }), ...(lines ?? [fields(result)])]),
  ].join('\n');
}

function fields(record: object): string {
  return Object.entries(record)
    .map(([field, value]) => `${field} ${formatted(value)}`)
    .join(', ');
}

function formatted(value: unknown): string {
  return typeof value === 'number' ? value.toLocaleString('en', { maximumFractionDigits: 1 }) : String(value);
}

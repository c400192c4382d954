/**
 * `pheromone scenario NAME`: runs a scenario of the checkout. Scenarios are no part of the package: they use it as a user would,
 * and bring their own options and checks (`scenarios/command.ts`). Here is only the way to them.
 */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { connectOption, keyFileOption } from './connect.ts';
import { showProgress } from './progress.ts';
import { wholeNumber } from './whole-number.ts';

const scenarios = new URL('../../../scenarios/command.ts', import.meta.url);

/** What scenarios are lent. */
const tools = { showProgress, wholeNumber, connectOption, keyFileOption };

interface Scenarios {
  runScenario(args: readonly string[], lent: typeof tools): Promise<number>;
}

/** `exit` is told the exit code. */
export function scenarioCommand(exit: (code: number) => void): Command {
  const command = new Command('scenario')
    .description('run an example that checks its own answer (scenario --list names them)')
    .argument('[name]')
    .argument('[options...]')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions();
  return command.action(async () => {
    if (!existsSync(scenarios)) command.error('error: the scenarios come with a checkout of the repository, not with the package');
    const { runScenario } = (await import(scenarios.href)) as Scenarios;
    exit(await runScenario(command.args, tools));
  });
}

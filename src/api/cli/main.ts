/**
 * The command line. `bin/pheromone.mjs` starts it.
 *
 * Exit codes: 0, it worked; 1, the app, what a scenario checks, or a process of a cluster failed; 2, the command was wrong: to try it
 * again unchanged is no use. Results go to standard output; errors, logs and the progress bar go to standard error.
 */
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { isPheromoneError } from '../errors.ts';
import { CommandFailed, FailureTold } from './failure.ts';
import { keygenCommand } from './keygen.ts';
import { roleCommand } from './role.ts';
import { runCommand } from './run.ts';
import { scenarioCommand } from './scenario.ts';
import { statusCommand } from './status.ts';
import { upCommand } from './up.ts';

const usageExitCode = 2;

/** Runs a command line (without node and script). Resolves with the exit code; never rejects. */
export async function main(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  outliveReaders();
  const program = new Command('pheromone')
    .description('A data-centric serverless runtime.')
    .version(version())
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  const scenario = scenarioCommand((code) => (exitCode = code));
  const roles = [roleCommand('coordinator'), roleCommand('worker')];
  for (const command of [runCommand(), scenario, upCommand(), statusCommand(), keygenCommand(), ...roles]) {
    program.addCommand(command.copyInheritedSettings(program));
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    // commander has printed its own.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
    if (!(error instanceof FailureTold)) console.error(describe(error));
    return isPheromoneError(error) && usageCodes.has(error.code) ? usageExitCode : 1;
  }
}

/** What is printed when nobody reads it any more is lost, and ends nothing: a cluster goes on without whoever wanted its address. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

/** Refusals of what was written on the command line; everything else has failed while it ran. */
const usageCodes: ReadonlySet<string> = new Set(['InvalidOption', 'UnknownBucket']);

/** An error in a line; and if it is what the user's code threw, where. */
function describe(error: unknown): string {
  if (error instanceof CommandFailed) return `error: ${error.message}`;
  if (!isPheromoneError(error)) return `error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  return [`error: ${error.code}: ${error.message}`, ...(error.cause instanceof Error ? userFrames(error.cause) : [])].join('\n');
}

/** The frames of a stack that are the user's: those above the first of the runtime, or of what it uses. */
function userFrames({ stack = '' }: Error): string[] {
  const frames = stack.split('\n').filter((line) => /^ +at /.test(line));
  const end = frames.findIndex((frame) => /node:|\[worker eval\]|node_modules|loadBundle/.test(frame));
  return end === -1 ? frames : frames.slice(0, end);
}

function version(): string {
  // By its own name: the built command line lies elsewhere than this file.
  return (createRequire(import.meta.url)('pheromone/package.json') as { version: string }).version;
}

/**
 * `pheromone coordinator` and `pheromone worker`: a process of a cluster.
 *
 * On standard output it prints one line, `ready NAME ADDRESS`, when it can be used. SIGTERM or SIGINT: it takes nothing new, lets open
 * sessions go on for `--drain-ms`, leaves the cluster, and exits with 0. A second signal ends it at once.
 */
import { rm } from 'node:fs/promises';
import { Command, Option } from 'commander';
import type { RunningRole } from '../../cluster/roles/role.ts';
import { readGiven, type RoleSettings, roleSettings } from '../../cluster/roles/settings.ts';
import { codeOf, CommandFailed, FailureTold, reasonOf, within } from './failure.ts';
import { endWithParent, tellParent } from './parent.ts';
import { addSettingOptions } from './setting-options.ts';
import { nextSignal, signalExitCode } from './signals.ts';

export type Role = 'coordinator' | 'worker';

const about = {
  coordinator: 'Run a coordinator of a cluster; the first one holds its registry.',
  worker: 'Run a worker of a cluster: it runs functions and holds their objects.',
};

/** For `pheromone up`: the data directory is for this process alone, and goes with it. */
export const temporaryFlag = '--temporary-data-dir';

/** What leaving the cluster may take, beyond the drain. */
const leaveMsMax = 5_000;
/** After it has left: what is still open then is a bug, and no reason to stay. */
const lingerMsMax = 2_000;

export function roleCommand(role: Role): Command {
  const command = addSettingOptions(new Command(role).description(about[role]), role).addOption(new Option(temporaryFlag).hideHelp());
  return command.action(async ({ temporaryDataDir, ...flags }: Readonly<Record<string, unknown>>) => {
    const at = `pheromone ${role}`;
    const settings = roleSettings(role, readGiven(at, role, { flags, environment: process.env }));
    await run(at, role, settings, async () => {
      if (temporaryDataDir) await rm(settings.config.dataDir, { recursive: true, force: true });
    });
  });
}

/** Runs the role until it has ended. Rejects if it could not start, or ended unasked. */
async function run(at: string, role: Role, { config, drainMs }: RoleSettings, cleanUp: () => Promise<void>): Promise<void> {
  let running: RunningRole | null = null;
  endWithParent(async () => {
    await running?.stop({ drainMs: 0 });
    await cleanUp();
  });
  const told = nextSignal();
  try {
    const started = await Promise.race([start(role, config), told]);
    if (typeof started === 'string') return await endAtOnce(started, cleanUp);
    running = started;
    const { name, address } = running;
    console.log(`ready ${name} ${address}`);
    await tellParent({ kind: 'ready', name, address });
    await ended(at, running, told, drainMs);
  } catch (error) {
    if (await tellParent({ kind: 'failed', reason: reasonOf(error) })) throw new FailureTold();
    throw codeOf(error) === null ? error : new CommandFailed(`${at}: ${reasonOf(error)}`);
  } finally {
    await cleanUp();
    setTimeout(() => process.exit(), lingerMsMax).unref();
  }
}

async function endAtOnce(signal: NodeJS.Signals, cleanUp: () => Promise<void>): Promise<never> {
  await cleanUp();
  process.exit(signalExitCode(signal));
}

async function start(role: Role, config: RoleSettings['config']): Promise<RunningRole> {
  // Other commands start faster without them.
  if (role === 'worker') return (await import('../../cluster/roles/worker.ts')).startWorker(config);
  return (await import('../../cluster/roles/coordinator.ts')).startCoordinator(config);
}

/** Resolves when the role has ended because a signal told it to; rejects if it ended, or did not end, for another reason. */
async function ended(at: string, running: RunningRole, told: Promise<unknown>, drainMs: number): Promise<void> {
  const why = await Promise.race([told.then(() => null), running.ended]);
  if (why) throw new CommandFailed(`${at}: ${running.name} ended: ${reasonOf(why)}`);
  void nextSignal().then((signal) => process.exit(signalExitCode(signal)));
  await within(drainMs + leaveMsMax, running.stop({ drainMs }), `${at}: ${running.name} did not leave the cluster`);
}

/**
 * `pheromone coordinator` and `pheromone worker`: a process of a cluster.
 *
 * On standard output it prints `ready NAME ADDRESS` when it can be used, and with `--health-listen` a line `health URL`. SIGTERM or
 * SIGINT: it takes nothing new, lets open sessions go on for `--drain-ms`, leaves the cluster, and exits with 0. A second signal ends it
 * at once.
 */
import { rm } from 'node:fs/promises';
import { Command, Option } from 'commander';
import type { Health, HealthServer } from '../../cluster/roles/health.ts';
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
async function run(at: string, role: Role, settings: RoleSettings, cleanUp: () => Promise<void>): Promise<void> {
  const { config, drainMs, healthListen } = settings;
  let running: RunningRole | null = null;
  let health: HealthServer | null = null;
  let isDraining = false;
  endWithParent(async () => {
    await running?.stop({ drainMs: 0 });
    await cleanUp();
  });
  const told = nextSignal();
  try {
    if (healthListen !== null) health = await serveHealth(healthListen, () => healthOf(role, running, isDraining));
    const started = await Promise.race([start(role, config), told]);
    if (typeof started === 'string') return await endAtOnce(started, cleanUp);
    running = started;
    const { name, address } = running;
    console.log(`ready ${name} ${address}`);
    if (health) console.log(`health ${health.url}`);
    await tellParent({ kind: 'ready', name, address });
    void told.then(() => (isDraining = true));
    await ended(at, running, told, drainMs);
  } catch (error) {
    if (await tellParent({ kind: 'failed', reason: reasonOf(error) })) throw new FailureTold();
    throw codeOf(error) === null ? error : new CommandFailed(`${at}: ${reasonOf(error)}`);
  } finally {
    await health?.close();
    await cleanUp();
    setTimeout(() => process.exit(), lingerMsMax).unref();
  }
}

async function serveHealth(listen: string, health: () => Health): Promise<HealthServer> {
  return (await import('../../cluster/roles/health.ts')).serveHealth(listen, health);
}

function healthOf(role: Role, running: RunningRole | null, isDraining: boolean): Health {
  if (!running) return { name: null, role, state: 'starting', registryAwayMs: null };
  const { isMember, registryAwayMs } = running.health();
  return { name: running.name, role, state: isDraining ? 'draining' : isMember ? 'serving' : 'cut off', registryAwayMs };
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

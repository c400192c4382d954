/**
 * `pheromone up`: a whole cluster on this machine, each coordinator and worker a process of its own.
 *
 *     up ──► c1 (holds the registry) ◄── c2 … ◄── w1 w2 …
 *
 * When all are ready it prints the address of the first coordinator, alone in a line. It runs until SIGTERM or SIGINT, then takes the
 * workers down, then the coordinators, the first one last. A process that ends unasked ends all, and is named.
 */
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { heapFlag } from '../../cluster/heap-flag.ts';
import { flagsOf, type Given, readGiven, roleSettings } from '../../cluster/roles/settings.ts';
import { type ChildPlan, Children, type ReadyChild } from './children.ts';
import { CommandFailed } from './failure.ts';
import { type Role, temporaryFlag } from './role.ts';
import { addSettingOptions } from './setting-options.ts';
import { nextSignal } from './signals.ts';
import { wholeNumber } from './whole-number.ts';

interface UpOptions {
  readonly coordinators: number;
  readonly workers: number;
  readonly json?: true;
}

/** What `up` prints with `--json`. */
export interface UpReport {
  /** To connect to. */
  readonly address: string;
  /** Of `up` itself. */
  readonly pid: number;
  readonly nodes: readonly (ReadyChild & { readonly role: Role })[];
}

interface Plan {
  /** It holds the registry, which the others join. */
  readonly first: ChildPlan;
  /** Started when the first is there, whose address they are given. */
  readonly others: (join: string) => readonly ChildPlan[];
  /** In which order they are taken down. */
  readonly down: readonly (readonly string[])[];
  /** A directory that is removed at the end. */
  readonly temporary: string | null;
  readonly drainMs: number;
}

const at = 'pheromone up';

/** Of a machine that is busy starting the others. */
const startMsMax = 60_000;
/** What a process may take to leave, beyond its drain, before it is killed: more than it gives itself (`role.ts`). */
const leaveMsMax = 8_000;

export function upCommand(): Command {
  const command = new Command('up')
    .description('Run a whole cluster on this machine, each coordinator and worker as a process.')
    .option('--coordinators <n>', 'coordinators (whole number from 1 to 16)', wholeNumber(1, 16), 1)
    .option('--workers <n>', 'workers (whole number from 1 to 64)', wholeNumber(1, 64), 2)
    .option('--json', 'print one JSON object instead of the address: { address, pid, nodes: [{ name, role, address, pid }] }');
  return addSettingOptions(command, 'up').action(async ({ coordinators, workers, json, ...flags }: UpOptions & Record<string, unknown>) => {
    const given = readGiven(at, 'up', { flags, environment: process.env });
    await run(planOf(coordinators, workers, given), json === true);
  });
}

/** Resolves when all was taken down in order because a signal said so. */
async function run(plan: Plan, isJson: boolean): Promise<void> {
  const children = new Children({ startMsMax, stopMsMax: plan.drainMs + leaveMsMax });
  const stopped = nextSignal().then(() => null);
  const show = (report: UpReport) => console.log(isJson ? JSON.stringify(report) : report.address);
  const failed = startAll(children, plan).then((report) => {
    show(report);
    return children.lost;
  });
  const wrong: string[] = [];
  try {
    const why = await Promise.race([failed, children.lost, stopped]);
    if (why) wrong.push(why.message);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    wrong.push(error.message);
  } finally {
    void nextSignal().then(() => children.killAll());
    wrong.push(...(await children.takeDown(plan.down)));
    if (plan.temporary) await rm(plan.temporary, { recursive: true, force: true });
  }
  if (wrong.length > 0) throw new CommandFailed(`${at}: ${wrong.join('; ')}`);
}

async function startAll(children: Children, { first, others }: Plan): Promise<UpReport> {
  const coordinator = await children.start(first);
  const joined = await Promise.all(others(coordinator.address).map((plan) => children.start(plan)));
  const nodes = [coordinator, ...joined].map((child) => ({ ...child, role: roleOf(child.name) }));
  return { address: coordinator.address, pid: process.pid, nodes };
}

function planOf(coordinators: number, workers: number, given: Given): Plan {
  const { listen, dataDir, executors, registry, ...shared } = given;
  // There may be a password in it.
  const variables: ChildPlan['variables'] = registry === undefined ? {} : { PHEROMONE_REGISTRY: registry ?? '' };
  const {
    config: { listen: firstListens },
    drainMs,
  } = roleSettings('coordinator', given);
  const temporary = dataDir === undefined ? join(tmpdir(), `pheromone-up-${randomBytes(6).toString('hex')}`) : null;
  const anyPort = firstListens.replace(/\d+$/, '0');
  const childPlan = (name: string, settings: Given, ...more: readonly string[]): ChildPlan => {
    const role = roleOf(name);
    const ofNode = role === 'worker' ? [heapFlag] : [];
    const flags = flagsOf({ ...shared, ...settings, name });
    return { name, title: `${role} ${name}`, args: [...ofNode, bin(), role, ...flags, ...more], variables };
  };
  const joins = (join: string) => (registry === undefined ? { join } : {});
  const named = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${i + 1}`);
  const [c1 = '', ...cs] = named('c', coordinators);
  const ws = named('w', workers);
  // Without workers nothing goes on that a coordinator could wait for.
  const ofCoordinator = { drainMs: 0, ...(dataDir === undefined ? {} : { dataDir }) };
  const ofWorker = { executors: executors ?? Math.max(1, Math.floor(availableParallelism() / workers)) };
  return {
    first: childPlan(
      c1,
      { ...ofCoordinator, listen: firstListens, ...(temporary === null ? {} : { dataDir: temporary }) },
      ...(temporary === null ? [] : [temporaryFlag]),
    ),
    others: (address) => [
      ...cs.map((name) => childPlan(name, { ...ofCoordinator, listen: anyPort, ...joins(address) })),
      ...ws.map((name) => childPlan(name, { ...ofWorker, listen: anyPort, ...joins(address) })),
    ],
    down: [ws, cs, [c1]],
    temporary,
    drainMs,
  };
}

/** `c1`, `w1`. */
function roleOf(name: string): Role {
  return name.startsWith('c') ? 'coordinator' : 'worker';
}

/** By the package's own name: the built command line lies elsewhere than this file. */
function bin(): string {
  return createRequire(import.meta.url)
    .resolve('pheromone/package.json')
    .replace(/package\.json$/, 'bin/pheromone.mjs');
}

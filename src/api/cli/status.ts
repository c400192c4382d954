/** `pheromone status`: the nodes of a cluster, what they are busy with, and which coordinator has which shards. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { ClusterNode, ClusterShard, ClusterStatus } from '../cluster-status.ts';
import type { Runtime } from '../runtime.ts';
import { connect, connectOption, keyFileOption } from './connect.ts';
import { codeOf, reasonOf } from './failure.ts';
import { nextSignal } from './signals.ts';
import { wholeNumber } from './whole-number.ts';

interface StatusOptions {
  readonly connect: string;
  readonly keyFile?: string;
  readonly json?: true;
  /** Seconds; true: as often as is usual. */
  readonly watch?: number | true;
}

const watchSecondsDefault = 2;
/** Clears a terminal, and goes to its upper left corner. */
const clear = '\u001b[H\u001b[2J\u001b[3J';

export function statusCommand(): Command {
  return new Command('status')
    .description('Show the nodes of a cluster, their loads, its shards and apps.')
    .addOption(connectOption().makeOptionMandatory())
    .addOption(keyFileOption())
    .option('--json', 'as one JSON object, with --watch one a line')
    .option(
      '--watch [seconds]',
      `again and again, until Ctrl-C (whole number from 1 to 3600; default: ${watchSecondsDefault})`,
      wholeNumber(1, 3_600),
    )
    .action(async ({ connect: address, keyFile, json, watch }: StatusOptions) => {
      const open = () => connect(address, keyFile);
      const show = (status: ClusterStatus) => (json ? JSON.stringify(status) : describeStatus(status, Date.now()));
      if (watch === undefined) return console.log(await withRuntime(open, async (runtime) => show(await runtime.clusterStatus())));
      const stopped = nextSignal();
      const everyMs = 1_000 * (watch === true ? watchSecondsDefault : watch);
      const isScreen = json !== true && process.stdout.isTTY;
      await watchCluster(open, everyMs, stopped, (status) => console.log(`${isScreen ? clear : ''}${show(status)}${json ? '' : '\n'}`));
    });
}

/** Until `stopped`. A cluster that cannot be reached is said once, and tried again. */
async function watchCluster(
  open: () => Promise<Runtime>,
  everyMs: number,
  stopped: Promise<unknown>,
  show: (status: ClusterStatus) => void,
): Promise<void> {
  let isOver = false;
  const over = stopped.then(() => (isOver = true));
  let lastFailure = '';
  while (!isOver) {
    try {
      await withRuntime(open, async (runtime) => {
        while (!isOver) {
          show(await runtime.clusterStatus());
          lastFailure = '';
          await Promise.race([sleep(everyMs), over]);
        }
      });
    } catch (error) {
      if (codeOf(error) === null) throw error;
      const failure = reasonOf(error);
      if (failure !== lastFailure) console.error(`pheromone status: ${failure}; trying again`);
      lastFailure = failure;
      await Promise.race([sleep(everyMs), over]);
    }
  }
}

async function withRuntime<T>(open: () => Promise<Runtime>, work: (runtime: Runtime) => Promise<T>): Promise<T> {
  const runtime = await open();
  try {
    return await work(runtime);
  } finally {
    await runtime.close();
  }
}

/** As tables, for people. */
export function describeStatus({ nodes, shards, apps }: ClusterStatus, nowMs: number): string {
  const nodeRows = nodes.map((node) => [node.name, node.role, node.address ?? '-', stateOf(node), upFor(node, nowMs), ...loads(node)]);
  const tables = [
    table(['NODE', 'ROLE', 'ADDRESS', 'STATE', 'UP FOR', 'SESSIONS', 'EXECUTORS', 'QUEUED', 'STORE'], nodeRows),
    table(['OWNER', 'SHARDS', 'EPOCH', 'WHICH'], shardRows(shards)),
    table(
      ['APP', 'COORDINATOR'],
      apps.map(({ app, coordinator }) => [app, coordinator]),
    ),
  ];
  return tables.map((lines) => lines.join('\n')).join('\n\n');
}

function stateOf({ state, registryAwayMs }: ClusterNode): string {
  return registryAwayMs === null ? state : `${state}, no registry for ${duration(registryAwayMs)}`;
}

function upFor({ startedMs }: ClusterNode, nowMs: number): string {
  return startedMs === null ? '-' : duration(nowMs - startedMs);
}

function loads({ role, state, openSessions, executors, queuedInvocations, storeUsedBytes, storeSizeBytes }: ClusterNode): string[] {
  if (state === 'silent') return ['?', '?', '?', '?'];
  if (role === 'coordinator') return [formatted(openSessions), '-', '-', '-'];
  const store = `${formatted(storeUsedBytes / 2 ** 20)} of ${formatted(storeSizeBytes / 2 ** 20)} MiB`;
  return [formatted(openSessions), formatted(executors), formatted(queuedInvocations), store];
}

/** By owner: how many, the newest epoch, and which. */
function shardRows(shards: readonly ClusterShard[]): string[][] {
  const owners = [...new Set(shards.map(({ owner }) => owner))].sort((one, other) => (one ?? '').localeCompare(other ?? ''));
  return owners.map((owner) => {
    const owned = shards.filter((shard) => shard.owner === owner);
    const epoch = Math.max(...owned.map((shard) => shard.epoch));
    return [owner ?? 'none', String(owned.length), String(epoch), ranges(owned.map(({ shard }) => shard))];
  });
}

/** `0-2, 5`, of ascending numbers. */
function ranges(numbers: readonly number[]): string {
  const found: { readonly first: number; last: number }[] = [];
  for (const number of numbers) {
    const range = found.at(-1);
    if (range?.last === number - 1) range.last = number;
    else found.push({ first: number, last: number });
  }
  return found.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`)).join(', ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function formatted(number: number): string {
  return number.toLocaleString('en', { maximumFractionDigits: 1 });
}

/** In its two largest units: `3 h 12 m`. */
function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const amounts = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const parts = amounts.map((amount, i) => `${amount} ${'dhms'[i]}`);
  const first = amounts.findIndex((amount) => amount > 0);
  return first === -1 ? '0 s' : parts.slice(first, first + 2).join(' ');
}

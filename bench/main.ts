/**
 * `npm run bench -- [NAME…] [--peers] [--rounds R] [--json]`: measures in interleaved rounds, so that what slows the machine down for
 * a while slows all of them. It is the built package that is measured: what users get. Medians and 99th percentiles over all rounds.
 * With `--peers`, thread pools are measured beside us.
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { type Measure, type Prepared, type Result, summarize } from './measure.ts';
import { budgetMeasures } from './measures/budget.ts';
import { callMeasures } from './measures/call.ts';
import { chainMeasures } from './measures/chain.ts';
import { fanMeasures } from './measures/fan.ts';
import { growthMeasures } from './measures/growth.ts';
import { hopMeasures } from './measures/hop.ts';
import { idleMeasures } from './measures/idle.ts';
import { memoryMeasures } from './measures/memory.ts';
import { passMeasures } from './measures/pass.ts';
import { peerMeasures } from './measures/peers.ts';
import { remoteMeasures } from './measures/remote.ts';
import { sleepMeasures } from './measures/sleep.ts';
import { startMeasures } from './measures/start.ts';
import { throughputMeasures } from './measures/throughput.ts';
import { loadPeers, type Peer } from './peers.ts';

const measures: readonly Measure[] = [
  ...startMeasures,
  ...idleMeasures,
  ...callMeasures,
  ...chainMeasures,
  ...hopMeasures,
  ...fanMeasures,
  ...passMeasures,
  ...throughputMeasures,
  ...sleepMeasures,
  ...growthMeasures,
  ...memoryMeasures,
  ...budgetMeasures,
  ...remoteMeasures,
];
const names = [...new Set(measures.map(({ name }) => name))];

interface Options {
  readonly rounds: number;
  readonly peers?: boolean;
  readonly json?: boolean;
}

async function run(wanted: readonly string[], { rounds, peers: withPeers = false, json = false }: Options): Promise<void> {
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`no benchmark is called ${unknown}; there are ${names.join(', ')}`);
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const peers = withPeers ? await loadPeers(say) : [];
  const all = [...measures, ...peers.flatMap(peerMeasures)];
  const chosen = all.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  const results: Result[] = [];
  for (const name of names) {
    const named = chosen.filter((measure) => measure.name === name);
    for (const { system, unit, unavailable } of named) if (unavailable) say(`${name} ${system} (${unit}) is left out: ${unavailable}`);
    const group = named.filter(({ unavailable }) => !unavailable);
    if (group.length > 0) results.push(...(await runGroup(group, rounds, say)));
  }
  const report: Report = { machine: machine(), versions: versions(peers), results };
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else process.stdout.write(`${table(report)}\n`);
}

/** The measures of one name, in turn, round after round; the first round warms up and is not counted. */
async function runGroup(group: readonly Measure[], rounds: number, say: (text: string) => void): Promise<Result[]> {
  const values = group.map((): number[] => []);
  const running: Prepared[] = [];
  try {
    for (const measure of group) running.push(await measure.prepare());
    for (let round = 0; round <= rounds; round++) {
      for (const [i, prepared] of running.entries()) {
        const sampled = await prepared.sample();
        if (round > 0) values[i]?.push(...sampled);
      }
    }
  } finally {
    for (const prepared of running) await prepared.close().catch(notClosed);
  }
  return group.map((measure, i) => {
    const result = summarize(measure, values[i] ?? [], rounds);
    say(`${result.name} ${result.system}: ${result.median} ${result.unit}`);
    return result;
  });
}

/** Told, and no more: those behind it are closed too, else their processes would keep this one from ending; and results are results. */
function notClosed(error: unknown): void {
  process.stderr.write(`bench: what was measured could not be closed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}

function machine() {
  const [cpu] = os.cpus();
  return {
    cpus: os.cpus().length,
    model: cpu?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    os: `${os.type()} ${os.release()}`,
  };
}

function versions(peers: readonly Peer[]): Report['versions'] {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  const ofPeers = Object.fromEntries(peers.map(({ name, version }) => [name, version]));
  return { node: process.version, v8: process.versions.v8, pheromone: manifest.version, ...ofPeers };
}

interface Report {
  readonly machine: ReturnType<typeof machine>;
  readonly versions: Readonly<Record<string, string>>;
  readonly results: readonly Result[];
}

function table({ machine: { cpus, model, memoryGiB }, versions, results }: Report): string {
  const rows = results.map(
    ({ name, system, median, p99, unit, settings }) => `| ${name} | ${system} | ${median} | ${p99} | ${unit} | ${describe(settings)} |`,
  );
  const head = ['| what | system | median | p99 | unit | settings |', '| --- | --- | --- | --- | --- | --- |'];
  const software = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [`${cpus} × ${model}, ${memoryGiB} GiB, ${software.join(', ')}`, '', ...head, ...rows].join('\n');
}

function describe(settings: Result['settings']): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(', ');
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000) throw new InvalidArgumentError('must be a whole number from 1 to 1000');
  return value;
}

const command = new Command('bench')
  .argument('[names...]', names.join(', '))
  .option('--peers', 'tinypool and piscina beside us')
  .option('--rounds <number>', 'counted rounds', wholeNumber, 5)
  .option('--json', 'one JSON object on standard output')
  .action(run);

try {
  await command.parseAsync();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}

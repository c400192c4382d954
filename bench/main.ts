/**
 * `npm run bench -- [NAME…] [--peers] [--write] [--rounds R] [--json]`: measures in interleaved rounds, so that what slows the machine
 * down for a while slows all of them. It is the built package that is measured: what users get. Medians and 99th percentiles over all
 * rounds. With `--peers`, other systems are measured beside us; all of it with peers, or what `--write` is said with, is written to
 * `results/`, with figures.
 */
import { Command, InvalidArgumentError } from 'commander';
import { type Measure, type Prepared, type Result, summarize, whenQuiet } from './measure.ts';
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
import { sortMeasures } from './measures/sort.ts';
import { startMeasures } from './measures/start.ts';
import { streamMeasures } from './measures/stream.ts';
import { throughputMeasures } from './measures/throughput.ts';
import { wordCountMeasures } from './measures/word-count.ts';
import { type LeftOut, loadPeers } from './peers.ts';
import { makeRun, markdownTable, type Run } from './report.ts';
import { writeResults } from './results.ts';

const measures: readonly Measure[] = [
  ...startMeasures,
  ...idleMeasures,
  ...callMeasures,
  ...chainMeasures,
  ...hopMeasures,
  ...fanMeasures,
  ...passMeasures,
  ...wordCountMeasures,
  ...throughputMeasures,
  ...streamMeasures,
  ...sleepMeasures,
  ...growthMeasures,
  ...memoryMeasures,
  ...sortMeasures,
  ...budgetMeasures,
  ...remoteMeasures,
];
const names = [...new Set(measures.map(({ name }) => name))];

interface Options {
  /** Fewer with peers, so that all of it takes a quarter of an hour at most. */
  readonly rounds?: number;
  readonly peers?: boolean;
  readonly write?: boolean;
  readonly json?: boolean;
}

const say = (text: string) => void process.stderr.write(`${text}\n`);

async function run(wanted: readonly string[], options: Options): Promise<void> {
  const { peers: withPeers = false, write = false, json = false, rounds = withPeers ? 3 : 5 } = options;
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`no benchmark is called ${unknown}; there are ${names.join(', ')}`);
  const { peers, leftOut: absent } = withPeers ? await loadPeers(say) : { peers: [], leftOut: [] };
  for (const { system, why } of absent) say(`${system} is left out: ${why}`);
  const all = [...measures, ...peers.flatMap(peerMeasures)];
  const results: Result[] = [];
  const leftOut: LeftOut[] = [...absent];
  for (const name of names.filter((name) => wanted.length === 0 || wanted.includes(name))) {
    const group = new Group(all.filter((measure) => measure.name === name));
    results.push(...(await group.run(rounds)));
    leftOut.push(...group.leftOut);
  }
  const versions = Object.assign({}, ...peers.map((peer) => peer.versions)) as Run['versions'];
  const report = makeRun({ command: commandLine(), rounds, versions, results, leftOut });
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else process.stdout.write(`${markdownTable(report)}\n`);
  if (write || (withPeers && wanted.length === 0)) await writeResults(report, say);
}

/** The measures of one name. */
class Group {
  readonly leftOut: LeftOut[] = [];
  readonly #sampled = new Map<Measure, number[]>();
  readonly #running = new Map<Measure, Prepared>();

  constructor(measures: readonly Measure[]) {
    for (const measure of measures) {
      if (measure.unavailable) this.#leaveOut(measure, measure.unavailable);
      else this.#sampled.set(measure, []);
    }
  }

  /** In turn, round after round; the first round warms up and is not counted. */
  async run(rounds: number): Promise<readonly Result[]> {
    try {
      for (const measure of [...this.#sampled.keys()])
        await this.#attempt(measure, async () => void this.#running.set(measure, await measure.prepare()));
      for (let round = 0; round <= rounds; round++) {
        const inOrder = [...this.#running];
        for (const [measure, prepared] of round % 2 === 0 ? inOrder : inOrder.reverse()) {
          await this.#attempt(measure, async () => {
            await whenQuiet();
            const values = await prepared.sample();
            if (round > 0) this.#sampled.get(measure)?.push(...values);
          });
        }
      }
    } finally {
      for (const prepared of this.#running.values()) await prepared.close().catch(notClosed);
    }
    const results = [...this.#sampled].map(([measure, values]) => summarize(measure, values, rounds));
    for (const { name, system, median, unit } of results) say(`${name} ${system}: ${median} ${unit}`);
    return results;
  }

  /** What may fail is left out from then on. */
  async #attempt(measure: Measure, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!measure.mayFail) throw error;
      this.#sampled.delete(measure);
      this.#leaveOut(measure, error instanceof Error ? error.message : String(error));
      const prepared = this.#running.get(measure);
      this.#running.delete(measure);
      await prepared?.close().catch(notClosed);
    }
  }

  #leaveOut({ name, system, unit }: Measure, why: string): void {
    this.leftOut.push({ system: `${system}, ${name} (${unit})`, why });
    say(`${name} ${system} (${unit}) is left out: ${why}`);
  }
}

/** Told, and no more: those behind it are closed too, else their processes would keep this one from ending; and results are results. */
function notClosed(error: unknown): void {
  process.stderr.write(`bench: what was measured could not be closed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}

function commandLine(): string {
  return ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ');
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000) throw new InvalidArgumentError('must be a whole number from 1 to 1000');
  return value;
}

const command = new Command('bench')
  .argument('[names...]', names.join(', '))
  .option('--peers', 'other systems beside us')
  .option('--write', 'write results/, also if only some are measured')
  .option('--rounds <number>', 'counted rounds: 5, or 3 with peers', wholeNumber)
  .option('--json', 'one JSON object on standard output')
  .action(run);

try {
  await command.parseAsync();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}

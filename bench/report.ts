/** What a run of the benchmark found, and that as a table. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { Result } from './measure.ts';
import type { LeftOut } from './peers.ts';

export interface Run {
  readonly command: string;
  /** When it had ended: ISO 8601. */
  readonly date: string;
  readonly machine: {
    readonly cpus: number;
    readonly model: string;
    readonly memoryGiB: number;
    readonly os: string;
  };
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  readonly results: readonly Result[];
  readonly leftOut: readonly LeftOut[];
}

export function makeRun(run: Omit<Run, 'date' | 'machine'>): Run {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  const versions = { node: process.version, v8: process.versions.v8, pheromone: manifest.version, ...run.versions };
  return { ...run, date: new Date().toISOString(), machine: machine(), versions };
}

function machine(): Run['machine'] {
  const cpus = os.cpus();
  return {
    cpus: cpus.length,
    model: cpus[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    os: `${os.type()} ${os.release()}`,
  };
}

export function markdownTable({ command, date, machine, versions, rounds, results, leftOut }: Run): string {
  const { cpus, model, memoryGiB, os: system } = machine;
  const software = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const rows = results.map((result) => [
    result.name,
    result.system,
    durability(result),
    String(result.median),
    String(result.p99),
    result.unit,
    describe(result.settings),
  ]);
  return [
    `\`${command}\`, ended ${date}; ${rounds} rounds; ${cpus} × ${model}, ${memoryGiB} GiB, ${system}; ${software.join(', ')}`,
    '',
    tableOf(['what', 'system', 'durable', 'median', 'p99', 'unit', 'settings'], rows),
    ...(leftOut.length > 0 ? ['', 'Left out:', '', ...leftOut.map(({ system, why }) => `- ${system}: ${oneLine(why)}`)] : []),
  ].join('\n');
}

export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => oneLine(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function durability({ durable }: Result): string {
  if (durable === undefined) return '–';
  return durable ? 'yes' : 'no';
}

function describe(settings: Result['settings']): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(', ');
}

const lengthMax = 300;

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > lengthMax ? `${line.slice(0, lengthMax)}…` : line;
}

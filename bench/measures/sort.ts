/**
 * Records of the sort benchmark, from file to file: ours beside GNU sort, each a process from its start to its end, its loading included.
 * `SORT_RECORDS=10000000 npm run bench -- sort` sorts a gigabyte.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateFile, summarizeFile } from '../../scenarios/sort/files.ts';
import { Gensort } from '../../scenarios/sort/gensort.ts';
import type { Measure, Prepared } from '../measure.ts';
import { check } from '../runtime.ts';

const records = Number(process.env['SORT_RECORDS'] ?? 1_000_000);
/** The default. Of a gigabyte, two passes are made. */
const storeBytes = 2 ** 30;
const program = fileURLToPath(new URL('../programs/sort.ts', import.meta.url));
const lookMs = 20;

interface Files {
  readonly directory: string;
  readonly input: string;
  readonly output: string;
  readonly checksum: string;
}

let files: Promise<Files> | null = null;
let users = 0;

/** One input for all. It is made for the first, and removed after the last. */
function openFiles(): Promise<Files> {
  users++;
  files ??= makeFiles();
  return files;
}

async function closeFiles(): Promise<void> {
  if (--users > 0 || !files) return;
  const { directory } = await files;
  files = null;
  await rm(directory, { recursive: true });
}

async function makeFiles(): Promise<Files> {
  check(Number.isInteger(records) && records > 0, 'SORT_RECORDS must be a whole number of at least 1');
  const directory = await mkdtemp(join(tmpdir(), 'pheromone-bench-sort-'));
  const input = join(directory, 'input');
  await generateFile(input, new Gensort('ascii'), records);
  const { checksum } = await summarizeFile(input, (await stat(input)).size);
  return { directory, input, output: join(directory, 'output'), checksum };
}

interface Ran {
  readonly ms: number;
  readonly peakMiB: number;
}

/** Runs a command that sorts, and checks what it has written. */
async function sortBy(command: (files: Files) => readonly string[], { directory, ...rest }: Files): Promise<Ran> {
  const [file = '', ...args] = command({ directory, ...rest });
  const env = { ...process.env, LC_ALL: 'C', TMPDIR: directory };
  const startedMs = performance.now();
  const child = spawn(file, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  let peakMiB = 0;
  const looking = setInterval(() => (peakMiB = Math.max(peakMiB, peakOf(child.pid))), lookMs);
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve));
  const ms = performance.now() - startedMs;
  clearInterval(looking);
  check(code === 0, `${file} ended with exit code ${String(code)}`);
  const found = await summarizeFile(rest.output, (await stat(rest.output)).size);
  check(found.records === records && found.checksum === rest.checksum && found.unordered === 0, `${file}: ${JSON.stringify(found)}`);
  return { ms, peakMiB };
}

/** What the system says of a process: the most memory that it has had. 0 where it does not say, or when the process has gone. */
function peakOf(pid: number | undefined): number {
  try {
    const [, kibibytes = 0] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kibibytes) / 1_024;
  } catch {
    return 0;
  }
}

/** The time of a command, and the memory that it took each time. */
function measuresOf(system: string, settings: Measure['settings'], command: (files: Files) => readonly string[]): Measure[] {
  let last: Ran | null = null;
  const prepared = async (sample: (files: Files) => Promise<number>): Promise<Prepared> => {
    const opened = await openFiles();
    return { sample: async () => [await sample(opened)], close: closeFiles };
  };
  const measure = { name: 'sort', system, settings: { records, kind: 'ascii', ...settings } };
  return [
    { ...measure, unit: 'ms', prepare: () => prepared(async (opened) => (last = await sortBy(command, opened)).ms) },
    { ...measure, unit: 'MiB at most', prepare: () => prepared(async () => last?.peakMiB ?? 0) },
  ];
}

export const sortMeasures: readonly Measure[] = [
  ...measuresOf('pheromone', { executors: 2, storeMiB: storeBytes / 2 ** 20 }, ({ input, output }) => [
    ...[process.execPath, '--import=tsx', '--conditions=source', program],
    ...[input, output, String(storeBytes)],
  ]),
  ...measuresOf('floor: GNU sort', { locale: 'C', parallel: 2 }, ({ input, output }) => ['sort', '--parallel=2', '-o', output, input]),
];

/** MapReduce: the words of 32 MB of text, in 8 maps and 4 reduces, which are the same functions for every system. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Runtime } from 'pheromone';
import { runMapReduce } from 'pheromone/mapreduce';
import app from '../apps/word-count/app.ts';
import { functionsFile } from '../apps/word-count/bundle.ts';
import { mapPart, maps, reducers, reduceShare, type ShareCounts } from '../apps/word-count/functions.ts';
import { textBytes, textParts } from '../apps/word-count/text.ts';
import { type Measure, timed } from '../measure.ts';
import { startProgram } from '../processes.ts';
import { check, ours } from '../runtime.ts';

export const settings = { textMB: textBytes / 2 ** 20, maps, reducers };
/** By anyone: in the first rounds, code is still being compiled. */
export const warmUps = 4;
const name = 'word-count';

/** Counts the words of the parts; how is the system's own. */
type Count = (parts: readonly Uint8Array[]) => Promise<readonly ShareCounts[]>;

/** A round, by any system. The text is where its user has it: in the memory of this process. */
async function countOnce(count: Count): Promise<readonly number[]> {
  const parts = theParts();
  let shares: readonly ShareCounts[] = [];
  const tookMs = await timed(async () => (shares = await count(parts)));
  const total = (field: 'words' | 'distinct' | 'fingerprint') => shares.reduce((sum, share) => sum + share[field], 0);
  const found = [total('words'), total('distinct'), total('fingerprint') % 2 ** 32].join();
  check(found === (expected ??= expectation(parts)), name);
  return [tookMs];
}

let made: readonly Uint8Array[] | null = null;
let expected: string | null = null;

function theParts(): readonly Uint8Array[] {
  return (made ??= textParts());
}

/** All of the text as one part. */
function expectation(parts: readonly Uint8Array[]): string {
  const { words, distinct, fingerprint } = reduceShare(mapPart(Buffer.concat(parts)));
  return [words, distinct, fingerprint].join();
}

let given: object | null = null;

/** What a peer's process is told: files with the functions and the parts, which it reads before it is measured, and what is to be found. */
export async function givenToPeers(): Promise<object> {
  if (given) return given;
  const parts = theParts();
  const directory = makeDirectory();
  const files = parts.map((_, i) => join(directory, `part-${i}`));
  for (const [i, file] of files.entries()) writeFileSync(file, parts[i] as Uint8Array);
  return (given = { functions: await functionsFile(), files, reducers, expected: (expected ??= expectation(parts)) });
}

/** It goes when this process ends. */
function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'pheromone-bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function countHere(parts: readonly Uint8Array[]): Promise<readonly ShareCounts[]> {
  const mapped = parts.map(mapPart);
  return Array.from({ length: reducers }, (_, share) => reduceShare(blocksOf(mapped, share)));
}

function blocksOf(mapped: readonly (readonly Uint8Array[])[], share: number): Uint8Array[] {
  return mapped.map((blocks) => blocks[share] as Uint8Array);
}

// #region word-count
async function callMapReduce(runtime: Runtime, parts: readonly Uint8Array[]): Promise<readonly ShareCounts[]> {
  const shares: ShareCounts[] = [];
  for await (const { value } of runMapReduce(runtime, app, { inputs: parts, partitions: reducers })) shares.push(value);
  return shares;
}
// #endregion

const countOurs = (runtime: Runtime) => countOnce((parts) => callMapReduce(runtime, parts));

async function repeatedly(count: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < warmUps; i++) await count();
}

const coreutils = "tr -cs A-Za-z '\\n' | tr A-Z a-z | sort | uniq -c";

const coreutilsMsMax = 60_000;

/** The text is in a file, and its counts are added up, but for that of what is before the first word. */
const ofCoreutils: Measure = {
  ...{ name, system: 'floor: coreutils', unit: 'ms', settings: { textMB: settings.textMB, command: coreutils, LC_ALL: 'C' } },
  async prepare() {
    const file = join(makeDirectory(), 'text');
    writeFileSync(file, Buffer.concat(theParts()));
    const { words, distinct } = reduceShare(theParts().flatMap(mapPart));
    const script = `< "$0" ${coreutils} | awk 'NF == 2 { words += $1; distinct++ } END { print words, distinct }'`;
    const shell = await startProgram(fileURLToPath(new URL('../programs/shell.mjs', import.meta.url)), [script, file]);
    const count = async () => {
      const { error, stdout } = (await shell.ask({ msMax: coreutilsMsMax }, 2 * coreutilsMsMax)) as {
        readonly error: string | null;
        readonly stdout: string;
      };
      check(stdout.trim() === `${words} ${distinct}`, `${name}: coreutils found ${error ?? stdout.trim()}`);
    };
    return { sample: async () => [await timed(count)], close: () => shell.stop() };
  },
};

export const wordCountMeasures: readonly Measure[] = [
  ours(name, 'ms', app, { ...settings, warmUps }, countOurs, (runtime) => repeatedly(() => countOurs(runtime))),
  {
    ...{ name, system: 'floor: one thread', unit: 'ms', settings: { ...settings, warmUps, threads: 1 } },
    async prepare() {
      await repeatedly(() => countOnce(countHere));
      return { sample: () => countOnce(countHere), close: async () => undefined };
    },
  },
  ofCoreutils,
];

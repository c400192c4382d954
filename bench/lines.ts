/**
 * `node --import=tsx bench/lines.ts`: how many lines a user writes for each workload, with us and with each peer, as a table. The rule:
 *
 *     Counted are the lines between `// #region WORKLOAD…` and `// #endregion` of the code that is measured, which all has one formatter;
 *     not blank ones, nor those that are only a comment. `open` is what starts and connects, once for all workloads.
 *
 * Left out for all alike: imports, servers and nodes that are started, and what takes times and checks results.
 */
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { tableOf } from './report.ts';

/** By system. */
type Lines = ReadonlyMap<string, ReadonlyMap<string, number>>;

const peer = (...files: readonly string[]) => files.map((file) => `peers/systems/${file}`);
const measures = ['call', 'chain', 'fan', 'sleep', 'stream', 'word-count'].map((name) => `measures/${name}.ts`);
const filesOf: Readonly<Record<string, readonly string[]>> = {
  pheromone: ['apps/paths.ts', 'apps/waiting.ts', 'apps/stream.ts', 'apps/word-count/app.ts', 'runtime.ts', ...measures],
  'tinypool, piscina': peer('thread-pool.mjs', 'pool-thread.mjs', 'pool-sleep.mjs'),
  workerpool: peer('workerpool.mjs', 'workerpool-thread.mjs', 'pool-thread.mjs', 'workerpool-words.mjs'),
  moleculer: peer('moleculer.mjs', 'moleculer-node.mjs'),
  Effect: peer('effect.mjs'),
  BullMQ: peer('bullmq.mjs', 'bullmq-words.mjs'),
  Restate: peer('restate.mjs'),
  DBOS: peer('dbos.mjs'),
};

export async function countLines(): Promise<Lines> {
  const systems = new Map<string, Map<string, number>>();
  for (const [system, files] of Object.entries(filesOf)) {
    const lines = new Map<string, number>();
    for (const file of files) {
      const text = await readFile(new URL(file, import.meta.url), 'utf8');
      for (const [workload, count] of linesOfRegions(text, file)) lines.set(workload, (lines.get(workload) ?? 0) + count);
    }
    systems.set(system, lines);
  }
  return systems;
}

/** A region may be of several workloads; each has all of it. */
export function linesOfRegions(text: string, file: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  let region: readonly string[] | null = null;
  for (const line of text.split('\n').map((line) => line.trim())) {
    const opened = /^\/\/ #region (.+)$/.exec(line)?.[1];
    const isClosed = line === '// #endregion';
    if ((opened !== undefined && region) || (isClosed && !region)) throw new Error(`${file}: ${line} is out of place`);
    if (opened !== undefined) region = opened.split(' ');
    else if (isClosed) region = null;
    else if (region && isCode(line)) for (const workload of region) lines.set(workload, (lines.get(workload) ?? 0) + 1);
  }
  if (region) throw new Error(`${file}: a region does not end`);
  return lines;
}

function isCode(line: string): boolean {
  return line !== '' && !['//', '/*', '*'].some((start) => line.startsWith(start));
}

export function linesTable(systems: Lines): string {
  const workloads = [...new Set([...systems.values()].flatMap((lines) => [...lines.keys()]))].sort();
  const rows = [...systems].map(([system, lines]) => [system, ...workloads.map((workload) => String(lines.get(workload) ?? '–'))]);
  return tableOf(['system', ...workloads], rows);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.stdout.write(`${linesTable(await countLines())}\n`);

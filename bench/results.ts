/**
 * `bench/results/`: what the last run found of each measure, as JSON, as a page, and as figures. A run of some measures replaces what
 * earlier runs found of these, and no more: each run stays by itself, with its machine and its time.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { drawFigure, figuresOf } from './figures.ts';
import { countLines, linesTable } from './lines.ts';
import { markdownTable, type Run } from './report.ts';

const folder = new URL('results/', import.meta.url);

export async function writeResults(run: Run, say: (text: string) => void): Promise<void> {
  await mkdir(folder, { recursive: true });
  const runs = mergeRuns(await readRuns(), run);
  await writeFile(new URL('results.json', folder), `${JSON.stringify({ runs }, null, 2)}\n`);
  const figures = figuresOf(runs.flatMap(({ results }) => results));
  for (const file of await readdir(folder)) if (file.endsWith('.svg')) await rm(new URL(file, folder));
  for (const figure of figures) await writeFile(new URL(figure.file, folder), await drawFigure(figure));
  const lines = linesTable(await countLines());
  await writeFile(new URL('README.md', folder), page(runs, figures, lines));
  say(`written to bench/results: results.json, README.md, ${figures.map(({ file }) => file).join(', ')}`);
}

async function readRuns(): Promise<readonly Run[]> {
  try {
    const { runs } = JSON.parse(await readFile(new URL('results.json', folder), 'utf8')) as { runs: readonly Run[] };
    return runs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** The earlier runs without what the new one has measured too. */
export function mergeRuns(earlier: readonly Run[], run: Run): readonly Run[] {
  const again = new Set(run.results.map(({ name }) => name));
  const kept = earlier.map((old) => ({ ...old, results: old.results.filter(({ name }) => !again.has(name)) }));
  return [...kept.filter(({ results }) => results.length > 0), run];
}

function page(runs: readonly Run[], figures: readonly { readonly title: string; readonly file: string }[], lines: string): string {
  return [
    '# Measured',
    '',
    'Written by the benchmark: `npm run bench -- --peers`. Medians and 99th percentiles; systems of one measure are sampled in turn, each',
    'round in the other order, when the machine is quiet. Durable is a system that still has what it accepted when all of its processes have',
    'died; compare like with like. A floor is what the machine takes without any system. Settings are what each was given: slow systems get',
    'less to do.',
    '',
    ...figures.flatMap(({ title, file }) => [`![${title}](${file})`, '']),
    ...runs.flatMap((run) => [markdownTable(run), '']),
    '## Lines of user code',
    '',
    lines,
    '',
  ].join('\n');
}

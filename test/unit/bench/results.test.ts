import test from 'ava';
import { drawFigure, figuresOf } from '../../../bench/figures.ts';
import { countLines, linesOfRegions, linesTable } from '../../../bench/lines.ts';
import type { Result } from '../../../bench/measure.ts';
import { markdownTable, type Run } from '../../../bench/report.ts';
import { mergeRuns } from '../../../bench/results.ts';

const result = (name: string, system: string, more: Partial<Result> = {}): Result => ({
  ...{ name, system, unit: 'µs', median: 1.5, p99: 30, rounds: 3, settings: { length: 10 } },
  ...more,
});
const run = (results: readonly Result[], more: Partial<Run> = {}): Run => ({
  ...{ command: 'npm run bench', date: '2026-01-01T00:00:00.000Z', versions: { node: 'v20.19.0' }, rounds: 3, leftOut: [] },
  machine: { cpus: 2, model: 'a | b', memoryGiB: 4, os: 'Linux 6' },
  results,
  ...more,
});

test('bench: results: the table says of each system whether it is durable, and of a floor nothing', (t) => {
  const table = markdownTable(
    run([result('chain', 'pheromone', { durable: false }), result('chain', 'DBOS', { durable: true }), result('chain', 'floor: await')]),
  );
  t.true(table.includes('| chain | pheromone | no | 1.5 | 30 | µs | length 10 |'), table);
  t.true(table.includes('| chain | DBOS | yes | 1.5 | 30 | µs | length 10 |'), table);
  t.true(table.includes('| chain | floor: await | – | 1.5 | 30 | µs | length 10 |'), table);
});

test('bench: results: who is left out is told with the reason, in one line', (t) => {
  const table = markdownTable(run([], { leftOut: [{ system: 'DBOS', why: 'postgres\nis not installed' }] }));
  t.true(table.includes('- DBOS: postgres is not installed'), table);
});

test('bench: results: a cell cannot break the table', (t) => {
  const table = markdownTable(run([result('a', 'x|y')]));
  t.true(table.includes('| a | x\\|y |'), table);
});

test('bench: results: a run replaces what earlier ones found of its measures, and keeps the rest with its machine', (t) => {
  const earlier = run([result('call', 'pheromone'), result('chain', 'pheromone')], { date: 'earlier' });
  const merged = mergeRuns(
    [earlier, run([result('fan', 'x')], { date: 'gone' })],
    run([result('chain', 'y'), result('fan', 'y')], { date: 'new' }),
  );
  t.deepEqual(
    merged.map(({ date, results }) => [date, results.map(({ name, system }) => `${name} ${system}`)]),
    [
      ['earlier', ['call pheromone']],
      ['new', ['chain y', 'fan y']],
    ],
  );
});

test('bench: figures: a figure for each measure of more than one system, with a row per system and setting', async (t) => {
  const figures = figuresOf([
    result('chain', 'pheromone', { durable: false, unit: 'µs/hop', settings: { payload: 'none' } }),
    result('chain', 'pheromone', { durable: false, unit: 'µs/hop', settings: { payload: '100 bytes' } }),
    result('chain', 'DBOS', { durable: true, unit: 'µs/hop', median: 1_266, p99: 4_000 }),
    result('chain', 'floor: await', { unit: 'µs/hop', median: 0.06 }),
    result('start', 'pheromone', { durable: false, unit: 'ms' }),
  ]);
  t.deepEqual(
    figures.map(({ file, rows }) => [file, rows.map(({ label, kind }) => `${label}: ${kind}`)]),
    [
      [
        'chain-us-hop.svg',
        ['pheromone, payload none: pheromone', 'pheromone, payload 100 bytes: pheromone', 'DBOS: durable', 'floor: await: floor'],
      ],
    ],
  );
  for (const figure of figures) {
    const svg = await drawFigure(figure);
    for (const shown of ['<svg', 'prefers-color-scheme: dark', 'DBOS', '1266', 'log scale', '</svg>']) t.true(svg.includes(shown), shown);
  }
});

test('bench: figures: values that are near to each other are drawn on a scale from zero', async (t) => {
  const [figure] = figuresOf([result('sleep', 'a', { median: 1_100, p99: 1_200 }), result('sleep', 'b', { median: 1_900, p99: 2_000 })]);
  t.false(figure ? (await drawFigure(figure)).includes('log scale') : true);
});

test('bench: lines: what is between the marks counts, but for blank lines and comments; a region may be of several workloads', (t) => {
  const text = [
    'import x;',
    '// #region call chain',
    'a();',
    '',
    '// why',
    '/** what */',
    'b();',
    '// #endregion',
    'c();',
    '// #region call',
    'd();',
    '// #endregion',
  ];
  t.deepEqual(
    [...linesOfRegions(text.join('\n'), 'file')],
    [
      ['call', 3],
      ['chain', 2],
    ],
  );
});

test('bench: lines: a region that does not end, or is within another, is refused with the file', (t) => {
  t.throws(() => linesOfRegions('// #region call\na();', 'adapter.mjs'), { message: /adapter\.mjs: a region does not end/ });
  t.throws(() => linesOfRegions('// #region a\n// #region b', 'adapter.mjs'), { message: /adapter\.mjs: .*out of place/ });
});

test('bench: lines: every system has its call, chain and fan counted', async (t) => {
  const systems = await countLines();
  t.true(systems.size >= 8);
  for (const [system, lines] of systems)
    for (const workload of ['open', 'call', 'chain', 'fan']) t.true((lines.get(workload) ?? 0) > 0, `${system}: ${workload}`);
  t.true(linesTable(systems).startsWith('| system | call |'));
});

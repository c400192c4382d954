/** Figures of results: a row per system, a dot at the median and a line to the 99th percentile. Drawn as SVG by Vega-Lite, without a browser. */
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Result } from './measure.ts';

export interface Figure {
  readonly title: string;
  readonly file: string;
  readonly unit: string;
  readonly rows: readonly Row[];
}

interface Row {
  readonly label: string;
  readonly kind: Kind;
  readonly median: number;
  readonly p99: number;
}

type Kind = 'pheromone' | 'not durable' | 'durable' | 'floor';

/** Of light pages, and of dark ones. */
const inks = {
  background: ['#ffffff', '#0d1117'],
  text: ['#24292f', '#e6edf3'],
  grid: ['#d0d7de', '#30363d'],
  pheromone: ['#0550ae', '#58a6ff'],
  'not durable': ['#bc4c00', '#f0883e'],
  durable: ['#1a7f37', '#56d364'],
  floor: ['#6e7781', '#8b949e'],
} as const;
const kinds = ['pheromone', 'not durable', 'durable', 'floor'] as const satisfies readonly Kind[];
const light = (ink: keyof typeof inks) => inks[ink][0];

/** What the largest value must be of the smallest, for a logarithmic scale. */
const logRatioMin = 20;
const widthPx = 560;
const rowPx = 22;

/** One per measure and unit that has more than one system. */
export function figuresOf(results: readonly Result[]): readonly Figure[] {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const title = `${result.name}, ${result.unit}`;
    groups.set(title, [...(groups.get(title) ?? []), result]);
  }
  return [...groups]
    .filter(([, rows]) => new Set(rows.map(({ system }) => system)).size > 1)
    .map(([title, rows]) => ({
      title,
      file: `${title.replaceAll('µ', 'u').replaceAll(/[^a-z0-9]+/gi, '-')}.svg`,
      unit: rows[0]?.unit ?? '',
      rows: rows.map((row) => ({ label: labelOf(row, rows), kind: kindOf(row), median: row.median, p99: row.p99 })),
    }));
}

/** The system, and in which of its settings this row differs from its others. */
function labelOf({ system, settings }: Result, rows: readonly Result[]): string {
  const others = rows.filter((row) => row.system === system);
  const differing = Object.entries(settings).filter(([key, value]) => others.some((other) => other.settings[key] !== value));
  return [system, ...differing.map(([key, value]) => `${key} ${String(value)}`)].join(', ');
}

function kindOf({ system, durable }: Result): Kind {
  if (durable === undefined) return 'floor';
  if (system.startsWith('pheromone')) return 'pheromone';
  return durable ? 'durable' : 'not durable';
}

export async function drawFigure(figure: Figure): Promise<string> {
  const view = new View(parse(compile(specOf(figure)).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return `${withDarkInks(svg)}\n`;
}

/** Its colours by those who look at it: a style sheet goes before what the drawing says. */
function withDarkInks(svg: string): string {
  const rules = Object.values(inks).flatMap(([day, night]) => [`[fill="${day}"]{fill:${night}}`, `[stroke="${day}"]{stroke:${night}}`]);
  const style = `<style>@media (prefers-color-scheme: dark) { ${rules.join(' ')} }</style>`;
  return svg.replace(/<svg [^>]*>/, (opening) => `${opening}${style}`);
}

function specOf({ title, unit, rows }: Figure): TopLevelSpec {
  const values = rows.flatMap(({ median, p99 }) => [median, p99]);
  const isWide = Math.max(...values) > logRatioMin * Math.min(...values) && Math.min(...values) > 0;
  const scale = isWide ? ({ type: 'log' } as const) : ({ type: 'linear', zero: true } as const);
  const y = { field: 'label', type: 'nominal', sort: null, title: null, axis: { labelLimit: 360 } } as const;
  const color = { field: 'kind', type: 'nominal', title: null, scale: { domain: [...kinds], range: kinds.map(light) } } as const;
  const x = {
    field: 'median',
    type: 'quantitative',
    scale,
    title: `${unit}: ● median, line to p99${isWide ? ' (log scale)' : ''}`,
  } as const;
  return {
    data: { values: rows.map((row) => ({ ...row, shown: `${row.median}` })) },
    width: widthPx,
    height: { step: rowPx },
    title: { text: title, anchor: 'start' },
    encoding: { y, color },
    layer: [
      { mark: { type: 'rule', strokeWidth: 2, opacity: 0.6 }, encoding: { x, x2: { field: 'p99' } } },
      { mark: { type: 'point', filled: true, size: 70, opacity: 1 }, encoding: { x } },
      {
        mark: { type: 'text', align: 'left', dx: 8, dy: -8, fontSize: 9 },
        encoding: { x, text: { field: 'shown' }, color: { value: light('text') } },
      },
    ],
    config: {
      background: light('background'),
      axis: {
        labelColor: light('text'),
        titleColor: light('text'),
        gridColor: light('grid'),
        domainColor: light('grid'),
        tickColor: light('grid'),
      },
      legend: { labelColor: light('text'), titleColor: light('text') },
      title: { color: light('text') },
      view: { stroke: light('grid') },
    },
  };
}

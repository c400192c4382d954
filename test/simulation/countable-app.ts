/**
 * Random apps whose outcome can be counted without running them, whatever order things happen in: the reference for simulations.
 *
 * Layers of buckets, each with one trigger that loses nothing and does not depend on the order of arrival. A function's sends
 * depend on nothing but the number of its invocations, so these follow from the number of objects, layer by layer.
 */
import type { FunctionDefinition } from '../../src/actors/app.ts';
import type { Op, Program } from './program.ts';
import { keys, randomBackoff, type SimulatedApp, trigger } from './random-app.ts';
import type { Random } from './random.ts';

const layersMax = 5;
const sizesBytes = [12, 60, 100, 700] as const;

/** An object as far as triggers tell objects apart. */
export interface Countable {
  readonly key: string;
  readonly group: string | null;
}

export function countableApp(name: string, module: string, random: Random): SimulatedApp {
  const layers = random.int(1, layersMax);
  const buckets = Array.from({ length: layers }, (_, i) => ({ name: `b${i}`, external: false }));
  const programs: Record<string, Program> = {};
  const functions: FunctionDefinition[] = [];
  for (let i = 0; i < layers; i++) {
    const program = layerProgram(`b${i + 1}`, i === layers - 1, random);
    programs[`f${i}`] = program;
    const sends = program.some((op) => op.do === 'send') ? [`b${i + 1}`] : [];
    functions.push({
      name: `f${i}`,
      sends,
      timeoutMs: null,
      retry: { attemptsMax: 4, backoff: randomBackoff(random) },
      concurrency: random.pick([1, 4]),
      placement: 'near',
    });
  }
  const triggers = buckets.map((bucket, i) => {
    const [primitive, options] = layerCondition(i === 0 ? 'f0' : `f${i - 1}`, random);
    return trigger(`t${i}`, bucket.name, primitive, options, `f${i}`);
  });
  return { definition: { name, module, buckets, functions, triggers, customPrimitives: [] }, programs };
}

function layerCondition(source: string, random: Random): [string, unknown] {
  return random.pick([
    ['immediate', null],
    ['immediate', null],
    ['byName', { key: 'a' }],
    ['dynamicGroup', { sources: [source] }],
    ['byBatchSize', { count: random.int(1, 4), scope: 'session' }],
  ] as [string, unknown][]);
}

function layerProgram(next: string, isLast: boolean, random: Random): Program {
  const program: Op[] = [];
  if (random.chance(0.15)) program.push({ do: 'throw', untilAttempt: 2 });
  const count = random.int(0, 3);
  for (let i = 0; i < count; i++) {
    if (random.chance(0.4)) program.push({ do: 'wait', ms: random.int(0, 100) });
    const sizeBytes = random.pick(sizesBytes);
    const delayMs = random.pick([0, 0, 0, 40]);
    if (!isLast)
      program.push({ do: 'send', bucket: next, key: random.pick(keys), group: random.pick([null, 'x', 'y']), sizeBytes, delayMs });
    if (random.chance(0.3)) program.push({ do: 'output', sizeBytes });
  }
  // A part of it has left when it fails: what has left must not count twice.
  if (random.chance(0.15)) program.push({ do: 'throw', untilAttempt: random.int(2, 3) });
  return program;
}

/** How many invocations each function has, and how many outputs the session, if its entries are these. */
export function countApp(
  { definition, programs }: SimulatedApp,
  entries: readonly Countable[],
): { readonly invocations: ReadonlyMap<string, number>; readonly outputs: number } {
  const invocations = new Map<string, number>();
  let outputs = 0;
  let objects = entries;
  for (const { primitive, options, function: fn } of definition.triggers) {
    const count = countFirings(primitive, options, objects);
    const program = programs[fn] ?? [];
    if (count > 0) invocations.set(fn, count);
    outputs += count * program.filter((op) => op.do === 'output').length;
    const sent = program.flatMap((op): Countable[] =>
      op.do === 'send' ? [{ key: op.key as string, group: op.group as string | null }] : [],
    );
    objects = Array.from({ length: count }, () => sent).flat();
  }
  return { invocations, outputs };
}

function countFirings(primitive: string, options: unknown, objects: readonly Countable[]): number {
  switch (primitive) {
    case 'immediate':
      return objects.length;
    case 'byName':
      return objects.filter(({ key }) => key === (options as { key: string }).key).length;
    case 'dynamicGroup':
      return new Set(objects.map(({ group }) => group)).size;
    case 'byBatchSize':
      return Math.ceil(objects.length / (options as { count: number }).count);
    default:
      throw new Error(`bug: ${primitive} is not countable`);
  }
}

/**
 * Random apps: functions that are programs, buckets, and triggers of all eight primitives.
 *
 * Most functions send to later buckets only, so that sessions end by themselves; loops either count hops or run into
 * `invocationsMax`. What is declared in `sends` is what the program sends to, more than that, or nothing.
 */
import {
  type AppDefinition,
  type BackoffDefinition,
  checkApp,
  type FunctionDefinition,
  type TriggerDefinition,
  traitsOf,
} from '../../src/actors/app.ts';
import { builtInPrimitives } from '../../src/actors/bucket/primitives/index.ts';
import { type Op, type Program, type Programs, sendsOf } from './program.ts';
import type { Random } from './random.ts';

export interface SimulatedApp {
  readonly definition: AppDefinition;
  readonly programs: Programs;
}

export const keys = ['a', 'b', 'c'] as const;
const groups = [null, 'x', 'y'] as const;
const sizesBytes = [12, 20, 60, 100, 400, 1_500] as const;

export function trigger(
  name: string,
  bucket: string,
  primitive: string,
  options: unknown,
  fn: string,
  rerun: TriggerDefinition['rerun'] = null,
): TriggerDefinition {
  const found = builtInPrimitives.get(primitive);
  if (!found) throw new Error(`bug: no primitive ${primitive}`);
  return { name, bucket, primitive, options, function: fn, rerun, traits: traitsOf(found, options) };
}

export function randomBackoff(random: Random): BackoffDefinition {
  return { initialMs: random.pick([0, 5, 50]), factor: random.pick([1, 2]), maxMs: 200 };
}

export function randomApp(name: string, module: string, random: Random): SimulatedApp {
  const bucketNames = Array.from({ length: random.int(2, 6) }, (_, i) => `b${i}`);
  const functionNames = Array.from({ length: random.int(1, 5) }, (_, i) => `f${i}`);
  const hasExternal = random.chance(0.1);
  const buckets = bucketNames.map((bucket) => ({ name: bucket, external: hasExternal && random.chance(0.5) }));
  const triggers = randomTriggers(bucketNames, functionNames, random);
  const programs: Record<string, Program> = {};
  const functions = functionNames.map((fn): FunctionDefinition => {
    const program = randomProgram(fn, bucketNames, triggers, random);
    programs[fn] = program;
    return {
      name: fn,
      sends: declared(program, bucketNames, random),
      timeoutMs: random.chance(0.3) || program.some((op) => op.do === 'hang') ? random.int(50, 1_000) : null,
      retry: { attemptsMax: random.int(1, 4), backoff: randomBackoff(random) },
      concurrency: random.pick([1, 1, 2, 8]),
      placement: 'near',
    };
  });
  const definition: AppDefinition = { name, module, buckets, functions, triggers, customPrimitives: [] };
  const bad = checkApp(definition, (kind) => builtInPrimitives.get(kind));
  if (bad) throw new Error(`bug: a random app is refused: ${bad.field} ${String(bad.value)} ${bad.message}`);
  return { definition, programs };
}

function randomTriggers(buckets: readonly string[], functions: readonly string[], random: Random): TriggerDefinition[] {
  const triggers: TriggerDefinition[] = [];
  for (const bucket of buckets) {
    const count = random.pick([0, 1, 1, 1, 2, 3]);
    for (let i = 0; i < count; i++) triggers.push(randomTrigger(`t${triggers.length}`, bucket, functions, random));
  }
  return triggers;
}

export function randomTrigger(name: string, bucket: string, functions: readonly string[], random: Random): TriggerDefinition {
  const fn = random.pick(functions);
  const source = random.pick(functions);
  const rerun = random.chance(0.15)
    ? {
        source,
        key: random.pick([null, 'a']),
        timeoutMs: random.int(20, 400),
        attemptsMax: random.int(1, 3),
        backoff: randomBackoff(random),
      }
    : null;
  const [primitive, options] = randomCondition(functions, random);
  return trigger(name, bucket, primitive, options, fn, rerun);
}

function randomCondition(functions: readonly string[], random: Random): [string, unknown] {
  const scope = random.pick(['app', 'session']);
  const partition = random.chance(0.3) ? { partitionBy: 'group' } : {};
  const sources = functions.filter(() => random.chance(0.5));
  const some = sources.length > 0 ? sources : [random.pick(functions)];
  switch (
    random.weighted({ immediate: 6, byName: 2, bySet: 3, dynamicJoin: 2, byBatchSize: 4, byTime: 4, redundant: 2, dynamicGroup: 3 })
  ) {
    case 'immediate':
      return ['immediate', null];
    case 'byName':
      return ['byName', { key: random.pick(keys) }];
    case 'bySet':
      return ['bySet', { keys: random.pick([['a'], ['a', 'b'], ['c', 'a', 'b']]) }];
    case 'dynamicJoin':
      return ['dynamicJoin', null];
    case 'byBatchSize': {
      const wait = random.chance(0.4) ? { maxWaitMs: random.int(5, 500) } : {};
      const end = scope === 'session' && random.chance(0.3) ? { flushAtEnd: random.chance(0.5) } : {};
      return [
        'byBatchSize',
        { count: random.int(1, 4), scope, ...(random.chance(0.3) && { maxBytes: random.int(50, 1_000) }), ...wait, ...partition, ...end },
      ];
    }
    case 'byTime': {
      if (random.chance(0.5)) return ['byTime', { quietMs: random.int(5, 300), scope, ...partition }];
      const fireEmpty = scope === 'app' && !('partitionBy' in partition) && random.chance(0.2);
      return ['byTime', { windowMs: random.int(fireEmpty ? 200 : 5, 500), scope, ...partition, ...(fireEmpty && { fireEmpty }) }];
    }
    case 'redundant': {
      const n = random.int(1, 4);
      return ['redundant', { k: random.int(1, n), n, sources: some, cancelLate: random.chance(0.7), abortGraceMs: random.int(0, 100) }];
    }
    case 'dynamicGroup':
      return ['dynamicGroup', { sources: some }];
  }
}

function randomProgram(fn: string, buckets: readonly string[], triggers: readonly TriggerDefinition[], random: Random): Program {
  const inputs = triggers.filter((one) => one.function === fn).map((one) => buckets.indexOf(one.bucket));
  const after = buckets.slice(Math.max(-1, ...inputs) + 1);
  const joins = triggers.filter((one) => one.primitive === 'dynamicJoin').map((one) => one.bucket);
  const length = random.int(0, 5);
  const program: Op[] = [];
  if (random.chance(0.15)) program.push(randomTrouble(random));
  for (let i = 0; i < length; i++) program.push(randomOp(buckets, after, joins, random));
  if (random.chance(0.05)) program.push(randomTrouble(random));
  return program;
}

function randomTrouble(random: Random): Op {
  const untilAttempt = random.pick([2, 2, 2, 3, 9]);
  const trouble = random.weighted({ throw: 5, crash: 1, hang: 2 });
  return trouble === 'hang' ? { do: 'hang', untilAttempt, ignoresAbort: random.chance(0.3) } : { do: trouble, untilAttempt };
}

function randomOp(buckets: readonly string[], after: readonly string[], joins: readonly string[], random: Random): Op {
  const kind = random.weighted({ wait: 4, send: 9, hop: 1, output: 3, get: 2, expect: joins.length > 0 ? 2 : 0 });
  const sizeBytes = random.pick(sizesBytes);
  switch (kind) {
    case 'wait':
      return { do: 'wait', ms: random.pick([0, 1, 20, 200]) };
    case 'send': {
      const isBackwards = after.length === 0 ? random.chance(0.1) : random.chance(0.02);
      const [bucket] = isBackwards ? [random.pick(buckets)] : after.length > 0 ? [random.pick(after)] : [];
      if (bucket === undefined) return { do: 'output', sizeBytes };
      const key = random.chance(0.15) ? ({ of: 'key' } as const) : random.pick(keys);
      const group = random.chance(0.15) ? ({ of: 'group' } as const) : random.pick(groups);
      return { do: 'send', bucket, key, group, sizeBytes, delayMs: random.pick([0, 0, 0, 0, 10, 300]) };
    }
    case 'hop':
      return { do: 'hop', bucket: random.pick(buckets), sizeBytes };
    case 'output':
      return { do: 'output', sizeBytes };
    case 'get':
      return { do: 'get', bucket: random.pick(buckets), key: random.pick([null, ...keys]) };
    case 'expect': {
      const byKeys = random.chance(0.5);
      const group = random.pick(groups);
      return {
        do: 'expect',
        bucket: random.pick(joins),
        group,
        keys: byKeys ? random.pick([['a'], ['a', 'b']]) : null,
        count: byKeys ? null : random.int(0, 3),
      };
    }
  }
}

function declared(program: Program, buckets: readonly string[], random: Random): readonly string[] | null {
  if (random.chance(0.4)) return null;
  const sends = new Set(sendsOf(program));
  if (random.chance(0.2)) sends.add(random.pick(buckets));
  return [...sends];
}

/**
 * From what users wrote to the app as data: collects buckets, functions and custom primitives, names triggers, fills defaults.
 */
import type { AppDefinition, FunctionDefinition, RerunDefinition, TriggerDefinition, TriggerTraits } from '../actors/app.ts';
import { builtInPrimitives } from '../actors/bucket/primitives/index.ts';
import type { Primitive as Evaluator } from '../actors/bucket/primitives/primitive.ts';
import type { AnyBucket } from './bucket.ts';
import type { AppOptions } from './define-app.ts';
import { invalidDefinition } from './errors.ts';
import { type AnyFn, backoffOf, isFn } from './fn.ts';
import type { RerunOptions, Trigger } from './trigger.ts';

/** The parts of any app. */
export type AppParts = AppOptions<Trigger, AnyBucket, AnyFn>;

export interface DescribedApp {
  readonly definition: AppDefinition;
  readonly functions: readonly AnyFn[];
  /** The app's own primitives, by kind. */
  readonly evaluators: ReadonlyMap<string, Evaluator>;
}

/** The app as data, of well-formed parts; unchecked, and its triggers without traits. Throws `InvalidDefinition` if two primitives are of one kind. */
export function describeApp(at: string, name: string, options: AppParts): DescribedApp {
  const { triggers } = options;
  const functions = collectFunctions(options);
  const evaluators = collectEvaluators(at, triggers);
  const names = new Set(triggers.flatMap((trigger) => trigger.name ?? []));
  const definition: AppDefinition = {
    name,
    module: moduleFile(options.module),
    buckets: collectBuckets(options, functions).map((bucket) => ({ name: bucket.name, external: bucket.external })),
    functions: functions.map(describeFunction),
    triggers: triggers.map((trigger) => describeTrigger(trigger, names)),
    customPrimitives: [...evaluators.keys()],
  };
  return { definition, functions, evaluators };
}

/** The file, whatever query it was imported with: `import('./app.ts?2')` loads the same module once more, changed. */
function moduleFile(module: string): string {
  const url = new URL(module);
  url.search = '';
  url.hash = '';
  return url.href;
}

function describeFunction({ name, sends, timeoutMs, retry, concurrency, placement }: AnyFn): FunctionDefinition {
  return { name, sends: sends && sends.map((bucket) => bucket.name), timeoutMs, retry, concurrency, placement };
}

/** Until the trigger's options have been checked: a primitive may not be asked for traits before. */
const untold: TriggerTraits = {
  scope: 'session',
  sources: [],
  followsCompletion: false,
  absorbsLoss: false,
  flushesAtEnd: false,
  isAnnounced: false,
};

/**
 * A trigger as data, unchecked and without traits. Without a name of its own it becomes `bucket-primitive-function`, or that with a number where `taken` has
 * it already; the new name is added to `taken`.
 */
export function describeTrigger(trigger: Trigger, taken: Set<string>): TriggerDefinition {
  const { bucket, primitive, fn, rerun } = trigger;
  return {
    name: trigger.name ?? freeName(`${bucket.name}-${primitive.kind}-${fn.name}`, taken),
    bucket: bucket.name,
    primitive: primitive.kind,
    options: primitive.options,
    function: fn.name,
    rerun: rerun && describeRerun(rerun),
    traits: untold,
  };
}

function describeRerun(rerun: RerunOptions): RerunDefinition {
  const { source, key = null, timeoutMs, attemptsMax = 3, backoff } = rerun;
  return {
    source: isFn(source) ? source.name : source,
    key,
    timeoutMs,
    attemptsMax,
    backoff: backoffOf(backoff, { initialMs: 0, factor: 2, maxMs: 10_000 }),
  };
}

const nameCharactersMax = 64;

function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted.slice(0, nameCharactersMax);
  for (let n = 2; taken.has(name); n++) name = `${wanted.slice(0, nameCharactersMax - 5)}-${n}`;
  taken.add(name);
  return name;
}

function collectFunctions({ triggers, functions = [] }: AppParts): readonly AnyFn[] {
  const found = new Set<AnyFn>();
  for (const { fn, primitive, rerun } of triggers) {
    found.add(fn);
    for (const source of primitive.functions) found.add(source);
    if (isFn(rerun?.source)) found.add(rerun.source);
  }
  for (const fn of functions) found.add(fn);
  return [...found];
}

function collectBuckets({ triggers, buckets = [] }: AppParts, functions: readonly AnyFn[]): readonly AnyBucket[] {
  return [
    ...new Set([
      ...triggers.map((trigger) => trigger.bucket),
      ...functions.flatMap((fn) => [...fn.inputs, ...(fn.sends ?? [])]),
      ...buckets,
    ]),
  ];
}

function collectEvaluators(at: string, triggers: readonly Trigger[]): ReadonlyMap<string, Evaluator> {
  const evaluators = new Map<string, Evaluator>();
  for (const [i, { primitive }] of triggers.entries()) {
    const { kind, evaluator } = primitive;
    if (!evaluator) continue;
    const other = builtInPrimitives.get(kind) ?? evaluators.get(kind) ?? evaluator;
    if (other !== evaluator)
      throw invalidDefinition(at, `triggers[${i}].primitive`, kind, 'is the kind of another primitive: give yours a name of its own');
    evaluators.set(kind, evaluator);
  }
  return evaluators;
}

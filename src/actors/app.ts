/**
 * An app as data: what `defineApp` produces, what travels to coordinators and workers, and what registration checks.
 *
 * The API builds an `AppDefinition`; `checkApp` refuses a bad one with the field named; `compileApp` turns a good one into
 * the tables that sessions run on, so that nothing is looked up by name, and nothing derived twice, while they run.
 */
import type { Names, Primitive, Problem } from './bucket/primitives/primitive.ts';

export interface BackoffDefinition {
  /** Before the second attempt. */
  readonly initialMs: number;
  /** Each wait is so many times the one before. */
  readonly factor: number;
  readonly maxMs: number;
}

export interface RetryDefinition {
  /** Attempts in all, 1 to `attemptsMax`. */
  readonly attemptsMax: number;
  readonly backoff: BackoffDefinition;
}

export interface FunctionDefinition {
  readonly name: string;
  /** The buckets that it may send to; null: undeclared, so it may reach all. */
  readonly sends: readonly string[] | null;
  /** Each attempt's limit; null: none but the session's deadline. */
  readonly timeoutMs: number | null;
  readonly retry: RetryDefinition;
  /** How many invocations of it one executor interleaves. */
  readonly concurrency: number;
  /** Where an executor is free: `near` where its inputs were produced, `spread` elsewhere. */
  readonly placement: Placement;
}

const placements = ['near', 'spread'] as const;
export type Placement = (typeof placements)[number];

export interface BucketDefinition {
  readonly name: string;
  /** Events from outside come here: a session that waits on it stays open until its deadline. */
  readonly external: boolean;
}

export interface RerunDefinition {
  readonly source: string;
  /** The expected object's key; null: any object of the source. */
  readonly key: string | null;
  readonly timeoutMs: number;
  /** Attempts in all, the first included. */
  readonly attemptsMax: number;
  readonly backoff: BackoffDefinition;
}

export interface TriggerDefinition {
  /** Unique in the app. */
  readonly name: string;
  readonly bucket: string;
  readonly primitive: string;
  readonly options: unknown;
  readonly function: string;
  readonly rerun: RerunDefinition | null;
  readonly traits: TriggerTraits;
}

export interface AppDefinition {
  readonly name: string;
  /** The URL of the module that holds the functions. */
  readonly module: string;
  readonly buckets: readonly BucketDefinition[];
  readonly functions: readonly FunctionDefinition[];
  readonly triggers: readonly TriggerDefinition[];
  /** Kinds of the app's own primitives; their code is in the module. */
  readonly customPrimitives: readonly string[];
}

/** What the home of a trigger must know of its primitive, so that coordinators need not load user code. */
export interface TriggerTraits {
  readonly scope: 'session' | 'app';
  /** The functions whose completion or loss it follows. */
  readonly sources: readonly string[];
  /** It fires when its sources are finished. */
  readonly followsCompletion: boolean;
  /** A source that failed for good is a loss to count, not the session's failure. */
  readonly absorbsLoss: boolean;
  /** What is partial fires before the session ends. */
  readonly flushesAtEnd: boolean;
  /** What it waits for is announced at run time, by any function of the session. */
  readonly isAnnounced: boolean;
}

export function traitsOf(primitive: Primitive, options: unknown): TriggerTraits {
  const scope = primitive.scope(options);
  return {
    scope,
    sources: primitive.sources?.(options) ?? [],
    followsCompletion: primitive.sourcesDone !== undefined,
    absorbsLoss: primitive.sourceLost !== undefined,
    flushesAtEnd: scope === 'session' && (primitive.flushesAtEnd?.(options) ?? false),
    isAnnounced: primitive.announce !== undefined,
  };
}

/** Finds a primitive by its kind, built-in or the app's own. */
export type PrimitiveLookup = (kind: string) => Primitive | undefined;

export interface AppFunction extends FunctionDefinition {
  readonly index: number;
}

export interface AppBucket extends BucketDefinition {
  readonly index: number;
  /** Whether a session-scoped, app-scoped trigger watches it. */
  readonly hasSessionTriggers: boolean;
  readonly hasAppTriggers: boolean;
}

export interface AppTrigger extends TriggerDefinition {
  readonly index: number;
  readonly bucketIndex: number;
  readonly functionIndex: number;
  /** `blockers[f]`: while an invocation of function f is live, more may still come for this trigger to wait for. */
  readonly blockers: readonly boolean[];
}

/** One revision of an app, ready to run. */
export interface AppTable {
  readonly name: string;
  readonly revision: number;
  readonly definition: AppDefinition;
  readonly functions: readonly AppFunction[];
  readonly buckets: readonly AppBucket[];
  readonly triggers: readonly AppTrigger[];
  readonly bucketByName: ReadonlyMap<string, AppBucket>;
  readonly functionByName: ReadonlyMap<string, AppFunction>;
  /** Triggers of a bucket, by bucket index. */
  readonly triggersOf: readonly (readonly AppTrigger[])[];
  /** Triggers that fire when what the session does cannot feed them any more: dynamicGroup and flushed batches. */
  readonly lateTriggers: readonly AppTrigger[];
  /** Triggers with `rerun`, by source function index. */
  readonly rerunsOf: readonly (readonly AppTrigger[])[];
  /** Session triggers that count a lost source as a loss instead of failing, by source function index. */
  readonly lossAbsorbersOf: readonly (readonly AppTrigger[])[];
  /** Whether some bucket waits for the outside. */
  readonly hasExternalBucket: boolean;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const nameRule = 'must be 1 to 64 letters, digits, dots, dashes or underscores, and start with a letter or digit';

const limits = {
  functionsMax: 1_000,
  bucketsMax: 1_000,
  triggersMax: 1_000,
  concurrencyMax: 100_000,
  attemptsMax: 1_000,
  timeoutMsMax: 2 ** 31 - 1,
};

/** The first thing wrong with a definition, its field named; null if it can be run. */
export function checkApp(app: AppDefinition, lookup: PrimitiveLookup): Problem | null {
  if (!isName(app.name)) return problem('name', app.name, nameRule);
  const buckets = new Set<string>();
  const functions = new Set<string>();
  const triggers = new Set<string>();
  for (const [field, list, max] of [
    ['buckets', app.buckets, limits.bucketsMax],
    ['functions', app.functions, limits.functionsMax],
    ['triggers', app.triggers, limits.triggersMax],
  ] as const) {
    if (list.length > max) return problem(field, list.length, `an app has at most ${max}`);
  }
  for (const { name } of app.buckets) {
    if (!isName(name)) return problem(`buckets[${buckets.size}].name`, name, nameRule);
    if (buckets.has(name)) return problem(`buckets[${buckets.size}].name`, name, 'is taken by another bucket of this app');
    buckets.add(name);
  }
  for (const [i, fn] of app.functions.entries()) {
    const at = `functions[${i}]`;
    if (!isName(fn.name)) return problem(`${at}.name`, fn.name, nameRule);
    if (functions.has(fn.name)) return problem(`${at}.name`, fn.name, 'is taken by another function of this app');
    functions.add(fn.name);
    const bad = checkFunction(fn, buckets, at);
    if (bad) return bad;
  }
  const names: Names = { functions, buckets };
  for (const [i, trigger] of app.triggers.entries()) {
    if (triggers.has(trigger.name)) return problem(`triggers[${i}].name`, trigger.name, 'is taken by another trigger of this app');
    triggers.add(trigger.name);
    const bad = checkTrigger(trigger, names, lookup, `triggers[${i}]`);
    if (bad) return bad;
  }
  return null;
}

function checkFunction(fn: FunctionDefinition, buckets: ReadonlySet<string>, at: string): Problem | null {
  for (const bucket of fn.sends ?? []) {
    if (!buckets.has(bucket)) return problem(`${at}.sends`, bucket, `is not a bucket of this app (${list(buckets)})`);
  }
  const { timeoutMs, concurrency, retry, placement } = fn;
  if (!placements.includes(placement)) return problem(`${at}.placement`, placement, `must be ${placements.join(' or ')}`);
  if (timeoutMs !== null && !isWithin(timeoutMs, 1, limits.timeoutMsMax))
    return problem(`${at}.timeoutMs`, timeoutMs, between(1, limits.timeoutMsMax, 'milliseconds'));
  if (!isWithin(concurrency, 1, limits.concurrencyMax)) return problem(`${at}.concurrency`, concurrency, between(1, limits.concurrencyMax));
  if (!isWithin(retry.attemptsMax, 1, limits.attemptsMax))
    return problem(`${at}.retry.attemptsMax`, retry.attemptsMax, between(1, limits.attemptsMax));
  return checkBackoff(retry.backoff, `${at}.retry.backoff`);
}

function checkTrigger(trigger: TriggerDefinition, names: Names, lookup: PrimitiveLookup, at: string): Problem | null {
  if (!isName(trigger.name)) return problem(`${at}.name`, trigger.name, nameRule);
  if (!names.buckets.has(trigger.bucket))
    return problem(`${at}.bucket`, trigger.bucket, `is not a bucket of this app (${list(names.buckets)})`);
  if (!names.functions.has(trigger.function))
    return problem(`${at}.function`, trigger.function, `is not a function of this app (${list(names.functions)})`);
  const primitive = lookup(trigger.primitive);
  if (!primitive) return problem(`${at}.primitive`, trigger.primitive, 'is neither built in nor defined by the app');
  const bad = primitive.check(trigger.options, names);
  if (bad) return problem(`${at}.${bad.field}`, bad.value, bad.message);
  const { rerun } = trigger;
  if (!rerun) return null;
  if (!names.functions.has(rerun.source))
    return problem(`${at}.rerun.source`, rerun.source, `is not a function of this app (${list(names.functions)})`);
  if (!isWithin(rerun.timeoutMs, 1, limits.timeoutMsMax))
    return problem(`${at}.rerun.timeoutMs`, rerun.timeoutMs, between(1, limits.timeoutMsMax, 'milliseconds'));
  if (!isWithin(rerun.attemptsMax, 1, limits.attemptsMax))
    return problem(`${at}.rerun.attemptsMax`, rerun.attemptsMax, between(1, limits.attemptsMax));
  return checkBackoff(rerun.backoff, `${at}.rerun.backoff`);
}

function checkBackoff(backoff: BackoffDefinition, at: string): Problem | null {
  if (!isWithin(backoff.initialMs, 0, limits.timeoutMsMax))
    return problem(`${at}.initialMs`, backoff.initialMs, between(0, limits.timeoutMsMax, 'milliseconds'));
  if (typeof backoff.factor !== 'number' || !(backoff.factor >= 1 && backoff.factor <= 100))
    return problem(`${at}.factor`, backoff.factor, 'must be from 1 to 100');
  if (!isWithin(backoff.maxMs, 0, limits.timeoutMsMax))
    return problem(`${at}.maxMs`, backoff.maxMs, between(0, limits.timeoutMsMax, 'milliseconds'));
  return null;
}

/** Turns a checked definition into tables. */
export function compileApp(definition: AppDefinition, revision: number): AppTable {
  const functions = definition.functions.map((fn, index): AppFunction => ({ ...fn, index }));
  const functionByName = new Map(functions.map((fn) => [fn.name, fn]));
  const bucketIndex = new Map(definition.buckets.map((bucket, index) => [bucket.name, index]));
  const reach = reachability(definition, functionByName, bucketIndex);
  const triggers = definition.triggers.map((trigger, index): AppTrigger => {
    const { sources, followsCompletion } = trigger.traits;
    // A group waits for its sources; a batch that is flushed waits for whatever may still send to its bucket.
    const isAwaited = (fn: AppFunction) =>
      followsCompletion ? sources.includes(fn.name) : fn.sends === null || fn.sends.includes(trigger.bucket);
    const awaited = functions.filter(isAwaited);
    return {
      ...trigger,
      index,
      bucketIndex: need(bucketIndex.get(trigger.bucket)),
      functionIndex: need(functionByName.get(trigger.function)).index,
      blockers: functions.map((fn) => awaited.some((other) => other === fn || reach[fn.index]?.[other.index] === true)),
    };
  });
  const triggersOf = definition.buckets.map((_, index) => triggers.filter((trigger) => trigger.bucketIndex === index));
  const buckets = definition.buckets.map(
    (bucket, index): AppBucket => ({
      ...bucket,
      index,
      hasSessionTriggers: need(triggersOf[index]).some((trigger) => trigger.traits.scope === 'session'),
      hasAppTriggers: need(triggersOf[index]).some((trigger) => trigger.traits.scope === 'app'),
    }),
  );
  return {
    name: definition.name,
    revision,
    definition,
    functions,
    buckets,
    triggers,
    bucketByName: new Map(buckets.map((bucket) => [bucket.name, bucket])),
    functionByName,
    triggersOf,
    lateTriggers: triggers.filter(
      (trigger) => trigger.traits.scope === 'session' && (trigger.traits.followsCompletion || trigger.traits.flushesAtEnd),
    ),
    rerunsOf: functions.map((fn) => triggers.filter((trigger) => trigger.rerun?.source === fn.name)),
    lossAbsorbersOf: functions.map((fn) =>
      triggers.filter(
        (trigger) => trigger.traits.scope === 'session' && trigger.traits.absorbsLoss && trigger.traits.sources.includes(fn.name),
      ),
    ),
    hasExternalBucket: buckets.some((bucket) => bucket.external),
  };
}

/** `reach[f][g]`: something that f sends or announces can lead, within the session, to an invocation of g. */
function reachability(
  definition: AppDefinition,
  functionByName: ReadonlyMap<string, AppFunction>,
  bucketIndex: ReadonlyMap<string, number>,
): readonly (readonly boolean[])[] {
  const startedBy = definition.buckets.map(() => new Set<number>());
  // `sends` does not say where a function announces: who announces a join need not send to it.
  const startedByAll = new Set<number>();
  for (const trigger of definition.triggers) {
    // An app-scoped firing opens a session of its own: this session ends there.
    if (trigger.traits.scope === 'app') continue;
    const { index } = need(functionByName.get(trigger.function));
    startedBy[need(bucketIndex.get(trigger.bucket))]?.add(index);
    if (trigger.traits.isAnnounced) startedByAll.add(index);
  }
  const next = definition.functions.map((fn) => {
    const buckets = fn.sends ?? definition.buckets.map((bucket) => bucket.name);
    return new Set([...startedByAll, ...buckets.flatMap((name) => [...need(startedBy[need(bucketIndex.get(name))])])]);
  });
  return definition.functions.map((_, from) => {
    const seen = definition.functions.map(() => false);
    const open = [...need(next[from])];
    for (let f = open.pop(); f !== undefined; f = open.pop()) {
      if (seen[f]) continue;
      seen[f] = true;
      open.push(...need(next[f]));
    }
    return seen;
  });
}

/** The wait before attempt `attempt` (2, 3, …). */
export function backoffMs(backoff: BackoffDefinition, attempt: number): number {
  return Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** (attempt - 2));
}

export function isName(value: unknown): value is string {
  return typeof value === 'string' && namePattern.test(value);
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

function between(min: number, max: number, unit = ''): string {
  return `must be a whole number from ${min} to ${max}${unit && ` ${unit}`}`;
}

function list(names: ReadonlySet<string>): string {
  return names.size === 0 ? 'it has none' : `it has ${[...names].slice(0, 20).join(', ')}${names.size > 20 ? ', …' : ''}`;
}

function problem(field: string, value: unknown, message: string): Problem {
  return { field, value, message };
}

function need<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('bug: a checked definition does not compile');
  return value;
}

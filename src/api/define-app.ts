/**
 * Apps: functions, buckets and triggers under one name, defined by a module that is the unit of deployment.
 *
 *   D1  Defining starts nothing and reads nothing: a module with an app may be imported anywhere.
 *   D2  Every bad definition is refused here, by the checks that registration makes, with the field, its value and the rule.
 */
import type { AppDefinition, TriggerDefinition } from '../actors/app.ts';
import type { Primitive as Evaluator } from '../actors/bucket/primitives/primitive.ts';
import { checkArity, checkParts, completeDefinition } from './app-checks.ts';
import { describeApp, describeTrigger } from './app-definition.ts';
import type { AnyBucket } from './bucket.ts';
import { invalidDefinition } from './errors.ts';
import type { AnyFn, Fn, Handler, OutputOf } from './fn.ts';
import { isTrigger, type Trigger } from './trigger.ts';

declare const carried: unique symbol;

/** An app as a value: its definition as data, and the code that its executors run. `B`: its buckets; `Out`: what it outputs. */
export interface App<B extends AnyBucket = AnyBucket, Out = unknown> {
  readonly name: string;
  /** Native packages that stay outside the module's bundle. */
  readonly external: readonly string[];
  /** Plain data: what is registered. */
  readonly definition: AppDefinition;
  /** By function name. */
  readonly handlers: ReadonlyMap<string, Handler>;
  /** The app's own primitives, by kind. */
  readonly customPrimitives: ReadonlyMap<string, Evaluator>;
  readonly [carried]?: { readonly buckets: B; readonly outputs: Out };
}

export interface AppOptions<T extends Trigger, B extends AnyBucket, F extends AnyFn> {
  /** `import.meta.url`: executors import this module, and find the app among its exports. */
  readonly module: string;
  readonly triggers: readonly T[];
  /** Buckets that no trigger and no function of the app mentions. The others are found by themselves. */
  readonly buckets?: readonly B[] | undefined;
  /** Functions that no trigger mentions, to be used by `addTrigger` later. */
  readonly functions?: readonly F[] | undefined;
  /** Packages to be left out of the module's bundle because they cannot be bundled: those with native code. Each as in an import. */
  readonly external?: readonly string[] | undefined;
}

/** The buckets that a function names. */
type NamedBy<F extends AnyFn> = F extends Fn<never, never, infer B, unknown> ? B : never;

/**
 * Defines an app. Buckets and functions are collected from the triggers, from what their functions send to and take, and from
 * `sources`. Two different buckets, or functions, of one name are refused even if they look the same: by accident they would
 * share what they hold.
 *
 * Throws `InvalidDefinition`.
 */
export function defineApp<T extends Trigger = never, B extends AnyBucket = never, F extends AnyFn = never>(
  name: string,
  options: AppOptions<T, B, F>,
): App<T['bucket'] | B | NamedBy<T['fn'] | F>, OutputOf<T['fn'] | F>> {
  const at = `app ${String(name)}`;
  checkParts(at, options);
  const { definition: draft, functions, evaluators } = describeApp(at, name, options);
  const definition = completeDefinition(at, draft, evaluators);
  return Object.freeze({
    name,
    external: options.external ?? [],
    definition,
    handlers: new Map(functions.map((fn) => [fn.name, fn.handler])),
    customPrimitives: evaluators,
  });
}

/**
 * A trigger for an app that is defined already, as data. Its bucket and function must be the app's, by name.
 * Throws `InvalidDefinition`.
 */
export function defineTrigger(app: AppDefinition, trigger: Trigger): TriggerDefinition {
  const at = `app ${app.name}`;
  if (!isTrigger(trigger)) throw invalidDefinition(at, 'trigger', trigger, 'must be a trigger: bucket.on(primitive, fn)');
  checkArity(at, 'trigger', trigger);
  const { kind, evaluator } = trigger.primitive;
  const names = new Set(app.triggers.map((other) => other.name));
  if (trigger.name !== null && names.has(trigger.name))
    throw invalidDefinition(at, 'trigger.name', trigger.name, 'is taken by another trigger of this app');
  if (evaluator && !app.customPrimitives.includes(kind))
    throw invalidDefinition(at, 'trigger.primitive', kind, 'is not a primitive of this app');
  const draft = { ...app, triggers: [describeTrigger(trigger, names)] };
  const [complete] = completeDefinition(at, draft, new Map(evaluator ? [[kind, evaluator]] : [])).triggers;
  if (!complete) throw new Error('bug: a trigger got lost in its checks');
  return complete;
}

/** Whether a value was made by `defineApp`, in this copy of the library or another. */
export function isApp(value: unknown): value is App {
  return typeof value === 'object' && value !== null && 'definition' in value && 'handlers' in value && value.handlers instanceof Map;
}

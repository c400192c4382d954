/**
 * The conditions of triggers, as users write them: `parts.on(bySet({ keys: ['a', 'b'] }), merge)`.
 *
 * A function here only describes; the evaluators lie in `actors/bucket/primitives/`, a file each, with the exact semantics and
 * the checks of the options. Functions as `sources` may be given as themselves or by name.
 */
import type { ByBatchSizeOptions } from '../actors/bucket/primitives/by-batch-size.ts';
import type { ByNameOptions } from '../actors/bucket/primitives/by-name.ts';
import type { BySetOptions } from '../actors/bucket/primitives/by-set.ts';
import type { ByTimeOptions } from '../actors/bucket/primitives/by-time.ts';
import type { DynamicGroupOptions as DynamicGroupData } from '../actors/bucket/primitives/dynamic-group.ts';
import { isRecord } from '../actors/bucket/primitives/options.ts';
import type { Primitive as Evaluator } from '../actors/bucket/primitives/primitive.ts';
import type { RedundantOptions as RedundantData } from '../actors/bucket/primitives/redundant.ts';
import { type AnyFn, type Arity, isFn } from './fn.ts';

export type { ByBatchSizeOptions, ByNameOptions, BySetOptions, ByTimeOptions };

/** A condition with its options. `A`: whether its function takes one input or many. */
export interface Primitive<A extends Arity = Arity> {
  readonly kind: string;
  readonly arity: A;
  /** Plain data, functions by name: what the evaluator gets. */
  readonly options: unknown;
  /** The functions that were given as themselves, so that the app knows them. */
  readonly functions: readonly AnyFn[];
  /** Null for those that every app has. */
  readonly evaluator: Evaluator | null;
}

/** Options that name source functions. */
export type WithSources<O extends { readonly sources: unknown }> = Omit<O, 'sources'> & {
  /** The functions whose invocations are followed: themselves, or their names. */
  readonly sources: readonly (AnyFn | string)[];
};

export type RedundantOptions = WithSources<RedundantData>;
export type DynamicGroupOptions = WithSources<DynamicGroupData>;

/** Fires once for every object. */
export function immediate(): Primitive<'one'> {
  return makePrimitive('immediate', 'one', {});
}

/** Fires once for every object with this key: a branch, chosen by the producer's key. */
export function byName(options: ByNameOptions): Primitive<'one'> {
  return makePrimitive('byName', 'one', options);
}

/**
 * Fires when all keys are present in the session, with the objects in the order of `keys`; then it is armed again. An object
 * whose key is in the unfired set already is dropped, and counted as `superseded` in the session's history.
 */
export function bySet(options: BySetOptions): Primitive<'many'> {
  return makePrimitive('bySet', 'many', options);
}

/** Fires when all branches that were announced at run time, by `ctx.expect` or `call(…, { expect })`, have arrived. */
export function dynamicJoin(): Primitive<'many'> {
  return makePrimitive('dynamicJoin', 'many', {});
}

/** Fires for every `count` objects or `maxBytes`, in order of arrival; what is partial fires `maxWaitMs` after its first object. */
export function byBatchSize(options: ByBatchSizeOptions): Primitive<'many'> {
  return makePrimitive('byBatchSize', 'many', options);
}

/** Fires when a window of `windowMs` (aligned to the epoch) ends, or when nothing has come for `quietMs`. Give one of the two. */
export function byTime(options: ByTimeOptions): Primitive<'many'> {
  return makePrimitive('byTime', 'many', options);
}

/** Fires at the k-th of n arrivals from different invocations of the sources; the rest are aborted unless `cancelLate: false`. */
export function redundant(options: RedundantOptions): Primitive<'many'> {
  return makePrimitive('redundant', 'many', options);
}

/** Fires when the sources are finished in the session: one invocation for every group, with all its objects. */
export function dynamicGroup(options: DynamicGroupOptions): Primitive<'many'> {
  return makePrimitive('dynamicGroup', 'many', options);
}

/**
 * Turns what a user wrote into a condition: functions in `sources` become names, undefined options absent ones. Nothing is
 * checked here: what is not an object is passed on as it is, for the evaluator's check to refuse.
 */
export function makePrimitive<A extends Arity>(kind: string, arity: A, given: unknown, evaluator: Evaluator | null = null): Primitive<A> {
  const functions: AnyFn[] = [];
  const nameOf = (source: unknown): unknown => {
    if (!isFn(source)) return source;
    functions.push(source);
    return source.name;
  };
  const options = isRecord(given)
    ? Object.fromEntries(
        Object.entries(given)
          .filter(([, value]) => value !== undefined)
          .map(([name, value]) => [name, name === 'sources' && Array.isArray(value) ? value.map(nameOf) : value]),
      )
    : given;
  return Object.freeze({ kind, arity, options, functions, evaluator });
}

/**
 * Primitives of users: `const every = definePrimitive({ kind: 'every', … })`, then `parts.on(every({ count: 3 }), map)`.
 *
 * The interface is that of the evaluators built in; `actors/bucket/primitives/custom.ts` guards the runtime against user code.
 */
import { isDeepStrictEqual } from 'node:util';
import { Encoder } from 'cbor-x';
import { type CustomPrimitive, type CustomState, checkCustomPrimitive, wrapCustomPrimitive } from '../actors/bucket/primitives/custom.ts';
import type { Primitive as Evaluator, Problem } from '../actors/bucket/primitives/primitive.ts';
import { invalidDefinition } from './errors.ts';
import type { Arity } from './fn.ts';
import { makePrimitive, type Primitive, type WithSources } from './primitives.ts';
import { printed } from './thrown.ts';

export type { CustomAction } from '../actors/bucket/primitives/custom-actions.ts';
export type { Arrival, Pending } from '../actors/bucket/primitives/primitive.ts';
export type { CustomPrimitive };

/** What a trigger's author writes: where the evaluator gets names of `sources`, he may give the functions themselves. */
type Written<O> = O extends { readonly sources: readonly string[] } ? WithSources<O> : O;

/** A primitive without options is called without any. */
type Arguments<O> = unknown extends O ? [options?: unknown] : [options: Written<O>];

/**
 * Defines a primitive; returns the function that makes a trigger's condition of its options. The code runs wherever the trigger
 * is homed, so it must be reachable from the app's module. Methods see names where the user gave functions as `sources`.
 *
 * Throws `InvalidDefinition` for a bad definition. Bad options, or a state that is not plain data, are refused by the
 * `defineApp` that uses them; a method that throws later fails its trigger with `PrimitiveFailed`.
 */
export function definePrimitive<O, S, A extends Arity = 'many'>(
  definition: CustomPrimitive<O, S> & { readonly arity?: A },
): (...args: Arguments<O>) => Primitive<A> {
  const bad = checkCustomPrimitive(definition);
  if (bad) throw invalidDefinition('definePrimitive', bad.field, bad.value, bad.message);
  const evaluator = wrapCustomPrimitive(definition) as Evaluator;
  return (...[options]) => makePrimitive(definition.kind, evaluator.arity as A, options ?? {}, evaluator);
}

const codec = new Encoder({ useRecords: false });

/** What is wrong with the state that a custom primitive starts with under these options; null if it is plain data. */
export function checkInitialState(evaluator: Evaluator, options: unknown): Problem | null {
  const { user, initFailure } = evaluator.init(options, 0) as CustomState<unknown>;
  if (initFailure !== null) return { field: 'primitive', value: evaluator.kind, message: `its init failed: ${initFailure}` };
  return survivesEncoding(user) ? null : { field: 'primitive', value: evaluator.kind, message: notPlain(user) };
}

function notPlain(state: unknown): string {
  return `its init must return plain data (objects, arrays, Map, Set, Date, text, numbers), and returned ${printed(state)}`;
}

function survivesEncoding(state: unknown): boolean {
  try {
    return isDeepStrictEqual(codec.decode(codec.encode(state)), state);
  } catch {
    return false;
  }
}

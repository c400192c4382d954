/**
 * Types as values: `type<T>()` hands a type to a definition, where TypeScript cannot infer it. At run time it is nothing.
 */

declare const carried: unique symbol;

/** Stands for the type `T`; carries no data and checks nothing. Invariant: `Type<A>` is a `Type<B>` only if A and B are the same. */
export interface Type<T> {
  readonly [carried]?: (value: T) => T;
}

const nothing: Type<never> = Object.freeze({});

/** `output: type<Totals>()`. */
export function type<T>(): Type<T> {
  return nothing as unknown as Type<T>;
}

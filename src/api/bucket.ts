/**
 * Buckets: named, typed collections of objects, and the place where triggers are attached.
 *
 * A bucket is a description. It starts nothing, belongs to no app until a `defineApp` collects it, and may be used by several.
 */
import { checkDefinitionFields, checkTriggerOptions } from './definition-options.ts';
import { invalidDefinition, invalidOption } from './errors.ts';
import type { AnyFn, Arity, Fn } from './fn.ts';
import type { Primitive } from './primitives.ts';
import type { Trigger, TriggerOptions } from './trigger.ts';
import type { Type } from './type.ts';

declare const held: unique symbol;

/** A collection of objects whose values are of type `T`. Invariant in `T`: what may be sent is what will be received. */
export interface Bucket<T = unknown, N extends string = string> {
  readonly name: N;
  /** Whether events from outside come here: a session that waits on it stays open until its deadline. */
  readonly external: boolean;
  readonly [held]?: Type<T>;
  /**
   * A trigger: `primitive` says when the objects that arrive here start `fn`. It is a description, to be listed in
   * `defineApp({ triggers })` or given to `runtime.addTrigger`. The function must take what this bucket holds, and one input or
   * many as the primitive gives.
   */
  on<A extends Arity, F extends AnyFn>(
    primitive: Primitive<A>,
    fn: F & Fn<NoInfer<A>, T>,
    options?: TriggerOptions,
  ): Trigger<Bucket<T, N>, F>;
}

/** Any bucket. `any` is the one argument under which every bucket, being invariant, is assignable. */
// oxlint-disable-next-line no-explicit-any -- as said above
export type AnyBucket = Bucket<any, string>;

/** What the objects of a bucket hold. */
export type ValueOf<B extends AnyBucket> = B extends Bucket<infer T, string> ? T : never;

export interface BucketOptions<T> {
  /** Objects come from outside while a session runs (a human's answer, a callback). Default false. */
  readonly external?: boolean | undefined;
  /** The type of the values, where the name's own literal type is wanted too: `bucket('parts', { value: type<Uint8Array>() })`. */
  readonly value?: Type<T> | undefined;
}

const optionFields = ['external', 'value'] satisfies readonly (keyof BucketOptions<unknown>)[];

/**
 * Describes a bucket. The name (1 to 64 letters, digits, dots, dashes, underscores) is checked when an app that uses it is defined.
 *
 * `bucket<T>('parts')` types the values, but TypeScript cannot then infer the literal name, and `call(app, { parts: [...] })` is
 * checked against the values of all such buckets of the app. `bucket('parts', { value: type<T>() })` has both, so that each entry
 * is checked against its own bucket and a misspelt name does not compile.
 */
export function bucket<T = unknown, const N extends string = string>(name: N, options: BucketOptions<T> = {}): Bucket<T, N> {
  const at = `bucket ${String(name)}`;
  if (typeof name !== 'string') throw invalidDefinition(at, 'name', name, 'must be a string');
  checkDefinitionFields(at, '', options, optionFields);
  const { external = false } = options;
  if (typeof external !== 'boolean') throw invalidDefinition(at, 'external', external, 'must be true or false');
  const self: Bucket<T, N> = {
    name,
    external,
    on(primitive, fn, options = {}) {
      checkTriggerOptions(`trigger of ${at}`, options);
      const { name: triggerName = null, rerun = null } = options;
      return Object.freeze({ name: triggerName, bucket: self, primitive, fn, rerun });
    },
  };
  return Object.freeze(self);
}

/** A bucket's name, from itself or already a name. */
export function bucketName(bucket: AnyBucket | string): string {
  return typeof bucket === 'string' ? bucket : bucket.name;
}

/** The same for what a user gave to the call `at`, which may be anything. Throws `InvalidOption`. */
export function checkedBucketName(at: string, bucket: unknown): string {
  if (typeof bucket === 'string' || isBucket(bucket)) return bucketName(bucket);
  throw invalidOption(at, 'bucket', bucket, 'must be a bucket, or the name of one');
}

/** Whether a value was made by `bucket`, in this copy of the library or another. */
export function isBucket(value: unknown): value is AnyBucket {
  return typeof value === 'object' && value !== null && 'name' in value && 'on' in value && typeof value.on === 'function';
}

/**
 * Triggers as the user attaches them: (bucket, primitive, function) with options. `bucket.on` makes them.
 */
import { type AnyBucket, isBucket } from './bucket.ts';
import { type AnyFn, type BackoffOptions, isFn } from './fn.ts';
import type { Primitive } from './primitives.ts';

/** What `bucket.on` returns: a description of a trigger. */
export interface Trigger<B extends AnyBucket = AnyBucket, F extends AnyFn = AnyFn> {
  /** Null: to be named `bucket-primitive-function` by the app. */
  readonly name: string | null;
  readonly bucket: B;
  readonly primitive: Primitive;
  readonly fn: F;
  readonly rerun: RerunOptions | null;
}

export interface TriggerOptions {
  /** Unique in the app. Default: `bucket-primitive-function`, with a number added where that is taken. */
  readonly name?: string | undefined;
  /** Run a started source again if it has not delivered in time. Default: never. */
  readonly rerun?: RerunOptions | undefined;
}

/**
 * Function-level re-execution: when an invocation of `source` has not sent the expected object to the trigger's bucket within
 * `timeoutMs` of its start, that function alone runs again. After `attemptsMax` attempts the session fails with `RerunExhausted`.
 */
export interface RerunOptions {
  readonly source: AnyFn | string;
  /** The expected object's key. Default: any object of the source. */
  readonly key?: string | undefined;
  readonly timeoutMs: number;
  /** Attempts in all, the first included. Default 3. */
  readonly attemptsMax?: number | undefined;
  /** Default: at once (`initialMs` 0, `factor` 2, `maxMs` 10,000). */
  readonly backoff?: BackoffOptions | undefined;
}

/** Whether a value was made by `bucket.on`, with all that it needs. */
export function isTrigger(value: unknown): value is Trigger {
  if (typeof value !== 'object' || value === null) return false;
  const { bucket, primitive, fn } = value as Partial<Trigger>;
  return isBucket(bucket) && isFn(fn) && typeof primitive?.kind === 'string';
}

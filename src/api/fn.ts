/**
 * Functions: user code with the types of what it takes, sends and outputs.
 *
 *   F1  A handler is called by the runtime with an array of inputs; `fn` adapts those written for a single one. Nothing below
 *       the API needs to know which is which.
 *   F2  What a definition leaves out gets its default here, once.
 */
import type { Placement, RetryDefinition } from '../actors/app.ts';
import { type AnyBucket, isBucket, type ValueOf } from './bucket.ts';
import type { Context, Input } from './context.ts';
import { checkBackoffFields, checkDefinitionFields } from './definition-options.ts';
import { invalidDefinition } from './errors.ts';
import type { Type } from './type.ts';

/** `one`: the function takes a single input. `many`: always an array, also of none or one. */
export type Arity = 'one' | 'many';

/** What the runtime calls: always an array of inputs (F1). What it returns is awaited and ignored; what it throws fails the attempt. */
export type Handler = (inputs: readonly Input[], ctx: Context) => unknown;

declare const accepts: unique symbol;
declare const outputs: unique symbol;

/**
 * A function of an app. `A`: how many inputs it can take; `T`: the values it can take (both contravariant); `B`: the buckets
 * it names; `Out`: what it outputs.
 */
export interface Fn<A extends Arity = Arity, T = unknown, B extends AnyBucket = AnyBucket, Out = unknown> {
  readonly name: string;
  /** `any`: it declares neither `input` nor `inputs`. */
  readonly arity: Arity | 'any';
  /** The buckets of `input` and `inputs`. */
  readonly inputs: readonly B[];
  /** Null: undeclared, so it may reach every bucket of the app. */
  readonly sends: readonly B[] | null;
  readonly timeoutMs: number | null;
  readonly retry: RetryDefinition;
  readonly concurrency: number;
  readonly placement: Placement;
  readonly handler: Handler;
  readonly [accepts]?: (arity: A, value: T) => void;
  readonly [outputs]?: Out;
}

/** Any function, whatever it takes. */
export type AnyFn = Fn<never, never>;

/** What a function outputs; `never` if it declares none. */
export type OutputOf<F extends AnyFn> = F extends Fn<never, never, AnyBucket, infer Out> ? Out : never;

export interface BackoffOptions {
  /** Before the second attempt. */
  readonly initialMs?: number | undefined;
  /** Each wait is so many times the one before, 1 to 100. Default 2. */
  readonly factor?: number | undefined;
  /** Default 10,000. */
  readonly maxMs?: number | undefined;
}

export interface RetryOptions {
  /** Attempts in all, 1 to 1,000. Default 1: a throw fails the session. */
  readonly attemptsMax?: number | undefined;
  /** Default: 100 ms, doubled each time, at most 10,000 ms. */
  readonly backoff?: BackoffOptions | undefined;
}

/** How a function takes its inputs: one from a bucket, many from one or several buckets, or (neither) whatever comes, untyped, as an array. */
type Wiring<One extends AnyBucket, Many extends AnyBucket> =
  | { readonly input: One; readonly inputs?: undefined }
  | { readonly input?: undefined; readonly inputs: Many | readonly Many[] }
  | { readonly input?: undefined; readonly inputs?: undefined };

export interface FnSettings<S, Out> {
  /**
   * The buckets that it may send to; another is refused. Declare them: `dynamicGroup` can only tell that its sources are finished
   * when it knows that what still runs cannot reach them. (What a `dynamicJoin` starts every function can reach: it may announce it.)
   * Default: undeclared, all buckets of the app.
   */
  readonly sends?: S | undefined;
  /** The type that it gives to `ctx.output`, and so to `call`. Without it, `ctx.output` does not compile. */
  readonly output?: Type<Out> | undefined;
  /** Limit of each attempt, 1 to 2³¹ − 1. Default: none but the session's deadline. */
  readonly timeoutMs?: number | undefined;
  readonly retry?: RetryOptions | undefined;
  /** Invocations of it that one executor interleaves, 1 to 100,000. Default 1. More helps only functions that await. */
  readonly concurrency?: number | undefined;
  /**
   * Where an executor is free: `near` (default) where its inputs were produced, which costs no hand-over; `spread` on another, so that
   * the producer's executor stays free for what comes next.
   */
  readonly placement?: Placement | undefined;
}

export type FnOptions<One extends AnyBucket, Many extends AnyBucket, S, Out> = Wiring<One, Many> & FnSettings<S, Out>;

type Sends = readonly AnyBucket[] | undefined;
type Sendable<S extends Sends> = S extends readonly AnyBucket[] ? S[number] : AnyBucket;
type Declared<S extends Sends> = S extends readonly AnyBucket[] ? S[number] : never;
type IsNever<T> = [T] extends [never] ? true : false;

/** What a handler's first argument is. */
type Received<One extends AnyBucket, Many extends AnyBucket> =
  IsNever<One> extends false ? Input<ValueOf<One>> : IsNever<Many> extends false ? readonly Input<ValueOf<Many>>[] : readonly Input[];
type ArityOf<One, Many> = IsNever<One> extends false ? 'one' : IsNever<Many> extends false ? 'many' : Arity;
type Accepted<One extends AnyBucket, Many extends AnyBucket> = IsNever<One | Many> extends true ? unknown : ValueOf<One | Many>;

type OptionField = keyof FnOptions<AnyBucket, AnyBucket, unknown, unknown>;
const optionFields: readonly OptionField[] = ['input', 'inputs', 'sends', 'output', 'timeoutMs', 'retry', 'concurrency', 'placement'];
const retryFields = ['attemptsMax', 'backoff'] satisfies readonly (keyof RetryOptions)[];
const retryDefaults: RetryDefinition = { attemptsMax: 1, backoff: { initialMs: 100, factor: 2, maxMs: 10_000 } };

/**
 * Describes a function: `handler` runs in an executor, once per invocation attempt, with its input or inputs and a `Context`.
 * A name is unique in an app and, like the limits, checked when an app that uses the function is defined.
 * Throws `InvalidDefinition` for what cannot be a function at all.
 */
export function fn<One extends AnyBucket = never, Many extends AnyBucket = never, const S extends Sends = undefined, Out = never>(
  name: string,
  options: FnOptions<One, Many, S, Out>,
  handler: (received: Received<One, Many>, ctx: Context<Sendable<S>, Out>) => unknown,
): Fn<ArityOf<One, Many>, Accepted<One, Many>, One | Many | Declared<S>, Out> {
  const at = `fn ${String(name)}`;
  if (typeof name !== 'string') throw invalidDefinition(at, 'name', name, 'must be a string');
  checkDefinitionFields(at, '', options, optionFields);
  const { input, inputs = [], sends = null, timeoutMs = null, retry = {}, concurrency = 1, placement = 'near' } = options;
  checkDefinitionFields(at, 'retry', retry, retryFields);
  checkBackoffFields(at, 'retry.backoff', retry.backoff);
  if (typeof handler !== 'function') throw invalidDefinition(at, 'handler', handler, 'must be a function');
  if (input !== undefined && options.inputs !== undefined)
    throw invalidDefinition(at, 'inputs', options.inputs, 'must not be given together with input');
  if (input !== undefined) checkBucket(at, 'input', input);
  const taken = input ? [input] : Array.isArray(inputs) ? (inputs as readonly Many[]) : [inputs as Many];
  for (const [i, item] of taken.entries()) checkBucket(at, Array.isArray(inputs) ? `inputs[${i}]` : 'inputs', item);
  if (sends !== null && !Array.isArray(sends)) throw invalidDefinition(at, 'sends', sends, 'must be an array of buckets');
  for (const [i, item] of (sends ?? []).entries()) checkBucket(at, `sends[${i}]`, item);
  return Object.freeze({
    name,
    arity: input ? 'one' : options.inputs ? 'many' : 'any',
    inputs: taken,
    sends: sends as readonly Declared<S>[] | null,
    timeoutMs,
    retry: { attemptsMax: retry.attemptsMax ?? retryDefaults.attemptsMax, backoff: backoffOf(retry.backoff, retryDefaults.backoff) },
    concurrency,
    placement,
    handler: adapt(handler as (received: unknown, ctx: Context) => unknown, input !== undefined),
  });
}

function adapt(handler: (received: unknown, ctx: Context) => unknown, takesOne: boolean): Handler {
  return takesOne ? (inputs, ctx) => handler(inputs[0], ctx) : handler;
}

function checkBucket(at: string, field: string, item: unknown): void {
  if (!isBucket(item)) throw invalidDefinition(at, field, item, 'must be a bucket made by bucket');
}

/** Completes a back-off from its defaults. */
export function backoffOf(options: BackoffOptions | undefined, defaults: RetryDefinition['backoff']): RetryDefinition['backoff'] {
  return {
    initialMs: options?.initialMs ?? defaults.initialMs,
    factor: options?.factor ?? defaults.factor,
    maxMs: options?.maxMs ?? defaults.maxMs,
  };
}

/** Whether a value was made by `fn`, in this copy of the library or another. */
export function isFn(value: unknown): value is AnyFn {
  return typeof value === 'object' && value !== null && 'handler' in value && 'name' in value;
}

/** Options of single calls: what `call`, `start` and `result` take, and the checks. */
import { isName } from '../actors/app.ts';
import { isRecord, keyCharactersMax } from '../actors/bucket/primitives/options.ts';
import { type AnyBucket, bucketName, isBucket } from './bucket.ts';
import type { Branches } from './context.ts';
import { invalidOption } from './errors.ts';
import { checkOptions, milliseconds, oneOf, type Rule, text, trueOrFalse, wholeNumber } from './option-rules.ts';

/** The branches of a `dynamicJoin` that the client itself announces. */
export type Expectation = { readonly bucket: AnyBucket | string } & Branches;

export interface StartOptions {
  /** Makes the call idempotent: the same id (1 to 256 characters) joins the session that exists, as long as that is known. */
  readonly id?: string | undefined;
  /** Ends the session with `DeadlineExceeded`, 1 to 2³¹ − 1. Default 15 minutes; 7 days for an app with an external bucket. */
  readonly deadlineMs?: number | undefined;
  /** 0 to 9; the higher goes first where invocations queue. */
  readonly priority?: number | undefined;
  /** Announced before the objects are admitted. */
  readonly expect?: Expectation | readonly Expectation[] | undefined;
}

export interface ResultOptions<U extends 'output' | 'end' = 'output' | 'end'> {
  /** `output` (default): the first output, or undefined when the session ends without. `end`: all, in order, when it has ended. */
  readonly until?: U | undefined;
  /** How long the caller waits, 1 to 2³¹ − 1; then `CallTimedOut`. Default: until the session ends. */
  readonly timeoutMs?: number | undefined;
}

/** When a call is given up by `timeoutMs` or `signal`, its session is cancelled. */
export interface CallOptions<U extends 'output' | 'end' = 'output' | 'end'> extends StartOptions, ResultOptions<U> {
  /** How often a failed session is tried again as a new one, 0 to 100, before its first output. Default 0. */
  readonly retries?: number | undefined;
  /** Aborting it rejects the call with `CallAborted`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * True: the typed arrays that are given as values are not changed before the call has settled. Large ones are then copied straight into the
   * store; on a cluster they are not copied in this process at all. Default false: they may be changed as soon as `call` has returned.
   */
  readonly stable?: boolean | undefined;
}

/** What `call` resolves with: the first output, or all of them. */
export type Outcome<Out, U extends 'output' | 'end'> = U extends 'end' ? Out[] : Out | undefined;

const startRules = {
  id: text(256),
  deadlineMs: milliseconds(1),
  priority: wholeNumber(0, 9),
  expect: (value) => (typeof value === 'object' && value !== null ? null : 'must be { bucket, group?, keys | count } or an array of these'),
} satisfies Record<keyof StartOptions, Rule>;

const resultRules = { until: oneOf('output', 'end'), timeoutMs: milliseconds(1) } satisfies Record<keyof ResultOptions, Rule>;

const callRules = {
  ...startRules,
  ...resultRules,
  retries: wholeNumber(0, 100),
  signal: (value) => (value instanceof AbortSignal ? null : 'must be an AbortSignal'),
  stable: trueOrFalse,
} satisfies Record<keyof CallOptions, Rule>;

/** The options of `call`, typed. Throws `InvalidOption` for the first bad one. */
export function checkCallOptions(options: unknown): CallOptions {
  checkOptions('call', options, callRules);
  return checkExpectations('call', options ?? {});
}

/** The same for `start`. */
export function checkStartOptions(options: unknown): StartOptions {
  checkOptions('start', options, startRules);
  return checkExpectations('start', options ?? {});
}

/** The same for a session's `result`. */
export function checkResultOptions(options: unknown): ResultOptions {
  checkOptions('result', options, resultRules);
  return options ?? {};
}

/** The option `expect` as a list, however it was written. */
export function expectationsOf({ expect = [] }: StartOptions): readonly Expectation[] {
  return Array.isArray(expect) ? (expect as readonly Expectation[]) : [expect as Expectation];
}

/** Branches of one join: no session makes more invocations. */
const branchesMax = 1_000_000;
const branchCount = wholeNumber(0, branchesMax);
const name = text(keyCharactersMax);

function checkExpectations<O extends StartOptions>(at: string, options: O): O {
  for (const [i, expectation] of expectationsOf(options).entries()) {
    const field = Array.isArray(options.expect) ? `options.expect[${i}]` : 'options.expect';
    if (!isRecord(expectation)) throw invalidOption(at, field, expectation, 'must be { bucket, group?, keys | count }');
    const { bucket } = expectation;
    const isGood = isBucket(bucket) || typeof bucket === 'string';
    if (!isGood || !isName(bucketName(bucket))) throw invalidOption(at, `${field}.bucket`, bucket, 'must be a bucket or its name');
    checkBranches(at, field, expectation);
  }
  return options;
}

/**
 * Checks what a join is announced with, by a client or by `ctx.expect`: a group or none, and either different keys or a count.
 * Throws `InvalidOption`; `field` is where the branches stand.
 */
export function checkBranches(at: string, field: string, branches: Branches): void {
  if (!isRecord(branches)) throw invalidOption(at, field, branches, 'must be an object { group?, keys | count }');
  const { group, keys, count } = branches;
  const badGroup = group === undefined ? null : name(group);
  if (badGroup) throw invalidOption(at, `${field}.group`, group, badGroup);
  if ((keys === undefined) === (count === undefined)) throw invalidOption(at, field, { keys, count }, 'must have either keys or count');
  const badCount = count === undefined ? null : branchCount(count);
  if (badCount) throw invalidOption(at, `${field}.count`, count, badCount);
  if (keys !== undefined) checkKeys(at, `${field}.keys`, keys);
}

function checkKeys(at: string, field: string, keys: unknown): void {
  if (!Array.isArray(keys) || keys.length > branchesMax)
    throw invalidOption(at, field, keys, `must be an array of at most ${branchesMax} keys`);
  const seen = new Set<unknown>();
  for (const [i, key] of keys.entries()) {
    const bad = seen.has(key) ? 'is in the list already' : name(key);
    if (bad) throw invalidOption(at, `${field}[${i}]`, key, bad);
    seen.add(key);
  }
}

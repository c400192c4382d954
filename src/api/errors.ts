/**
 * Errors as users meet them: one class per code, made from error data and turned into it again.
 *
 *   E1  Discriminate by `code`, not by `instanceof`: errors cross threads and processes, classes do not.
 *   E2  The fields of `detail` are properties of the error too: `error.pending`, `error.retryAfterMs`.
 *   E3  What crosses is bounded: a value in `detail` that is not plain and small is replaced by its printed form.
 */
import { types } from 'node:util';
import { type ErrorCode, type ErrorData, errorCodes, errorData, type Thrown } from '../actors/protocol/error.ts';
import type { PendingTrigger } from '../actors/protocol/session.ts';
import { cut, printed, thrownFrom } from './thrown.ts';

/** What was refused: the path of the field, and what it holds. */
interface Refused {
  readonly field: string;
  readonly value: unknown;
}

interface OfSession {
  readonly session: string;
}

interface OfFunction extends OfSession {
  readonly function: string;
  readonly attempt: number;
}

/** What every error of a code carries beside `code`, `message` and `retryable`. Codes that are not listed carry nothing for certain. */
interface Details {
  InvalidDefinition: Refused;
  InvalidOption: Refused;
  UnknownApp: { readonly app: string };
  UnknownBucket: { readonly bucket: string };
  UnknownSession: OfSession;
  AppNameTaken: { readonly app: string };
  ModuleFailed: { readonly module: string };
  /** `value.items[3].callback` */
  NotEncodable: { readonly path: string };
  ObjectTooLarge: { readonly sizeBytes: number; readonly sizeBytesMax: number };
  SessionEnded: OfSession;
  SessionIncomplete: OfSession & { readonly pending: readonly PendingTrigger[] };
  SessionCancelled: OfSession;
  DeadlineExceeded: OfSession;
  FunctionFailed: OfFunction;
  FunctionTimedOut: OfFunction;
  ExecutorCrashed: OfFunction;
  Overloaded: { readonly retryAfterMs: number };
}

type DetailOf<C extends ErrorCode> = C extends keyof Details ? Details[C] : unknown;

/** The base of all errors that the system itself makes. */
export class PheromoneError extends Error {
  readonly code: ErrorCode;
  /** The ids and limits concerned. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** Whether the same request may succeed later, unchanged. */
  readonly retryable: boolean;

  /** `cause`: what was thrown, where there is such a thing. From afar it is an Error rebuilt from its name, message and stack. */
  constructor(data: ErrorData, cause: unknown = data.thrown && causeFrom(data.thrown)) {
    super(data.message, cause === null ? undefined : { cause });
    this.code = data.code;
    this.detail = data.detail;
    this.retryable = data.retryable;
    // Own fields of an Error keep their meaning whatever a detail is called (E2).
    for (const [field, value] of Object.entries(data.detail)) {
      if (!(field in this)) Object.defineProperty(this, field, { value, enumerable: false });
    }
  }
}

/** An error of a known code: `code` is literal, and the details of that code are typed. */
export type ErrorOf<C extends ErrorCode> = Omit<PheromoneError, 'code'> & { readonly code: C } & DetailOf<C>;

/** Discriminated by `code`: after `error.code === 'SessionIncomplete'`, `error.pending` is typed. */
export type AnyPheromoneError = { [C in ErrorCode]: ErrorOf<C> }[ErrorCode];

type ErrorClasses = { readonly [C in ErrorCode]: new (data: ErrorData, cause?: unknown) => ErrorOf<C> };

/** The class of each code, under its code; instances are named after it. */
export const errors = Object.fromEntries(errorCodes.map((code) => [code, classOf(code)])) as unknown as ErrorClasses;

function classOf(code: ErrorCode): typeof PheromoneError {
  const named = { [code]: class extends PheromoneError {} }[code] as typeof PheromoneError;
  Object.defineProperty(named.prototype, 'name', { value: code, configurable: true, writable: true });
  return named;
}

/** Whether the system made this error, in this thread or another realm. In a `catch`: then switch on `error.code`. */
export function isPheromoneError(error: unknown): error is AnyPheromoneError {
  try {
    return types.isNativeError(error) && 'code' in error && isErrorCode(error.code) && 'retryable' in error && 'detail' in error;
  } catch {
    return false;
  }
}

/** The error for data that came from elsewhere. */
export function errorFromData(data: ErrorData): AnyPheromoneError {
  return new errors[data.code](data);
}

/** The data to send for an error. Ours keep their code; anything else that was thrown is user code's: `FunctionFailed`. */
export function errorToData(error: unknown): ErrorData {
  if (!isPheromoneError(error)) {
    const thrown = thrownFrom(error);
    return errorData('FunctionFailed', cut(`${thrown.name}: ${thrown.message}`), {}, false, thrown);
  }
  const { code, message, retryable, detail, cause } = error;
  const plain = Object.fromEntries(Object.entries(detail).map(([field, value]) => [field, plainDetail(value)]));
  return errorData(code, cut(message), plain, retryable, cause === undefined ? null : thrownFrom(cause));
}

/** The refusal of a definition; `at` says whose field it is. */
export function invalidDefinition(at: string, field: string, value: unknown, rule: string): ErrorOf<'InvalidDefinition'> {
  return new errors.InvalidDefinition(refusal('InvalidDefinition', at, field, value, rule));
}

/** The refusal of an option of a call. */
export function invalidOption(at: string, field: string, value: unknown, rule: string): ErrorOf<'InvalidOption'> {
  return new errors.InvalidOption(refusal('InvalidOption', at, field, value, rule));
}

function refusal(code: ErrorCode, at: string, field: string, value: unknown, rule: string): ErrorData {
  const shown = typeof value === 'string' ? JSON.stringify(cut(value, 200)) : cut(printed(value), 200);
  return errorData(code, `${at}: ${field} is ${shown}: ${rule}`, { field, value });
}

function causeFrom(thrown: Thrown): Error {
  const cause = new Error(thrown.message);
  cause.name = thrown.name;
  // The stack of whoever threw it, never that of this reconstruction.
  cause.stack = thrown.stack ?? `${thrown.name}: ${thrown.message}`;
  return cause;
}

function isErrorCode(code: unknown): code is ErrorCode {
  return (errorCodes as readonly unknown[]).includes(code);
}

const detailItemsMax = 1_000;

/** Plain data of modest size as it is, else its printed form (E3). */
function plainDetail(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return cut(value);
  if (value === null || value === undefined || ['number', 'boolean', 'bigint'].includes(typeof value)) return value;
  if (depth < 4 && Array.isArray(value)) return value.slice(0, detailItemsMax).map((item) => plainDetail(item, depth + 1));
  if (depth < 4 && isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value)
        .slice(0, detailItemsMax)
        .map(([field, item]) => [field, plainDetail(item, depth + 1)]),
    );
  }
  return printed(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

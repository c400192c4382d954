/**
 * What user code threw, as bounded plain text. Anything can be thrown: null, a proxy whose traps throw, a string of a gigabyte.
 *
 *   T1  `thrownFrom` never throws and runs none of the value's own code, except getters (or a proxy's traps) for `name`, `message` and `stack`.
 *   T2  Each text is at most `textBytesMax` in UTF-8.
 */
import { inspect, types } from 'node:util';
import type { Thrown } from '../actors/protocol/error.ts';

/** Bound of each text of a `Thrown`: it travels in messages and is kept with the session. */
export const textBytesMax = 8_192;

/** Describes a thrown value: an Error by its name, message and stack; another value by its printed form. */
export function thrownFrom(value: unknown): Thrown {
  if (!isErrorLike(value)) return { name: 'NonError', message: printed(value), stack: null };
  return {
    name: text(() => value.name) ?? 'Error',
    message: text(() => value.message) ?? '(its message cannot be read)',
    stack: text(() => value.stack),
  };
}

/** Any value in a few words, for messages. Bounded; never throws. */
export function printed(value: unknown): string {
  if (typeof value === 'string') return cut(value);
  try {
    return cut(
      inspect(value, { depth: 2, maxArrayLength: 10, maxStringLength: 1_000, breakLength: Number.POSITIVE_INFINITY, customInspect: false }),
    );
  } catch {
    return '(cannot be printed)';
  }
}

/** The longest beginning of `value` that fits, without half a character. */
export function cut(value: string, bytesMax = textBytesMax): string {
  // A character takes at least a byte: no need to look at what can never fit.
  const start = value.length > bytesMax ? value.slice(0, bytesMax) : value;
  const { read } = new TextEncoder().encodeInto(start, new Uint8Array(bytesMax));
  return read === value.length ? value : start.slice(0, read);
}

function isErrorLike(value: unknown): value is Error {
  try {
    return types.isNativeError(value) || value instanceof Error;
  } catch {
    return false;
  }
}

function text(read: () => unknown): string | null {
  try {
    const value = read();
    return typeof value === 'string' ? cut(value) : null;
  } catch {
    return null;
  }
}

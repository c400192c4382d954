/** What a registry refuses, and why; and the checks of what it is given, which every implementation makes at its edge. */
import { type ErrorCode, type ErrorData, errorData } from '../../actors/protocol/error.ts';
import { type PutOptions, registryLimits } from './registry.ts';

const retryableCodes: ReadonlySet<ErrorCode> = new Set(['Overloaded', 'PeerUnreachable', 'CallTimedOut', 'DurableStoreFailed']);

export class RegistryError extends Error {
  readonly code: ErrorCode;
  /** Whether the same operation may succeed later, unchanged. Whether this one has changed something: G5. */
  readonly retryable: boolean;
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, reason: string, detail: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'RegistryError';
    this.code = code;
    this.retryable = retryableCodes.has(code);
    this.detail = detail;
  }

  static of({ code, message, detail }: ErrorData): RegistryError {
    return new RegistryError(code, message, detail);
  }

  toData(): ErrorData {
    return errorData(this.code, this.message, { ...this.detail }, this.retryable);
  }
}

/** `actual`: 0 if there is nothing under the key. */
export function conflict(key: string, expected: number, actual: number): RegistryError {
  const found = actual === 0 ? 'there is nothing' : `it is ${actual}`;
  const wanted = expected === 0 ? 'not to exist' : `to have revision ${expected}`;
  return new RegistryError('RegistryConflict', `registry: ${shown(key)} was expected ${wanted}, and ${found}`, { key, expected, actual });
}

export function registryClosed(operation: string): RegistryError {
  return new RegistryError('RuntimeClosed', `registry: ${operation} refused: the registry is closed`, { operation });
}

const keyPattern = /^[A-Za-z0-9._/-]+$/;
const shownLength = 80;

export function checkKey(key: string): void {
  if (key.length === 0) throw invalid('key', key, 'a key has at least one character');
  checkText('key', key);
}

/** The empty one is that of all keys. */
export function checkPrefix(prefix: string): void {
  if (prefix !== '') checkText('prefix', prefix);
}

export function checkPut(key: string, sizeBytes: number, { expected, ttlMs }: PutOptions): void {
  checkKey(key);
  checkExpected(expected);
  const { valueBytesMax, ttlMsMin, ttlMsMax } = registryLimits;
  if (sizeBytes > valueBytesMax) {
    const text = `registry: the value of ${shown(key)} has ${sizeBytes} bytes, and one has at most ${valueBytesMax}`;
    throw new RegistryError('ObjectTooLarge', text, { key, sizeBytes, sizeBytesMax: valueBytesMax });
  }
  if (ttlMs !== null && !(Number.isInteger(ttlMs) && ttlMs >= ttlMsMin && ttlMs <= ttlMsMax))
    throw invalid('ttlMs', ttlMs, `a lease lasts a whole number of milliseconds from ${ttlMsMin} to ${ttlMsMax}`);
}

export function checkExpected(expected: number | null): void {
  if (expected !== null && !(Number.isSafeInteger(expected) && expected >= 0))
    throw invalid('expected', expected, 'a revision is a whole number; 0 stands for none, null for any');
}

export function checkListSize(prefix: string, sizeBytes: number): void {
  const { listBytesMax } = registryLimits;
  if (sizeBytes <= listBytesMax) return;
  const text = `registry: what is under ${shown(prefix)} has ${sizeBytes} bytes, and a list at most ${listBytesMax}: list less, or watch`;
  throw new RegistryError('ObjectTooLarge', text, { prefix, sizeBytes, sizeBytesMax: listBytesMax });
}

/** Anything that an operation has thrown, as what it may reject with. */
export function asRegistryError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new RegistryError('DurableStoreFailed', `registry: ${reason}`, {}, { cause: error });
}

function checkText(field: string, text: string): void {
  const { keyLengthMax } = registryLimits;
  if (text.length > keyLengthMax)
    throw invalid(field, shortened(text), `it has ${text.length} characters, at most ${keyLengthMax} are taken`);
  if (!keyPattern.test(text)) throw invalid(field, text, 'it consists of the letters A to Z and a to z, digits, and . _ / -');
}

function invalid(field: string, value: unknown, reason: string): RegistryError {
  return new RegistryError('InvalidOption', `registry: ${field} ${JSON.stringify(value)} is refused: ${reason}`, { field, value });
}

function shown(key: string): string {
  return JSON.stringify(shortened(key));
}

function shortened(key: string): string {
  return key.length > shownLength ? `${key.slice(0, shownLength)}…` : key;
}

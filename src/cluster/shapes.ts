/**
 * What values of messages must be, where whoever says them is not trusted: a shape per noun of the protocol, made of checks.
 *
 * Whoever takes a message counts on no more than its type, and what is said here. A shape that lacks a field does not compile.
 */
import { isRecord } from '../actors/bucket/primitives/options.ts';
import { checkAnnouncement } from '../actors/bucket/primitives/dynamic-join.ts';
import type { AppDefinition, BackoffDefinition, FunctionDefinition, TriggerDefinition } from '../actors/app.ts';
import type { AppChange } from '../actors/protocol/client.ts';
import type { CodeBundle } from '../actors/protocol/coordinator.ts';
import { errorCodes, type ErrorData } from '../actors/protocol/error.ts';
import type { Entry, Expectation } from '../actors/protocol/object.ts';
import type { SessionSpec } from '../actors/protocol/session.ts';
import { shardOfSession } from '../actors/protocol/session-id.ts';
import { encodings, type RemotePlace } from '../storage/object.ts';

/** Whether it is what it must be. `client`: the name of whose message it is of. */
export type Check = (value: unknown, client: string) => boolean;
export type Shape<T> = { readonly [F in keyof T]-?: Check };

const anything: Check = () => true;
export const text = (value: unknown) => typeof value === 'string';
const flag: Check = (value) => typeof value === 'boolean';
/** Bounds of a definition's numbers are `checkApp`'s. */
const number: Check = (value) => typeof value === 'number';
export const whole: Check = (value) => Number.isSafeInteger(value);
export const count = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
export const bytes = (value: unknown) => value instanceof Uint8Array;

export function orNull(check: Check): Check {
  return (value, client) => value === null || check(value, client);
}

export function listOf(check: Check): Check {
  return (value, client) => Array.isArray(value) && value.every((item) => check(item, client));
}

function oneOf(...values: readonly unknown[]): Check {
  return (value) => values.includes(value);
}

function record<T>(shape: Shape<T>): Check {
  const checks = Object.entries<Check>(shape);
  return (value, client) => isRecord(value) && checks.every(([field, check]) => check(value[field], client));
}

/** Of the client itself: an address there, to which answers go. */
export const own: Check = (value, client) => {
  const at = typeof value === 'string' ? value.indexOf('@') + 1 : 0;
  return at > 0 && isOf(client, (value as string).slice(at));
};

/** Clients are called `NAME/COORDINATOR`. */
function isOf(client: string, node: unknown): boolean {
  return typeof node === 'string' && node.startsWith(client) && node[client.length] === '/';
}

const place = record<RemotePlace>({ node: (value, client) => isOf(client, value), incarnation: whole, offset: count, serial: count });

const inlineRef: Check = (value) => {
  if (!isRecord(value)) return false;
  const { encoding, sizeBytes, inline, offset, remote } = value;
  const isEncoded = count(encoding) && (encoding as number) < encodings.length;
  return isEncoded && offset === -1 && remote === undefined && inline instanceof Uint8Array && inline.byteLength === sizeBytes;
};

/** Inline, or with the client: in a node's arena it has nothing that it could name. */
const ref: Check = (value, client) => {
  if (!isRecord(value) || value['remote'] === undefined) return inlineRef(value, client);
  const { encoding, sizeBytes, inline, offset, remote } = value;
  const isEncoded = count(encoding) && (encoding as number) < encodings.length;
  return isEncoded && offset === -1 && inline === null && count(sizeBytes) && place(remote, client);
};

const entryShape = { bucket: text, key: text, group: orNull(text) };
export const entries = listOf(record<Entry>({ ...entryShape, ref }));
export const inlineEntries = listOf(record<Entry>({ ...entryShape, ref: inlineRef }));

const isAnnouncement: Check = (value) => {
  const { keys, count: wanted } = value as Expectation;
  return checkAnnouncement(keys, wanted) === null;
};
const expectation = record<Expectation>({ bucket: text, group: orNull(text), keys: anything, count: anything });

export const spec = record<SessionSpec>({
  id: (value) => typeof value === 'string' && shardOfSession(value) !== -1,
  app: text,
  requestId: orNull(text),
  client: own,
  called: flag,
  entries,
  expects: listOf((value, client) => expectation(value, client) && isAnnouncement(value, client)),
  priority: (value) => count(value) && (value as number) <= 9,
  deadlineMs: orNull(count),
  admitTimeoutMs: count,
  retryOf: orNull(text),
});

const backoff = record<BackoffDefinition>({ initialMs: number, factor: number, maxMs: number });

const fn = record<FunctionDefinition>({
  name: text,
  sends: orNull(listOf(text)),
  timeoutMs: orNull(number),
  retry: record<FunctionDefinition['retry']>({ attemptsMax: number, backoff }),
  concurrency: number,
  placement: text,
});

const bucket = record<AppDefinition['buckets'][number]>({ name: text, external: flag });

const trigger = record<TriggerDefinition>({
  name: text,
  bucket: text,
  primitive: text,
  // Its primitive's to check, whatever it is.
  options: anything,
  function: text,
  rerun: orNull(
    record<NonNullable<TriggerDefinition['rerun']>>({
      source: text,
      key: orNull(text),
      timeoutMs: number,
      attemptsMax: number,
      backoff,
    }),
  ),
  traits: record<TriggerDefinition['traits']>({
    scope: oneOf('session', 'app'),
    sources: listOf(text),
    followsCompletion: flag,
    absorbsLoss: flag,
    flushesAtEnd: flag,
    isAnnounced: flag,
  }),
});

export const definition = record<AppDefinition>({
  name: text,
  module: text,
  buckets: listOf(bucket),
  functions: listOf(fn),
  triggers: listOf(trigger),
  customPrimitives: listOf(text),
});

export const bundle = record<CodeBundle>({ hash: text, code: text, content: text, module: text });

const changes: { readonly [K in AppChange['kind']]: Check } = {
  addTrigger: record<Extract<AppChange, { kind: 'addTrigger' }>>({ kind: text, trigger }),
  deleteTrigger: record<Extract<AppChange, { kind: 'deleteTrigger' }>>({ kind: text, trigger: text }),
  createBucket: record<Extract<AppChange, { kind: 'createBucket' }>>({ kind: text, bucket }),
  deleteBucket: record<Extract<AppChange, { kind: 'deleteBucket' }>>({ kind: text, bucket: text }),
};

export const change: Check = (value, client) => {
  const kind = isRecord(value) ? value['kind'] : null;
  return typeof kind === 'string' && Object.hasOwn(changes, kind) && changes[kind as AppChange['kind']](value, client);
};

export const error = record<ErrorData>({
  code: oneOf(...errorCodes),
  message: text,
  retryable: flag,
  detail: (value) => isRecord(value) && !bytes(value),
  thrown: orNull(record<NonNullable<ErrorData['thrown']>>({ name: text, message: text, stack: orNull(text) })),
});

/**
 * What a session is opened with: objects by bucket, typed by the buckets of the app; and the two ways to write it, made one.
 */
import { isRecord, keyCharactersMax } from '../actors/bucket/primitives/options.ts';
import { type AnyBucket, bucketName, isBucket, type ValueOf } from './bucket.ts';
import type { Outgoing } from './context.ts';
import { invalidOption } from './errors.ts';
import { unknownField } from './option-rules.ts';

/** Objects by bucket name. Only names and values of the app's buckets compile (see `bucket` for when names are known). */
export type Entries<B extends AnyBucket = AnyBucket> = {
  readonly [N in B['name']]?: readonly Outgoing<ValueOf<Extract<B, { readonly name: N }>>>[] | undefined;
};

/** The value that bucket `K`, given as itself or by its name, takes. */
export type ValueFor<B extends AnyBucket, K> = K extends AnyBucket ? ValueOf<K> : ValueOf<Extract<B, { readonly name: K }>>;

/** An object to be put, its bucket by name. `key` null: to be numbered. */
export interface NamedEntry {
  readonly bucket: string;
  readonly key: string | null;
  readonly group: string | null;
  readonly value: unknown;
}

/**
 * Reads the arguments of `call` and `start` after the app: `(entries, options?)` or `(bucket, value, options?)`.
 * The objects come in the order in which they were written. Throws `InvalidOption`.
 */
export function readEntries(at: string, args: readonly unknown[]): { readonly entries: readonly NamedEntry[]; readonly options: unknown } {
  const [first, second, third] = args;
  if (typeof first === 'string' || isBucket(first)) {
    return { entries: [{ bucket: bucketName(first), key: null, group: null, value: second }], options: third };
  }
  if (!isRecord(first))
    throw invalidOption(at, 'entries', first, 'must be an object { [bucket]: [{ key?, group?, value }] }, or a bucket followed by a value');
  const entries = Object.entries(first).flatMap(([bucket, objects]) => readObjects(at, bucket, objects));
  return { entries, options: second };
}

/** Checks one object for a bucket. Throws `InvalidOption`. */
export function readEntry(at: string, field: string, bucket: string, object: unknown): NamedEntry {
  if (!isRecord(object) || !('value' in object)) throw invalidOption(at, field, object, 'must be an object { key?, group?, value }');
  const { key = null, group = null, value } = object;
  return { bucket, key: nameOrNull(at, `${field}.key`, key), group: nameOrNull(at, `${field}.group`, group), value };
}

/** The key of an app's own part of the durable store. Throws `InvalidOption`. */
export function durableKey(at: string, app: string, key: unknown): string {
  if (typeof key !== 'string') throw invalidOption(at, 'key', key, 'must be a string');
  return `${app}/${key}`;
}

const entryFields = ['key', 'group', 'value'] satisfies readonly (keyof Outgoing)[];

/** The same from a client, for whom there is nothing else to say: `delayMs` is for functions. */
export function readClientEntry(at: string, field: string, bucket: string, object: unknown): NamedEntry {
  const entry = readEntry(at, field, bucket, object);
  const given = object as Readonly<Record<string, unknown>>;
  const unknown = unknownField(given, entryFields);
  if (unknown === undefined) return entry;
  throw invalidOption(at, `${field}.${unknown}`, given[unknown], `is not a field of an object (there are ${entryFields.join(', ')})`);
}

function readObjects(at: string, bucket: string, objects: unknown): NamedEntry[] {
  if (objects === undefined) return [];
  if (!Array.isArray(objects)) throw invalidOption(at, `entries.${bucket}`, objects, 'must be an array of { key?, group?, value }');
  return objects.map((object, i) => readClientEntry(at, `entries.${bucket}[${i}]`, bucket, object));
}

function nameOrNull(at: string, field: string, value: unknown): string | null {
  if (value === null) return null;
  if (typeof value === 'string' && value.length >= 1 && value.length <= keyCharactersMax) return value;
  throw invalidOption(at, field, value, `must be a string of 1 to ${keyCharactersMax} characters`);
}

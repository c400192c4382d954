/**
 * CBOR of values, by cbor-x: without shared structures, so that any decoder reads any value, of any age.
 *
 * What CBOR or cbor-x would change on the way stands in the encoding as a tag with plain content:
 *
 *     tag     content                          value
 *     2,931   null                             -0
 *     2,932   UTF-16, little-endian            a string with half a surrogate pair
 *     2,933   [key, value, key, value, …]      an object with a key that no map can carry (`__proto__`), or with too many
 *     2,934   { name, message, stack, … }      an Error
 *     2,935   milliseconds since the epoch     a Date so far away that seconds, as cbor-x writes them, would shift it
 *
 * The numbers are below 3,000, since cbor-x finds its tags in a dense array, and belong to nothing that cbor-x knows. They are
 * the stored format: they can be added to, never changed.
 */
import { addExtension, Encoder, Tag } from 'cbor-x';

const minusZeroTag = 2931;
const textTag = 2932;
const entriesTag = 2933;
const errorTag = 2934;
const dateTag = 2935;

/** What is kept of an Error. Absent fields were absent. */
export interface ErrorFields {
  name: string;
  message: string;
  stack?: string;
  code?: string | number;
  cause?: unknown;
  /** Of an AggregateError. */
  errors?: unknown[];
}

export const minusZero = new Tag(null, minusZeroTag);

export function taggedText(text: string): Tag {
  return new Tag(Buffer.from(text, 'utf16le'), textTag);
}

/** `flat`: key, value, key, value, and so on. */
export function taggedEntries(flat: readonly unknown[]): Tag {
  return new Tag(flat, entriesTag);
}

/** `fields`: ErrorFields, with stand-ins in them. */
export function taggedError(fields: object): Tag {
  return new Tag(fields, errorTag);
}

export function taggedDate(ms: number): Tag {
  return new Tag(ms, dateTag);
}

/** Whether cbor-x returns the date that it was given: it divides by 1,000 and multiplies again. */
export function isDateExact(date: Date): boolean {
  const ms = date.getTime();
  return Number.isNaN(ms) || Math.round((ms / 1000) * 1000) === ms;
}

/** cbor-x counts an object's keys in 16 bits, and loses those above (`variableMapSize` would not, at twice the time). */
export const mapKeysMax = 2 ** 16 - 1;

/** `tagUint8Array`: bytes inside a value are a plain byte string, which comes back as a Uint8Array. */
const encoder = new Encoder({ useRecords: false, structuredClone: false, tagUint8Array: false }) as Encoder & {
  useBuffer(buffer: Uint8Array): void;
};

/** cbor-x goes on in the buffer of the last result. One that has grown beyond this would be kept alive by every small result after. */
const keptBufferBytesMax = 64 * 1024;
const firstBufferBytes = 8 * 1024;

/** The result is not written again; it shares a buffer of a few KiB with other results. */
export function encodeCbor(value: unknown): Uint8Array {
  const bytes = encoder.encode(value);
  if (bytes.buffer.byteLength > keptBufferBytesMax) encoder.useBuffer(Buffer.allocUnsafeSlow(firstBufferBytes));
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Byte strings and typed arrays in the result are views of `bytes`. */
export function decodeCbor(bytes: Uint8Array): unknown {
  // A view of its own: cbor-x leaves a property on what it decodes, and cuts Buffers out of Buffers.
  return encoder.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

const errorConstructors = new Map<string, ErrorConstructor>(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((constructor) => [constructor.name, constructor]),
);

function errorOf(fields: ErrorFields): Error {
  const { name, errors, ...properties } = fields;
  const error = errors ? new AggregateError(errors) : new (errorConstructors.get(name) ?? Error)();
  if (!('stack' in fields)) Reflect.deleteProperty(error, 'stack');
  for (const [key, value] of Object.entries(error.name === name ? properties : { name, ...properties })) {
    // As the engine has them, but for a `code`, which people assign.
    Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: key === 'code' });
  }
  return error;
}

function objectOf(flat: readonly unknown[]): object {
  const entries = Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] as string, flat[2 * i + 1]] as const);
  return Object.fromEntries(entries);
}

/** Tells cbor-x how to read a tag; how to write it is said by the `Tag` itself. */
function reads<R>(tag: number, decode: (content: R) => unknown): void {
  addExtension({ tag, decode } as unknown as Parameters<typeof addExtension>[0]);
}

reads(minusZeroTag, () => -0);
reads(textTag, (utf16: Uint8Array) => Buffer.from(utf16.buffer, utf16.byteOffset, utf16.byteLength).toString('utf16le'));
reads(entriesTag, objectOf);
reads(errorTag, errorOf);
reads(dateTag, (ms: number) => new Date(ms));

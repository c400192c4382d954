/**
 * Values as users have them ↔ the bytes of objects.
 *
 * Typed arrays are their own bytes: sending one copies it once, into the arena, and reading it copies nothing. Everything else is
 * CBOR. Which of the two is said by the encoding in the ref.
 *
 *   V1  Data arrives equal, and as the same kind: a Buffer as a Uint8Array, an object without prototype as a plain one, an Error as
 *       the built-in class of its name, else as an Error of that name. All else is refused where it is sent.
 *   V2  An encoding is of one moment: CBOR is complete when `encodeValue` returns, a typed array when its caller has copied it.
 */
import type { Encoding } from './object.ts';
import { encodings } from './object.ts';
import { decodeScalar, encodeScalar, noScalar } from './value-scalar.ts';
import { checkValue, NotEncodableError } from './value-check.ts';
import { decodeCbor, encodeCbor } from './value-codec.ts';

export { NotEncodableError };

export interface Encoded {
  /** Index into `encodings`. */
  readonly encoding: number;
  /**
   * Of a typed array: the user's own memory, to be copied before anything else runs. Else: memory that nobody writes again, but
   * that shares its buffer with other results.
   */
  readonly bytes: Uint8Array;
}

interface TypedArrayConstructor {
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ArrayBufferView;
}

const typedArrays: Readonly<Record<Exclude<Encoding, 'bytes' | 'cbor'>, TypedArrayConstructor>> = {
  int8: Int8Array,
  uint8Clamped: Uint8ClampedArray,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
  bigInt64: BigInt64Array,
  bigUint64: BigUint64Array,
};

const bytesEncoding = encodings.indexOf('bytes');
const cborEncoding = encodings.indexOf('cbor');
const constructorsByEncoding = new Map(
  Object.entries(typedArrays).map(([name, constructor]) => [encodings.indexOf(name as Encoding), constructor]),
);
/** By `Symbol.toStringTag`, which holds for subclasses too: a Buffer is a `Uint8Array`. */
const encodingsByTag = new Map<unknown, number>([...constructorsByEncoding].map(([encoding, { name }]) => [name, encoding]));
encodingsByTag.set('Uint8Array', bytesEncoding);

/** Whether what `encodeValue` gives under this encoding is memory of its own, rather than the user's. */
export function isOwnMemory(encoding: number): boolean {
  return encoding === cborEncoding;
}

let isEncoding = false;

/**
 * Throws NotEncodableError for what cannot be sent: functions, symbols, class instances, cycles, more than 1,000 levels (fewer,
 * if the stack is short). `path` is what its message calls the value.
 */
export function encodeValue(value: unknown, path = 'value'): Encoded {
  const scalar = encodeScalar(value);
  if (scalar) return { encoding: cborEncoding, bytes: scalar };
  if (ArrayBuffer.isView(value)) {
    const encoding = encodingsByTag.get((value as Uint8Array)[Symbol.toStringTag]);
    if (encoding !== undefined) return { encoding, bytes: bytesOf(value, path) };
  }
  // cbor-x writes into one buffer per thread: a getter that came back here would write into the middle of the value.
  if (isEncoding) throw new NotEncodableError(path, 'is encoded by a getter of a value that is being encoded');
  isEncoding = true;
  try {
    return { encoding: cborEncoding, bytes: encodeCbor(checkValue(value, path)) };
  } catch (error) {
    if (error instanceof NotEncodableError) throw error;
    throw new NotEncodableError(path, `cannot be encoded: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    isEncoding = false;
  }
}

/**
 * The value of an object. Typed arrays, also inside other values, are views of `bytes`, and as short-lived as those; only one
 * that does not lie on a multiple of its element's size is a copy (blocks of the arena always do). The rest of a value is new.
 */
export function decodeValue(encoding: number, bytes: Uint8Array): unknown {
  if (encoding === bytesEncoding) return bytes;
  if (encoding === cborEncoding) {
    const scalar = decodeScalar(bytes);
    return scalar === noScalar ? decodeCbor(bytes) : scalar;
  }
  const constructor = constructorsByEncoding.get(encoding);
  if (!constructor) throw new Error(`bug: no encoding ${encoding}`);
  const isAligned = bytes.byteOffset % constructor.BYTES_PER_ELEMENT === 0;
  const { buffer, byteOffset } = isAligned ? bytes : bytes.slice();
  return new constructor(buffer, byteOffset, bytes.byteLength / constructor.BYTES_PER_ELEMENT);
}

/** As `decodeValue`, but nothing in the result is a view of `bytes`: it stays what it is when those are gone. */
export function copyValue(encoding: number, bytes: Uint8Array): unknown {
  return decodeValue(encoding, new Uint8Array(bytes));
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView, path: string): Uint8Array {
  try {
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (error) {
    throw new NotEncodableError(path, 'is a typed array whose memory was handed over to another thread', { cause: error });
  }
}

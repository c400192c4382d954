/**
 * The CBOR of the smallest values, written and read by hand: whole numbers below 2³², booleans, null and undefined. Messages are often
 * no more than that, and the codec takes ten times as long to begin.
 */
const oneByteMax = 23;
const keptMax = 1_024;
const falseByte = 0xf4;
const trueByte = 0xf5;
const nullByte = 0xf6;
const undefinedByte = 0xf7;

/** Encodings are not written by anybody: the same may be given out twice. */
const kept: readonly Uint8Array[] = Array.from({ length: keptMax }, (_, value) => encodeNumber(value));
const keptSimple = new Map<unknown, Uint8Array>([
  [false, Uint8Array.of(falseByte)],
  [true, Uint8Array.of(trueByte)],
  [null, Uint8Array.of(nullByte)],
  [undefined, Uint8Array.of(undefinedByte)],
]);

/** Null: it is not one of them. */
export function encodeScalar(value: unknown): Uint8Array | null {
  if (value === null || value === undefined || typeof value === 'boolean') return keptSimple.get(value) ?? null;
  if (typeof value !== 'number') return null;
  // A shift makes a whole number of 32 bits; it does not change one.
  if (value >>> 0 !== value || (value === 0 && 1 / value < 0)) return null;
  return kept[value] ?? encodeNumber(value);
}

function encodeNumber(value: number): Uint8Array {
  if (value <= oneByteMax) return Uint8Array.of(value);
  if (value < 2 ** 8) return Uint8Array.of(0x18, value);
  if (value < 2 ** 16) return Uint8Array.of(0x19, value >> 8, value & 0xff);
  return Uint8Array.of(0x1a, value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff);
}

/** What `bytes` do not say. */
export const noScalar = Symbol('no scalar');

export function decodeScalar(bytes: Uint8Array): unknown {
  const head = bytes[0] ?? -1;
  switch (bytes.length) {
    case 1:
      return head <= oneByteMax ? head : simpleOf(head);
    case 2:
      return head === 0x18 ? bytes[1] : noScalar;
    case 3:
      return head === 0x19 ? (at(bytes, 1) << 8) | at(bytes, 2) : noScalar;
    case 5:
      return head === 0x1a ? ((at(bytes, 1) << 24) | (at(bytes, 2) << 16) | (at(bytes, 3) << 8) | at(bytes, 4)) >>> 0 : noScalar;
    default:
      return noScalar;
  }
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

function simpleOf(head: number): unknown {
  switch (head) {
    case falseByte:
      return false;
    case trueByte:
      return true;
    case nullByte:
      return null;
    case undefinedByte:
      return undefined;
    default:
      return noScalar;
  }
}

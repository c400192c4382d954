/** What an object holds, so that one that is lost, cut, or mixed up with another does not go unnoticed: bytes that follow from a seed. */
import { crc32 } from 'node:zlib';

/** Before the pattern: when the object was handed over. */
export const stampBytes = 8;

/** Fills all but the stamp. `bytes` begins on a boundary of words. */
export function fillPattern(bytes: Uint8Array, seed: number): void {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
  let word = seed;
  for (let i = stampBytes / 4; i < words.length; i++) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0;
    words[i] = word;
  }
  for (let i = words.length * 4; i < bytes.length; i++) bytes[i] = (seed + i) & 0xff;
}

/** Of all but the stamp. */
export function checksumOf(bytes: Uint8Array): number {
  return crc32(bytes.subarray(stampBytes));
}

export function setStamp({ buffer, byteOffset }: Uint8Array, ms: number): void {
  new DataView(buffer, byteOffset).setFloat64(0, ms);
}

export function stampOf({ buffer, byteOffset }: Uint8Array): number {
  return new DataView(buffer, byteOffset).getFloat64(0);
}

/** The machine's clock, which is the same in all its threads and processes, in milliseconds. */
export function clockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

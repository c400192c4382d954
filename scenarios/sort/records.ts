/** What is known of a record: 100 bytes, which begin with a key of 10. A record is 25 words, so that it is copied word by word. */
export const recordBytes = 100;
export const keyBytes = 10;
export const recordWords = recordBytes / Uint32Array.BYTES_PER_ELEMENT;

/** The bytes as words: a view where they lie on a word boundary, else a copy. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const { buffer, byteOffset, length } = bytes.byteOffset % Uint32Array.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return new Uint32Array(buffer, byteOffset, length / Uint32Array.BYTES_PER_ELEMENT);
}

/** A word of a key, so that words compare as their bytes do: numbers lie in memory with the least significant byte first. */
export function swapped(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

export function copyRecord(source: Uint32Array, from: number, target: Uint32Array, to: number): void {
  for (let i = 0; i < recordWords; i++) target[to + i] = source[from + i] as number;
}

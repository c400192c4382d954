/** What words are made of, and a plain count of the words of a stream: what the app's answer is checked by. */

/** The ASCII letter in lower case, 0 for any other byte. */
export function letterOf(byte: number): number {
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x7a ? letter : 0;
}

/** FNV-1a, 32 bits. */
export const hashOfNothing = 0x811c9dc5 | 0;

export function hashWith(hash: number, letter: number): number {
  return Math.imul(hash ^ letter, 0x01000193);
}

/** Counts words as they pass by, without telling them apart: their number, and the sum of their hashes. */
export class PlainCount {
  bytes = 0;
  words = 0;
  #sum = 0;
  #hash = hashOfNothing;
  #inWord = false;

  get fingerprint(): number {
    return this.#sum >>> 0;
  }

  /** Counts what passes by. */
  *watch(chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
    for (const chunk of chunks) {
      this.add(chunk);
      yield chunk;
    }
  }

  /** A word may go on in the next chunk. */
  add(chunk: Uint8Array): void {
    let { words } = this;
    let sum = this.#sum;
    let hash = this.#hash;
    let inWord = this.#inWord;
    for (let i = 0; i < chunk.length; i++) {
      const letter = letterOf(chunk[i] ?? 0);
      if (letter !== 0) {
        hash = hashWith(hash, letter);
        inWord = true;
      } else if (inWord) {
        words += 1;
        sum = (sum + hash) | 0;
        hash = hashOfNothing;
        inWord = false;
      }
    }
    this.bytes += chunk.length;
    this.words = words;
    this.#sum = sum;
    this.#hash = hash;
    this.#inWord = inWord;
  }
}

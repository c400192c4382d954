/**
 * Counts of words: a hash table over bytes, for text of any kind. A word is a maximal run of ASCII letters, in lower case.
 *
 *   T1  A word is written behind the known ones and stays there if it is new: each byte is looked at once, and no string made.
 *   T2  Entries are numbered in the order of their first occurrence; `#slots` leads from a hash to a number. What a look-up needs of a slot lies
 *       side by side, and so does what it needs of an entry: in a large table each place is a cache miss.
 *   T3  At most half of the slots are taken.
 */
import { hashOfNothing, hashWith, letterOf } from './letters.ts';
import { readVarint, varintBytes, writeVarint } from './varint.ts';

export type CountedWord = readonly [word: string, count: number];

const entriesMin = 512;

export class WordTable {
  /** The letters of all words; those of an entry end where those of the next begin. */
  #letters = new Uint8Array(0);
  /** Of each entry the end of its letters, and its count. */
  #entries = new Float64Array(2 * entriesMin);
  #hashes = new Uint32Array(entriesMin);
  /** Of each slot the number of an entry, and 1, or 0; and its hash. */
  #slots = new Uint32Array(2 * 2 * entriesMin);
  #distinct = 0;

  get distinct(): number {
    return this.#distinct;
  }

  /** The number of words. */
  get words(): number {
    let words = 0;
    for (let entry = 0; entry < this.#distinct; entry++) words += this.#countOf(entry);
    return words;
  }

  /** The sum of all words' hashes, in 32 bits. Texts with the same words have the same; others hardly ever. */
  get fingerprint(): number {
    let sum = 0;
    for (let i = 0; i < this.#distinct; i++) sum = (sum + Math.imul(this.#hashes[i] ?? 0, this.#countOf(i) % 2 ** 32)) | 0;
    return sum >>> 0;
  }

  /** Counts the words of a text, which must neither begin nor end within a word. */
  countText(text: Uint8Array): void {
    this.#reserveLetters(text.length);
    const letters = this.#letters;
    let start = this.#startOf(this.#distinct);
    let end = start;
    let hash = hashOfNothing;
    // The end of the text ends a word, too. What stood behind the loop would be new to the engine, which compiles it while it runs, and
    // throws that away when it comes to what it does not know.
    for (let i = 0; i <= text.length; i++) {
      const letter = i < text.length ? letterOf(text[i] ?? 0) : 0;
      if (letter !== 0) {
        letters[end++] = letter;
        hash = hashWith(hash, letter);
      } else if (end > start) {
        start = end = this.#add(end, hash, 1);
        hash = hashOfNothing;
      }
    }
  }

  /** Adds the counts of another table, as `encode` has written them. */
  addEncoded(encoded: Uint8Array): void {
    this.#reserveLetters(encoded.length);
    const cursor = { offset: 0 };
    while (cursor.offset < encoded.length) {
      const count = readVarint(encoded, cursor);
      const wordEnd = readVarint(encoded, cursor) + cursor.offset;
      let end = this.#startOf(this.#distinct);
      let hash = hashOfNothing;
      for (; cursor.offset < wordEnd; cursor.offset++) {
        const letter = encoded[cursor.offset] ?? 0;
        this.#letters[end++] = letter;
        hash = hashWith(hash, letter);
      }
      this.#add(end, hash, count);
    }
  }

  /** One share of the table, of so many: for each of its words the count and the length as varints, and the letters. */
  encode(share: number, shares: number): Uint8Array {
    const entries: number[] = [];
    let sizeBytes = 0;
    for (let entry = 0; entry < this.#distinct; entry++) {
      if ((this.#hashes[entry] ?? 0) % shares !== share) continue;
      entries.push(entry);
      sizeBytes += this.#encodedBytes(entry);
    }
    const encoded = new Uint8Array(sizeBytes);
    const letters = this.#letters;
    const cursor = { offset: 0 };
    for (const entry of entries) {
      const start = this.#startOf(entry);
      const end = this.#startOf(entry + 1);
      writeVarint(encoded, cursor, this.#countOf(entry));
      writeVarint(encoded, cursor, end - start);
      for (let i = start; i < end; i++) encoded[cursor.offset++] = letters[i] ?? 0;
    }
    return encoded;
  }

  /** The `n` most frequent words, equally frequent ones in alphabetical order. */
  top(n: number): CountedWord[] {
    const sortedMax = 2 * n + 1_000;
    const best: number[] = [];
    // Of the best that have been sorted, the last: what comes behind it is out.
    let last = -1;
    for (let i = 0; i < this.#distinct; i++) {
      if (n === 0 || (last >= 0 && this.#byRank(last, i) < 0)) continue;
      if (best.push(i) < sortedMax) continue;
      best.sort((a, b) => this.#byRank(a, b)).splice(n);
      last = best[n - 1] ?? -1;
    }
    best.sort((a, b) => this.#byRank(a, b)).splice(n);
    return best.map((i) => [Buffer.from(this.#wordOf(i)).toString('latin1'), this.#countOf(i)]);
  }

  /** Counts the word that was written behind the known ones (T1). Returns where the next is to be written. */
  #add(end: number, hash: number, count: number): number {
    const start = this.#startOf(this.#distinct);
    const slots = this.#slots;
    let slot = this.#firstSlot(hash);
    for (let taken = slots[slot] ?? 0; taken !== 0; taken = slots[slot] ?? 0) {
      const entry = taken - 1;
      if (slots[slot + 1] === hash >>> 0 && this.#isWord(entry, start, end)) {
        this.#entries[2 * entry + 1] = this.#countOf(entry) + count;
        return start;
      }
      slot = this.#slotAfter(slot);
    }
    const entry = this.#distinct++;
    slots[slot] = entry + 1;
    slots[slot + 1] = hash;
    this.#entries[2 * entry] = end;
    this.#entries[2 * entry + 1] = count;
    this.#hashes[entry] = hash;
    if (this.#distinct === this.#hashes.length) this.#grow();
    return end;
  }

  /** By the high bits of a product: the low bits of the hash are the same in all words of a share. */
  #firstSlot(hash: number): number {
    return 2 * (Math.imul(hash, 0x9e3779b1) >>> (Math.clz32(this.#slots.length) + 2));
  }

  #slotAfter(slot: number): number {
    return (slot + 2) & (this.#slots.length - 1);
  }

  #isWord(entry: number, start: number, end: number): boolean {
    const from = this.#startOf(entry);
    if (this.#startOf(entry + 1) - from !== end - start) return false;
    for (let i = start; i < end; i++) if (this.#letters[i] !== this.#letters[from + i - start]) return false;
    return true;
  }

  #startOf(entry: number): number {
    return entry === 0 ? 0 : (this.#entries[2 * entry - 2] ?? 0);
  }

  #countOf(entry: number): number {
    return this.#entries[2 * entry + 1] ?? 0;
  }

  #wordOf(entry: number): Uint8Array {
    return this.#letters.subarray(this.#startOf(entry), this.#startOf(entry + 1));
  }

  #encodedBytes(entry: number): number {
    const length = this.#startOf(entry + 1) - this.#startOf(entry);
    return varintBytes(this.#countOf(entry)) + varintBytes(length) + length;
  }

  #byRank(a: number, b: number): number {
    return this.#countOf(b) - this.#countOf(a) || Buffer.compare(this.#wordOf(a), this.#wordOf(b));
  }

  #reserveLetters(more: number): void {
    const needed = this.#startOf(this.#distinct) + more;
    if (needed > this.#letters.length) this.#letters = copyInto(new Uint8Array(Math.max(needed, 2 * this.#letters.length)), this.#letters);
  }

  #grow(): void {
    const entries = 2 * this.#distinct;
    this.#entries = copyInto(new Float64Array(2 * entries), this.#entries);
    this.#hashes = copyInto(new Uint32Array(entries), this.#hashes);
    const slots = (this.#slots = new Uint32Array(2 * 2 * entries));
    for (let entry = 0; entry < this.#distinct; entry++) {
      const hash = this.#hashes[entry] ?? 0;
      let slot = this.#firstSlot(hash);
      while (slots[slot] !== 0) slot = this.#slotAfter(slot);
      slots[slot] = entry + 1;
      slots[slot + 1] = hash;
    }
  }
}

function copyInto<A extends Uint8Array | Uint32Array | Float64Array>(larger: A, smaller: A): A {
  larger.set(smaller);
  return larger;
}

/**
 * Sorts records by their keys, fast: by radix, a word of the key at a time, the first word first.
 *
 *   K1  What moves while sorting are pairs of a word and the number of its record. Records are copied once, at the end, in the order in
 *       which they lie: to write here and there takes a third of the time of reading here and there.
 *   K2  A stretch of records whose words so far are equal is sorted by the next word. So most records are seen once: their first words differ.
 *   K3  Records with the same key stay in their order.
 *   K4  Memory is kept for the next call: to get a page from the system takes longer than to fill it.
 */
import { copyRecord, keyBytes, recordBytes, recordWords, swapped, wordsOf } from './records.ts';

const digitBits = 11;
const digits = 3;
const digitValues = 2 ** digitBits;
/** Shorter stretches are sorted by insertion. */
const insertionMax = 48;
const keyWords = Math.ceil(keyBytes / 4);
/** Of the last word, what is behind the key. */
const unusedBits = (4 * keyWords - keyBytes) * 8;

export class RecordSort {
  /** The words of all keys: those of the first, then those of the second, … */
  #keys = new Uint32Array(0);
  /** The numbers of the records, and the word of each by which a stretch is being sorted; and as much for the next pass. */
  #records = new Uint32Array(0);
  #words = new Uint32Array(0);
  #nextRecords = new Uint32Array(0);
  #nextWords = new Uint32Array(0);
  #sorted = new Uint32Array(0);
  readonly #ends = new Uint32Array(digits * digitValues);

  /** The records of all blocks, in the order of their keys. Valid until the next call. */
  sort(blocks: readonly Uint8Array[]): Uint8Array {
    const sources = blocks.map(wordsOf);
    const bytes = blocks.reduce((sum, { length }) => sum + length, 0);
    const count = bytes / recordBytes;
    this.#reserve(count);
    this.#loadKeys(sources, count);
    for (let i = 0; i < count; i++) this.#records[i] = i;
    this.#sort(0, count, 0, count);
    this.#copy(sources, count);
    return new Uint8Array(this.#sorted.buffer, 0, bytes);
  }

  #reserve(count: number): void {
    if (count <= this.#records.length) return;
    this.#keys = new Uint32Array(keyWords * count);
    this.#records = new Uint32Array(count);
    this.#words = new Uint32Array(count);
    this.#nextRecords = new Uint32Array(count);
    this.#nextWords = new Uint32Array(count);
    this.#sorted = new Uint32Array(recordWords * count);
  }

  #loadKeys(sources: readonly Uint32Array[], count: number): void {
    let i = 0;
    for (const source of sources) {
      for (let at = 0; at < source.length; at += recordWords, i++) {
        for (let word = 0; word < keyWords; word++) this.#keys[word * count + i] = swapped(source[at + word] as number);
      }
    }
    for (i = (keyWords - 1) * count; i < keyWords * count; i++) this.#keys[i] = (this.#keys[i] as number) >>> unusedBits;
  }

  /** Sorts the stretch from `start` to `end`, whose records have the same words before this one. */
  #sort(start: number, end: number, word: number, count: number): void {
    const words = this.#words;
    for (let i = start; i < end; i++) words[i] = this.#keys[word * count + (this.#records[i] as number)] as number;
    if (end - start <= insertionMax) this.#sortByInsertion(start, end);
    else this.#sortByRadix(start, end);
    if (word === keyWords - 1) return;
    for (let from = start; from < end; ) {
      const value = words[from];
      let to = from + 1;
      while (to < end && words[to] === value) to++;
      if (to - from > 1) this.#sort(from, to, word + 1, count);
      from = to;
    }
  }

  #sortByInsertion(start: number, end: number): void {
    const [words, records] = [this.#words, this.#records];
    for (let i = start + 1; i < end; i++) {
      const word = words[i] as number;
      const record = records[i] as number;
      let to = i;
      for (; to > start && (words[to - 1] as number) > word; to--) {
        words[to] = words[to - 1] as number;
        records[to] = records[to - 1] as number;
      }
      words[to] = word;
      records[to] = record;
    }
  }

  /** By the digits of the word, the least significant first, each time into the other pair of arrays. */
  #sortByRadix(start: number, end: number): void {
    const ends = this.#countDigits(start, end);
    let [words, records, nextWords, nextRecords] = [this.#words, this.#records, this.#nextWords, this.#nextRecords];
    for (let digit = 0; digit < digits; digit++) {
      // Where all have the same digit, they stay where they are.
      if (ends[slotOf(words[start] as number, digit)] === end - start) continue;
      let next = start;
      for (let slot = digit * digitValues; slot < (digit + 1) * digitValues; slot++) {
        const count = ends[slot] as number;
        ends[slot] = next;
        next += count;
      }
      for (let i = start; i < end; i++) {
        const word = words[i] as number;
        const slot = slotOf(word, digit);
        const to = ends[slot] as number;
        ends[slot] = to + 1;
        nextWords[to] = word;
        nextRecords[to] = records[i] as number;
      }
      [words, records, nextWords, nextRecords] = [nextWords, nextRecords, words, records];
    }
    if (words === this.#words) return;
    nextWords.set(words.subarray(start, end), start);
    nextRecords.set(records.subarray(start, end), start);
  }

  #countDigits(start: number, end: number): Uint32Array {
    const [ends, words] = [this.#ends.fill(0), this.#words];
    for (let i = start; i < end; i++) {
      const word = words[i] as number;
      for (let digit = 0; digit < digits; digit++) {
        const slot = slotOf(word, digit);
        ends[slot] = (ends[slot] as number) + 1;
      }
    }
    return ends;
  }

  #copy(sources: readonly Uint32Array[], count: number): void {
    const [sorted, places] = [this.#sorted, this.#nextRecords];
    for (let place = 0; place < count; place++) places[this.#records[place] as number] = place * recordWords;
    let i = 0;
    for (const source of sources) {
      for (let at = 0; at < source.length; at += recordWords) copyRecord(source, at, sorted, places[i++] as number);
    }
  }
}

function slotOf(word: number, digit: number): number {
  return digit * digitValues + ((word >>> (digit * digitBits)) & (digitValues - 1));
}

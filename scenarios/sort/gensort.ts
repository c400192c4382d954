/**
 * The records of the sort benchmark, as gensort 1.5 makes them: 100 bytes, the first 10 of which are the key. Record n is made of the
 * n-th random number of 128 bits.
 *
 *     binary   key 10 | filler 90: the nine numbers behind, 10 bytes of each, masked
 *     ascii    key 10 | 2 spaces | n in 32 hex digits | 2 spaces | 13 hex digits of the number, each 4 times | \r \n
 */
import { Lcg } from './lcg.ts';
import { keyBytes, recordBytes } from './records.ts';

export type RecordKind = 'ascii' | 'binary';

/** Printable characters, from the space on. */
const printable = 95;
const space = 0x20;
const hexDigits = Buffer.from('0123456789ABCDEF');
const numberAt = 12;
const numberDigits = 32;
const fillerAt = 46;
const fillerDigits = 13;

/** What the tenths of a binary record are masked with. The key is not. */
const masks = [
  '00000000000000000000',
  'F0E8E4E2E1D8D4D2D1CC',
  'CAC9C6C5C3B8B4B2B1AC',
  'AAA9A6A5A39C9A999695',
  '938E8D8B87787472716C',
  '6A696665635C5A595655',
  '534E4D4B473C3A393635',
  '332E2D2B271E1D1B170F',
  'C8C4C2C1989492918CE0',
  '170F332E2D2B271E1D1B',
].map((hex) => Buffer.from(hex, 'hex'));

/** Makes records one behind the other. */
export class Gensort {
  readonly #kind: RecordKind;
  #number: number;
  readonly #random: Lcg;
  /** Of binary records: the first ten bytes of the numbers from the next record's on, as many as a record needs. */
  readonly #ahead = new Uint8Array(recordBytes);

  /** Begins with record `first`, from 0. */
  constructor(kind: RecordKind, first = 0) {
    this.#kind = kind;
    this.#number = first;
    this.#random = new Lcg(first);
    if (kind === 'binary') for (let i = 0; i < masks.length; i++) this.#lookAhead();
  }

  /** Fills a number of records. */
  fill(target: Uint8Array): void {
    for (let at = 0; at < target.length; at += recordBytes) {
      if (this.#kind === 'binary') this.#writeBinary(target, at);
      else this.#writeAscii(target, at);
      this.#number++;
    }
  }

  #writeBinary(target: Uint8Array, at: number): void {
    for (const [tenth, mask] of masks.entries()) {
      const from = tenth * keyBytes;
      for (let i = 0; i < keyBytes; i++) target[at + from + i] = (this.#ahead[from + i] ?? 0) ^ (mask[i] ?? 0);
    }
    this.#lookAhead();
  }

  #lookAhead(): void {
    this.#ahead.copyWithin(0, keyBytes);
    const { limbs } = this.#random;
    const from = recordBytes - keyBytes;
    for (let i = 0; i < keyBytes; i++) this.#ahead[from + i] = (limbs[7 - (i >> 1)] ?? 0) >>> (i % 2 === 0 ? 8 : 0);
    this.#random.next();
  }

  #writeAscii(target: Uint8Array, at: number): void {
    const { limbs } = this.#random;
    writeBase95(target, at, limbs.subarray(4), 8);
    writeBase95(target, at + 8, limbs.subarray(0, 4), 2);
    target.fill(space, at + keyBytes, at + fillerAt);
    writeHex(target, at + numberAt, this.#number);
    for (let i = 0; i < fillerDigits; i++) {
      const digit = ((limbs[3 - ((i + 3) >> 2)] ?? 0) >>> (12 - 4 * ((i + 3) % 4))) & 0xf;
      target.fill(hexDigits[digit] ?? 0, at + fillerAt + 4 * i, at + fillerAt + 4 * (i + 1));
    }
    target[at + 98] = 0x0d;
    target[at + 99] = 0x0a;
    this.#random.next();
  }
}

/** The first digits of four limbs in base 95, the least significant first. */
function writeBase95(target: Uint8Array, at: number, limbs: Uint16Array, digits: number): void {
  let [low = 0, second = 0, third = 0, high = 0] = limbs;
  for (let i = 0; i < digits; i++) {
    third += (high % printable) * 0x1_0000;
    high = Math.trunc(high / printable);
    second += (third % printable) * 0x1_0000;
    third = Math.trunc(third / printable);
    low += (second % printable) * 0x1_0000;
    second = Math.trunc(second / printable);
    target[at + i] = space + (low % printable);
    low = Math.trunc(low / printable);
  }
}

function writeHex(target: Uint8Array, at: number, number: number): void {
  let rest = number;
  for (let i = numberDigits - 1; i >= 0; i--) {
    target[at + i] = hexDigits[rest % 16] ?? 0;
    rest = Math.floor(rest / 16);
  }
}

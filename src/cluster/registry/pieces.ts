/** Values larger than a message may be, in pieces: cut where they leave, joined where they arrive. */
import type { EntryPart, RegistryEntry } from '../../actors/protocol/registry.ts';
import { registryLimits } from './registry.ts';

/** Of values in one message: what comes behind it should not wait long. */
export const pieceBytesMax = 256 * 1_024;
/** What an entry takes beside its key and value, at most. */
const partOverheadBytes = 32;

/** Each of them but the last is full. */
export function piecesOf(value: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < value.byteLength; at += pieceBytesMax) pieces.push(value.subarray(at, at + pieceBytesMax));
  return pieces;
}

/** What each message of an answer carries: at least one, if only of nothing. */
export function answersOf(entries: readonly RegistryEntry[]): EntryPart[][] {
  let parts: EntryPart[] = [];
  const answers = [parts];
  let room = pieceBytesMax;
  for (const { key, revision, value } of entries) {
    let at = 0;
    do {
      if (room <= 0) {
        parts = [];
        answers.push(parts);
        room = pieceBytesMax;
      }
      const bytes = value.subarray(at, at + room);
      parts.push({ key, revision, sizeBytes: value.byteLength, bytes });
      at += bytes.byteLength;
      room -= bytes.byteLength + key.length + partOverheadBytes;
    } while (at < value.byteLength);
  }
  return answers;
}

/** Joins the parts of an answer. Throws if they are not what `answersOf` makes, or are more than an answer may hold. */
export class EntryJoiner {
  readonly entries: RegistryEntry[] = [];
  /** Of the last entry: bytes that have not come. */
  #missing = 0;
  #sizeBytes = 0;

  get isWhole(): boolean {
    return this.#missing === 0;
  }

  add({ key, revision, sizeBytes, bytes }: EntryPart): void {
    if (this.#missing === 0) {
      this.#sizeBytes += key.length + sizeBytes;
      if (this.#sizeBytes > registryLimits.listBytesMax) throw new Error(`an answer has more than ${registryLimits.listBytesMax} bytes`);
      this.entries.push({ key, revision, value: new Uint8Array(sizeBytes) });
      this.#missing = sizeBytes;
    }
    const last = this.entries.at(-1);
    if (last?.key !== key || last.revision !== revision || last.value.byteLength !== sizeBytes || bytes.byteLength > this.#missing)
      throw new Error(`the parts of ${key} do not fit together`);
    last.value.set(bytes, sizeBytes - this.#missing);
    this.#missing -= bytes.byteLength;
  }
}

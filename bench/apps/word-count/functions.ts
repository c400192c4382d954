/**
 * What every system runs that counts words: one map and one reduce, pure functions of bytes. Peers whose threads or processes load plain
 * JavaScript get this file as a bundle (`functionsFile` in `bundle.ts`).
 */
import { WordTable } from '../../../scenarios/word-count/word-table.ts';

export const maps = 8;
export const reducers = 4;

/** What one reducer has found about its share of the words. */
export interface ShareCounts {
  readonly words: number;
  readonly distinct: number;
  readonly fingerprint: number;
  /** For each of its words the count and the length as varints, and the letters. */
  readonly counts: Uint8Array;
}

/** Counts the words of a part of the text. Returns the counts by share, `reducers` of them. */
export function mapPart(text: Uint8Array): Uint8Array[] {
  const table = new WordTable();
  table.countText(text);
  return Array.from({ length: reducers }, (_, share) => table.encode(share, reducers));
}

/** Adds up what all maps have found about a share. */
export function reduceShare(blocks: readonly Uint8Array[]): ShareCounts {
  const table = new WordTable();
  for (const block of blocks) table.addEncoded(block);
  const { words, distinct, fingerprint } = table;
  return { words, distinct, fingerprint, counts: table.encode(0, 1) };
}

/** MapReduce: parts of a text → counts of the words in each, by share → counts of each share. */
import { mapReduceBlocks } from 'pheromone/mapreduce';
import { type CountedWord, WordTable } from './word-table.ts';

export interface Params {
  /** How many of the most frequent words each reducer tells. */
  readonly top: number;
}

/** What one reducer has found about its share of the words: those are shared out by their hash. */
export interface ShareCounts {
  readonly words: number;
  readonly distinct: number;
  readonly fingerprint: number;
  readonly top: readonly CountedWord[];
}

export default mapReduceBlocks<Uint8Array, Params, ShareCounts>('word-count', {
  module: import.meta.url,
  async map(text, { partitions, emit }) {
    const table = new WordTable();
    table.countText(text);
    for (let share = 0; share < partitions; share++) await emit(share, table.encode(share, partitions));
  },
  combine: (blocks) => tableOf(blocks).encode(0, 1),
  reduce(blocks, { params, output }) {
    const table = tableOf(blocks);
    const { words, distinct, fingerprint } = table;
    return output({ words, distinct, fingerprint, top: table.top(params.top) });
  },
});

function tableOf(blocks: readonly Uint8Array[]): WordTable {
  const table = new WordTable();
  for (const block of blocks) table.addEncoded(block);
  return table;
}

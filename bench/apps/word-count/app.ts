/** Our app of the functions. */
import { mapReduceBlocks } from 'pheromone/mapreduce';
import { mapPart, reduceShare, type ShareCounts } from './functions.ts';

// #region word-count
export default mapReduceBlocks<Uint8Array, undefined, ShareCounts>('bench-word-count', {
  module: import.meta.url,
  map(text, { emit }) {
    for (const [share, block] of mapPart(text).entries()) void emit(share, block);
  },
  reduce: (blocks, { output }) => output(reduceShare(blocks)),
});
// #endregion

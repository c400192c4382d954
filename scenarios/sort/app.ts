/**
 * MapReduce: blocks of records → their records by range of keys → each range in order.
 */
import { mapReduceBlocks } from 'pheromone/mapreduce';
import { type Bounds, RangeParter } from './ranges.ts';
import { RecordSort } from './sort-records.ts';

// Of the executor that runs this module: it calls one function at a time, and these return before it goes on.
const parter = new RangeParter();
const sorter = new RecordSort();

export default mapReduceBlocks('sort', {
  module: import.meta.url,
  async map(block: Uint8Array, job: { readonly params: Bounds; emit(range: number, records: Uint8Array): Promise<void> | undefined }) {
    const accepted: (Promise<void> | undefined)[] = [];
    parter.part(block, job.params, (range, records) => accepted.push(job.emit(range, records)));
    await Promise.all(accepted);
  },
  async reduce(blocks, job) {
    await job.output(sorter.sort(blocks));
  },
});

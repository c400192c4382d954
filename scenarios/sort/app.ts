/**
 * MapReduce: blocks of records → their records by range of keys → each range in order.
 */
import { mapReduceBlocks } from 'pheromone/mapreduce';
import { type Bounds, RangeParter } from './ranges.ts';
import { RecordSort } from './sort-records.ts';

// Of the executor that runs this module: it calls one function at a time. What these return is copied before they are called again.
const parter = new RangeParter();
const sorter = new RecordSort();

export default mapReduceBlocks<Uint8Array, Bounds, Uint8Array>('sort', {
  module: import.meta.url,
  map(block, job) {
    parter.part(block, job.params, (range, records) => job.emit(range, records));
  },
  reduce(blocks, job) {
    return job.output(sorter.sort(blocks));
  },
});

/**
 * MapReduce: parts of a file → their records by range of keys → each range in order, at its place in another file.
 *
 * Only what is between map and reduce goes through the store; the files must be there for all workers under the same names.
 */
import { mapReduceBlocks } from 'pheromone/mapreduce';
import { readPart, writePart } from './files.ts';
import { type Bounds, RangeParter, type Ranges, recordsBefore, recordsOf } from './ranges.ts';
import { recordBytes } from './records.ts';
import { RecordSort } from './sort-records.ts';

export interface SortJob {
  readonly input: string;
  readonly output: string;
  readonly bounds: Bounds;
  /** Which of the ranges are sorted this time. Partition 0 is the first of them. */
  readonly ranges: Ranges;
}

export interface Part {
  readonly at: number;
  readonly bytes: number;
}

// Of the executor that runs this module: it begins with the next call of a function when this one has ended.
const parter = new RangeParter();
const sorter = new RecordSort();

export default mapReduceBlocks<Part, SortJob, number>('sort', {
  module: import.meta.url,
  async map({ at, bytes }, { params: { input, bounds, ranges }, emit }) {
    const parcels = parter.part(readPart(input, at, bytes), bounds, ranges);
    for (const [partition, parcel] of parcels.entries()) await emit(partition, parcel);
  },
  async reduce(parcels, { params: { output: file }, output }) {
    const at = parcels.reduce((sum, parcel) => sum + recordsBefore(parcel), 0) * recordBytes;
    const sorted = sorter.sort(parcels.map(recordsOf));
    writePart(file, at, sorted);
    await output(sorted.length / recordBytes);
  },
});

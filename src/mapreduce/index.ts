/** `pheromone/mapreduce`: MapReduce, and one function over many items, written on what any user of the package can import. */
export {
  type BlockCombineContext,
  type BlockMapContext,
  type BlockOptions,
  type BlockReduceContext,
  type FunctionSettings,
  type JobContext,
  type MapReduceApp,
  mapReduceBlocks,
} from './blocks.ts';
export { type ItemContext, type MapApp, type MapAppOptions, type MapOptions, map, mapApp } from './futures.ts';
export type { Combine } from './pair-block.ts';
export { type MapContext, mapReduce, type PairOptions, type ReduceContext } from './pairs.ts';
export { hashPartition, type Partition, rangeBounds, rangeOf } from './partition.ts';
export { type MapReduceRun, type PartitionOutput, type RunOptions, runMapReduce } from './run.ts';

/**
 * Sorts a file of records into another, by MapReduce.
 *
 * What is between map and reduce is in the store: as much as the file. So a file that is larger than half of the store takes several
 * passes, each of which reads all of it and sorts as many ranges as fit. Memory is bounded by the store, and what a pass adds is a look
 * at each key.
 */
import { closeSync, openSync, statSync } from 'node:fs';
import type { Runtime } from 'pheromone';
import { runMapReduce } from 'pheromone/mapreduce';
import app, { type Part } from './app.ts';
import { readSamples } from './files.ts';
import { boundsOf, type Ranges } from './ranges.ts';
import { recordBytes } from './records.ts';

/** Of a part, and of a range. Larger ones gain nothing, and are further from the processor. */
const partRecordsMax = 80_000;
/** A range is then larger or smaller than the others by a tenth, about. */
const samplesOfRange = 100;
const rangesMax = 10_000;

/** `planned` is told how many functions will run. Resolves with the number of passes. */
export async function sortFile(runtime: Runtime, input: string, output: string, planned: (functions: number) => void): Promise<number> {
  closeSync(openSync(output, 'w'));
  const records = statSync(input).size / recordBytes;
  const { storeSizeBytes, executors } = await runtime.stats();
  // Small files are cut for all executors, too.
  const partRecords = Math.min(partRecordsMax, Math.ceil(records / (2 * executors)));
  const parts = cut(records, partRecords);
  const samples = readSamples(input, records, samplesOfRange * parts.length);
  const bounds = boundsOf(samples, Math.min(parts.length, rangesMax));
  const rangeCount = bounds.length + 1;
  const passes = Math.ceil((records * recordBytes) / (storeSizeBytes / 2));
  planned(passes * parts.length + rangeCount);

  let sorted = 0;
  for (const ranges of divide(rangeCount, passes)) {
    const params = { input, output, bounds, ranges };
    const written = runMapReduce(runtime, app, { inputs: parts, partitions: ranges.end - ranges.first, params });
    for await (const { value } of written) sorted += value;
  }
  if (sorted !== records) throw new Error(`${input} has changed while it was sorted: ${records} records, and then ${sorted}`);
  return passes;
}

function cut(records: number, partRecords: number): Part[] {
  return Array.from({ length: Math.ceil(records / partRecords) }, (_, i) => ({
    at: i * partRecords * recordBytes,
    bytes: Math.min(partRecords, records - i * partRecords) * recordBytes,
  }));
}

/** About equal shares of the ranges, none of them empty. */
function divide(ranges: number, shares: number): Ranges[] {
  const ends = Array.from({ length: shares }, (_, i) => Math.ceil(((i + 1) * ranges) / shares));
  return ends.map((end, i) => ({ first: ends[i - 1] ?? 0, end })).filter(({ first, end }) => first < end);
}

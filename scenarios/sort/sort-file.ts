/**
 * Sorts a file of records into another, by MapReduce: blocks of the file are mapped as they are read, ranges written as they are reduced,
 * the first first. What is between waits in a file without a name, so that memory is bounded whatever the size.
 */
import { open } from 'node:fs/promises';
import type { Runtime } from 'pheromone';
import { runMapReduce } from 'pheromone/mapreduce';
import app from './app.ts';
import { BlockWriter, readBlocks, readSamples } from './files.ts';
import { boundsOf } from './ranges.ts';
import { recordBytes } from './records.ts';

/** Larger ones gain nothing, and are further from the processor. */
const blockRecordsMax = 80_000;
/** Samples of a range: its size is then off by a tenth, about. */
const samplesOfRange = 100;
const samplesMax = 20_000;

export interface Plan {
  readonly blocks: number;
  readonly ranges: number;
}

/** `planned` is told how many functions will run. */
export async function sortFile(runtime: Runtime, input: string, output: string, planned: (plan: Plan) => void): Promise<void> {
  const from = await open(input, 'r');
  const to = await open(output, 'w').catch(async (error: unknown) => {
    await from.close();
    throw error;
  });
  try {
    const { size } = await from.stat();
    const { storeSizeBytes, executors } = await runtime.stats();
    const records = size / recordBytes;
    // Small files are cut for all executors, too.
    const share = Math.ceil(records / (2 * executors));
    const blockBytes = recordBytes * Math.max(1, Math.min(blockRecordsMax, Math.floor(storeSizeBytes / 64 / recordBytes), share));
    const ranges = Math.max(executors, Math.ceil(size / blockBytes));
    const bounds = boundsOf(await readSamples(from, size, Math.min(samplesMax, samplesOfRange * ranges)), ranges);
    planned({ blocks: Math.ceil(size / blockBytes), ranges: bounds.length + 1 });

    const inputs = readBlocks(from, size, blockBytes);
    const writer = new BlockWriter(to);
    for await (const { value } of runMapReduce(runtime, app, { inputs, partitions: bounds.length + 1, params: bounds, ordered: true }))
      await writer.write(value);
    await writer.end();
  } finally {
    await from.close();
    await to.close();
  }
}

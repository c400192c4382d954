/** Sorts records of the sort benchmark, made here or from a file, and checks the result as the benchmark does. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { BadOption, defineScenario } from '../scenario.ts';
import app from './app.ts';
import { generateFile, summarizeFile } from './files.ts';
import { Gensort } from './gensort.ts';
import { recordBytes } from './records.ts';
import { sortFile } from './sort-file.ts';

export default defineScenario({
  about: 'MapReduce: sorts 100-byte records by a key of 10, as the sort benchmark (gensort, valsort)',
  app,
  options: {
    records: { about: 'how many records to make, without --input', default: 100_000, min: 1, max: 1_000_000_000 },
    binary: { about: 'make binary records; else they are lines of ASCII', kind: 'flag' },
    input: { about: 'file of records to sort, which all workers must see', kind: 'text' },
    output: { about: 'file to write them to, in order; it is replaced', kind: 'text' },
  },
  async run(runtime, { records, binary, input, output }, stage) {
    if (input !== null) await checkInput(input);
    if (input !== null && output !== null) await checkOutput(output, input);
    const directory = await mkdtemp(join(tmpdir(), 'pheromone-sort-'));
    try {
      // The functions run elsewhere.
      const from = resolve(input ?? join(directory, 'input'));
      const to = resolve(output ?? join(directory, 'output'));
      if (input === null) await generateFile(from, new Gensort(binary ? 'binary' : 'ascii'), records);
      const sizeBytes = (await stat(from)).size;
      const { records: count, checksum } = await summarizeFile(from, sizeBytes);

      const startedMs = performance.now();
      const passes = await sortFile(runtime, from, to, (functions) => stage.expectInvocations(functions));
      const sortMs = Math.round(performance.now() - startedMs);
      return {
        result: { ...(await summarizeFile(to, (await stat(to)).size)) },
        details: { passes, sortMs, sortedBytesPerSecond: Math.round((sizeBytes / sortMs) * 1_000), peakMemoryBytes: peakMemoryBytes() },
        expected: { records: count, checksum, unordered: 0, firstUnordered: null },
      };
    } finally {
      await rm(directory, { recursive: true });
    }
  },
});

async function checkInput(path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) throw new BadOption('input', path, 'is not a file');
  if (found.size % recordBytes !== 0)
    throw new BadOption('input', path, `has ${found.size} bytes, which are not records of ${recordBytes}`);
  if (found.size === 0) throw new BadOption('input', path, 'is empty');
}

/** What is to be replaced must not be what is to be read. */
async function checkOutput(path: string, input: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  const { dev, ino } = await stat(input);
  if (found?.dev === dev && found.ino === ino) throw new BadOption('output', path, 'is the input');
}

/** Of this process, with its store when it is embedded. */
function peakMemoryBytes(): number {
  return process.resourceUsage().maxRSS * 1_024;
}

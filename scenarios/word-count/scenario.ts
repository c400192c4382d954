/**
 * Counts the words of files. They are read while the parts before are counted: memory is bounded by the parts that are under way, and
 * the vocabulary.
 */
import { fileURLToPath } from 'node:url';
import { runMapReduce } from 'pheromone/mapreduce';
import { escapePath } from 'tinyglobby';
import { BadOption, defineScenario } from '../scenario.ts';
import app, { type ShareCounts } from './app.ts';
import { findFiles, type InputFile, readFiles } from './files.ts';
import { PlainCount } from './letters.ts';
import { cutIntoParts } from './parts.ts';
import type { CountedWord } from './word-table.ts';

const partBytesDefault = 2 ** 20;

export default defineScenario({
  about: 'MapReduce: counts the words of files (dynamicGroup)',
  app,
  options: {
    input: { about: 'files: names, or a glob in quotes; without it the .js, .ts and .md files under node_modules', kind: 'texts' },
    top: { about: 'how many of the most frequent words to tell', default: 10, min: 0, max: 1_000_000_000 },
    maps: { about: 'parts to cut the input into, more if they were too large; without it 1 MiB each', default: null, min: 1, max: 100_000 },
    reducers: { about: 'reducers', default: 4, min: 1, max: 1_000 },
  },
  async run(runtime, { input, top, maps, reducers }, stage) {
    const files = await findAll(input);
    // The separators between files count too.
    const totalBytes = files.reduce((sum, { bytes }) => sum + bytes + 1, 0);
    // A part and what is made of it, which may be larger, must fit into the store several times.
    const partBytesMax = Math.ceil((await runtime.stats()).storeSizeBytes / 64);
    const partBytes = Math.min(maps === null ? partBytesDefault : Math.ceil(totalBytes / maps), partBytesMax);
    stage.expectInvocations(Math.ceil(totalBytes / partBytes) + reducers);

    const plain = new PlainCount();
    const inputs = cutIntoParts(plain.watch(readFiles(files)), partBytes);
    const shares: ShareCounts[] = [];
    for await (const { value } of runMapReduce(runtime, app, { inputs, partitions: reducers, params: { top } })) shares.push(value);

    const bytes = plain.bytes - files.length;
    const ranked = shares.flatMap((share) => share.top).sort(byRank);
    const result = { words: sum(shares, 'words'), distinct: sum(shares, 'distinct'), top: ranked.slice(0, top) };
    return {
      result,
      details: { input: { files: files.length, bytes }, fingerprint: sum(shares, 'fingerprint') % 2 ** 32 },
      expected: { words: plain.words, fingerprint: plain.fingerprint },
      work: { unit: 'bytes', amount: bytes },
      lines: [
        `files ${files.length}, bytes ${bytes}, words ${result.words}, distinct ${result.distinct}`,
        ...result.top.map(([word, count]) => `${String(count).padStart(10)} ${word.slice(0, 60)}`),
      ],
    };
  },
});

async function findAll(patterns: readonly string[]): Promise<InputFile[]> {
  const files = new Map<string, InputFile>();
  for (const pattern of patterns.length > 0 ? patterns : [ownFiles()]) {
    const found = await findFiles(pattern);
    if (found.length === 0) throw new BadOption('input', pattern, 'no file has this name or matches this glob');
    for (const file of found) files.set(file.path, file);
  }
  return [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Real text that every checkout has. */
function ownFiles(): string {
  return `${escapePath(fileURLToPath(new URL('../../node_modules', import.meta.url)))}/**/*.{js,ts,md}`;
}

function sum(shares: readonly ShareCounts[], field: 'words' | 'distinct' | 'fingerprint'): number {
  return shares.reduce((total, share) => total + share[field], 0);
}

/** The more frequent first, equally frequent ones in alphabetical order. */
function byRank([wordA, countA]: CountedWord, [wordB, countB]: CountedWord): number {
  return countB - countA || (wordA < wordB ? -1 : 1);
}

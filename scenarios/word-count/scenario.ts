/**
 * Counts the words of files.
 *
 * The objects of a session stay in the store until it ends, so a text of any size takes several sessions, one after the other: each
 * gets a batch of parts, and the counts that the one before has come to as more objects for its reducers. So memory is bounded by
 * a batch and the vocabulary, and reading a batch goes on while the one before is counted.
 */
import { fileURLToPath } from 'node:url';
import type { Runtime } from 'pheromone';
import { escapePath } from 'tinyglobby';
import { BadOption, defineScenario } from '../scenario.ts';
import app, { type Job, type ShareCounts } from './app.ts';
import { findFiles, type InputFile, readFiles } from './files.ts';
import { PlainCount } from './letters.ts';
import { cutIntoParts, gatherParts, readAhead } from './parts.ts';
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
    // The store holds a batch, the counts of its parts, which may be larger than they are, and the counts carried on from the one before.
    const batchBytes = Math.ceil((await runtime.stats()).storeSizeBytes / 16);
    const partBytes = Math.min(maps === null ? partBytesDefault : Math.ceil(totalBytes / maps), Math.ceil(batchBytes / 4));
    stage.expectInvocations(Math.ceil(totalBytes / partBytes) + Math.ceil(totalBytes / batchBytes) * reducers);

    const plain = new PlainCount();
    const parts = cutIntoParts(plain.watch(readFiles(files)), partBytes);
    const shares = await countWords(runtime, { top, reducers }, gatherParts(parts, batchBytes));

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

/** A session for each batch. The last one's counts are those of the whole. */
async function countWords(runtime: Runtime, job: Job, batches: AsyncGenerator<Uint8Array[]>): Promise<readonly ShareCounts[]> {
  let shares: readonly ShareCounts[] = [];
  for await (const batch of readAhead(batches)) {
    shares = await runtime.call(
      app,
      {
        jobs: [{ key: 'job', value: job }],
        counts: shares.map(({ share, counts }) => ({ group: String(share), value: counts })),
        parts: batch.map((part) => ({ value: part })),
      },
      { until: 'end' },
    );
  }
  return shares;
}

function sum(shares: readonly ShareCounts[], field: 'words' | 'distinct' | 'fingerprint'): number {
  return shares.reduce((total, share) => total + share[field], 0);
}

/** The more frequent first, equally frequent ones in alphabetical order. */
function byRank([wordA, countA]: CountedWord, [wordB, countB]: CountedWord): number {
  return countB - countA || (wordA < wordB ? -1 : 1);
}

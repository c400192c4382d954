/** MapReduce: the words of 32 MB of text, in 8 maps and 4 reduces, which are the same functions for every system. */
import app from '../apps/word-count/app.ts';
import { functionsFile } from '../apps/word-count/bundle.ts';
import { mapPart, maps, reducers, reduceShare, type ShareCounts } from '../apps/word-count/functions.ts';
import { textBytes, textParts } from '../apps/word-count/text.ts';
import { runMapReduce } from 'pheromone/mapreduce';
import { type Measure, timed } from '../measure.ts';
import type { Peer } from '../peers.ts';
import { check, executors, ours } from '../runtime.ts';

const settings = { textMB: textBytes / 2 ** 20, maps, reducers };
const name = 'word-count';

/** Counts the words of the parts; how is the system's own. */
type Count = (parts: readonly Uint8Array[]) => Promise<readonly ShareCounts[]>;

/** A round, by any system. The text is where its user has it: in the memory of this process. */
export async function countOnce(count: Count): Promise<readonly number[]> {
  const parts = theParts();
  let shares: readonly ShareCounts[] = [];
  const tookMs = await timed(async () => (shares = await count(parts)));
  const total = (field: 'words' | 'distinct' | 'fingerprint') => shares.reduce((sum, share) => sum + share[field], 0);
  const found = [total('words'), total('distinct'), total('fingerprint') % 2 ** 32].join();
  check(found === (expected ??= expectation(parts)), name);
  return [tookMs];
}

let made: readonly Uint8Array[] | null = null;
let expected: string | null = null;

function theParts(): readonly Uint8Array[] {
  return (made ??= textParts());
}

/** All of the text as one part. */
function expectation(parts: readonly Uint8Array[]): string {
  const { words, distinct, fingerprint } = reduceShare(mapPart(Buffer.concat(parts)));
  return [words, distinct, fingerprint].join();
}

async function countHere(parts: readonly Uint8Array[]): Promise<readonly ShareCounts[]> {
  const mapped = parts.map(mapPart);
  return Array.from({ length: reducers }, (_, share) => reduceShare(blocksOf(mapped, share)));
}

function blocksOf(mapped: readonly (readonly Uint8Array[])[], share: number): Uint8Array[] {
  return mapped.map((blocks) => blocks[share] as Uint8Array);
}

export const wordCountMeasures: readonly Measure[] = [
  ours(name, 'ms', app, settings, (runtime) =>
    countOnce(async (parts) => {
      const shares: ShareCounts[] = [];
      for await (const { value } of runMapReduce(runtime, app, { inputs: parts, partitions: reducers })) shares.push(value);
      return shares;
    }),
  ),
  {
    ...{ name, system: 'floor: one thread', unit: 'ms', settings: { ...settings, threads: 1 } },
    prepare: async () => ({ sample: () => countOnce(countHere), close: async () => undefined }),
  },
];

/** As the user of a pool writes it. */
export function poolMeasure(peer: Peer): Measure {
  return {
    ...{ name, system: peer.name, unit: 'ms', settings: { ...settings, threads: executors } },
    async prepare() {
      const pool = peer.open(await functionsFile());
      const count: Count = async (parts) => {
        const mapped = await Promise.all(parts.map((part) => pool.run(part, { name: 'mapPart' }) as Promise<Uint8Array[]>));
        const shares = Array.from({ length: reducers }, (_, share) => pool.run(blocksOf(mapped, share), { name: 'reduceShare' }));
        return (await Promise.all(shares)) as ShareCounts[];
      };
      return { sample: () => countOnce(count), close: () => pool.destroy() };
    },
  };
}

/** Jobs: words by pairs, blocks of bytes, and what users do wrong. */
import { mapReduce, mapReduceBlocks, rangeOf } from 'pheromone/mapreduce';

const module = import.meta.url;

type Count = readonly [word: string, count: number];

function countWords(text: string, emit: (word: string) => unknown): void {
  for (const word of text.split(/\s+/)) if (word !== '') emit(word);
}

const addUp = (word: string, counts: readonly number[], { output }: { output(value: Count): unknown }) =>
  output([word, counts.reduce((sum, count) => sum + count, 0)]);

/** Its mappers send each word once. */
export const combined = mapReduce<string, number, Count>('combined', {
  module,
  map: (text, { emit }) => countWords(text, (word) => void emit(word, 1)),
  combine: (a, b) => a + b,
  reduce: addUp,
});

/** Its mappers send a pair for each occurrence. */
export const uncombined = mapReduce<string, number, Count>('uncombined', {
  module,
  map: (text, { emit }) => countWords(text, (word) => void emit(word, 1)),
  reduce: addUp,
});

const ascending = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** A sort: its partitions are ranges. */
export const sorting = mapReduce<readonly string[], null, string, { readonly bounds: readonly string[] }>('sorting', {
  module,
  map(words, { emit }) {
    for (const word of words) void emit(word, null);
  },
  partition: (word, _partitions, { bounds }) => rangeOf(bounds, word, ascending),
  reduce(word, values, { output }) {
    for (const _ of values) void output(word);
  },
});

/** Counts bytes by their value, as blocks of 256 counters; `combine` adds blocks up. */
export const histogram = mapReduceBlocks<Uint8Array, undefined, readonly number[]>('histogram', {
  module,
  async map(bytes, { emit, partitions }) {
    const counts = new Float64Array(256);
    for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1;
    for (let partition = 0; partition < partitions; partition++) {
      const own = counts.map((count, byte) => (byte % partitions === partition ? count : 0));
      await emit(partition, new Uint8Array(own.buffer));
    }
  },
  combine: (blocks) => new Uint8Array(sumOf(blocks).buffer),
  reduce: (blocks, { output }) => output([...sumOf(blocks)]),
});

function sumOf(blocks: readonly Uint8Array[]): Float64Array {
  const total = new Float64Array(256);
  for (const block of blocks) for (const [i, count] of new Float64Array(block.slice().buffer).entries()) total[i] = (total[i] ?? 0) + count;
  return total;
}

/** Passes its bytes through: what is between map and reduce, and what it outputs, is as large as its inputs. */
export const passing = mapReduceBlocks<Uint8Array, undefined, Uint8Array>('passing', {
  module,
  async map(bytes, { emit, partitions }) {
    const each = Math.ceil(bytes.length / partitions);
    for (let partition = 0; partition < partitions; partition++) {
      await emit(partition, bytes.subarray(partition * each, (partition + 1) * each));
    }
  },
  async reduce(blocks, { output }) {
    for (const block of blocks) await output(block);
  },
});

/** Its `reduce` returns what is awaited without being a Promise. */
export const thenable = mapReduce<string, null, string>('thenable', {
  module,
  map: (text, { emit }) => countWords(text, (word) => void emit(word, null)),
  reduce: (word, _values, { output }) => ({
    // oxlint-disable-next-line no-thenable -- as builders of queries are
    then(done: () => void): void {
      setTimeout(() => {
        void output(word);
        done();
      }, 10);
    },
  }),
});

export interface Deed {
  readonly what: string;
}

/** Does what it is told. `fails once` fails on the first attempt only. */
export const hostile = mapReduce<string, unknown, string, Deed>('hostile', {
  module,
  retry: { attemptsMax: 2, backoff: { initialMs: 1 } },
  timeoutMs: 500,
  async map(input, { emit, params: { what } }) {
    if (what === 'throw in map' && input === 'b') throw new TypeError('b is not liked');
    if (what === 'exit' && input === 'b') process.exit(3);
    if (what === 'hang') await new Promise(() => undefined);
    if (what === 'emit no string') void emit(5 as never, 1);
    if (what === 'emit a function') void emit(input, () => 1);
    void emit(input, 1);
  },
  partition: (key, partitions, { what }) => (what === 'partition wrongly' ? partitions : key.length % partitions),
  reduce(key, _values, { output, params: { what } }) {
    if (what === 'throw in reduce') throw new RangeError(`no ${key}`);
    void output(key);
  },
});

export const jobs = [combined, uncombined, sorting, histogram, passing, thenable, hostile];

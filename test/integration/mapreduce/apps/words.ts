/** Word counts: by pairs, with and without a combine; and jobs of users who make mistakes. */
import { mapApp, mapReduce } from 'pheromone/mapreduce';

const module = import.meta.url;

export interface Params {
  /** Emits no key but this, where it is given. */
  readonly only: string | null;
}

function countWords(text: string, emit: (word: string) => unknown): void {
  for (const word of text.split(/\s+/)) if (word !== '') emit(word);
}

const reduce = (word: string, counts: readonly number[], job: { output(value: readonly [string, number]): unknown }) =>
  job.output([word, counts.reduce((sum, count) => sum + count, 0)]);

export const combined = mapReduce<string, number, readonly [string, number]>('words-combined', {
  module,
  map: (text, { emit }) => countWords(text, (word) => emit(word, 1)),
  combine: (a, b) => a + b,
  reduce,
});

export const plain = mapReduce<string, number, readonly [string, number]>('words-plain', {
  module,
  map: (text, { emit }) => countWords(text, (word) => emit(word, 1)),
  reduce,
});

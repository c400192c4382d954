/** A MapReduce job in plain JavaScript: the words of texts. */
import { mapApp, mapReduce } from 'pheromone/mapreduce';

export const words = mapReduce('words', {
  module: import.meta.url,
  map(text, { emit }) {
    for (const word of text.toLowerCase().match(/[a-z]+/g) ?? []) void emit(word, 1);
  },
  combine: (a, b) => a + b,
  reduce: (word, [count], { output }) => output([word, count]),
});

export const lengths = mapApp('lengths', { module: import.meta.url, fn: (text) => text.length });

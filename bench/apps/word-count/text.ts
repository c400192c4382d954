/** A text to count the words of, always the same: words as frequent as in a natural language (Zipf), of 50,000 different ones. */
import { randomFrom } from '../../../scenarios/random.ts';
import { maps } from './functions.ts';

export const textBytes = 32 * 2 ** 20;
const vocabulary = 50_000;
const space = 0x20;

/** The text in `maps` parts of about one size, none of which begins or ends within a word. */
export function textParts(): Uint8Array[] {
  const random = randomFrom(1);
  const words = Array.from({ length: vocabulary }, () => wordOf(random));
  const text = new Uint8Array(textBytes);
  for (let at = 0; at < textBytes; ) {
    // The rank of a word is one in so many: each power of ten has as many occurrences as the next.
    const word = words[Math.floor(vocabulary ** random()) - 1] as Uint8Array;
    if (at + word.length >= textBytes) break;
    text.set(word, at);
    at += word.length;
    text[at++] = random() < 0.1 ? 0x0a : space;
  }
  const cuts = Array.from({ length: maps + 1 }, (_, i) => cutNear(text, Math.floor((i * textBytes) / maps)));
  return Array.from({ length: maps }, (_, i) => text.slice(cuts[i], cuts[i + 1]));
}

function cutNear(text: Uint8Array, at: number): number {
  if (at === text.length) return at;
  const cut = text.indexOf(space, at);
  return cut === -1 ? text.length : cut;
}

/** 2 to 12 letters, the first of some in upper case. */
function wordOf(random: () => number): Uint8Array {
  const letters = Uint8Array.from({ length: 2 + Math.floor(11 * random()) }, () => 0x61 + Math.floor(26 * random()));
  if (random() < 0.1) letters[0] = (letters[0] ?? 0) - 0x20;
  return letters;
}

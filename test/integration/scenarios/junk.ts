/** Text of the worst kind, always the same. */

/** Bytes of all values, in no order. */
export function junk(sizeBytes: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length: sizeBytes }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state >>> 24;
  });
}

/** Words of which some lie across any boundary: each is as long as its number's last digit, and none is followed by another's letter. */
export function unevenWords(sizeBytes: number): string {
  const words: string[] = [];
  for (let i = 0, bytes = 0; bytes < sizeBytes; i++) {
    const word = 'Pheromones'.slice(0, 1 + (i % 10));
    words.push(word);
    bytes += word.length + 1;
  }
  return words.join('\t');
}

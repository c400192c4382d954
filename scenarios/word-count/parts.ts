/**
 * A stream of bytes as parts of about one size, none of which begins or ends within a word.
 *
 *   C1  Parts joined are the stream. A part ends at a multiple of the size in the stream, or where the word there begins.
 *   C2  A word that is longer than a part makes that part longer. No more than one part is held.
 */
import { letterOf } from './letters.ts';

/** Beyond it a word could not become a string. */
const wordBytesMax = 2 ** 28;

export function* cutIntoParts(chunks: Iterable<Uint8Array>, partBytes: number): Generator<Uint8Array> {
  let part = new Uint8Array(partBytes);
  let filled = 0;
  for (const chunk of chunks) {
    for (let rest = chunk; rest.length > 0; ) {
      if (filled === part.length) {
        const cut = lastWordStart(part);
        if (cut === 0 && filled > wordBytesMax) throw new Error(`the input has a word of more than ${wordBytesMax} letters`);
        if (cut > 0) yield part.subarray(0, cut);
        part = withRoom(part.subarray(cut), Math.max(partBytes, cut === 0 ? filled : 0));
        filled -= cut;
      }
      const taken = rest.subarray(0, part.length - filled);
      part.set(taken, filled);
      filled += taken.length;
      rest = rest.subarray(taken.length);
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}

/** Where the word begins that may go on behind the end of `bytes`: their length, if they end between words. */
function lastWordStart(bytes: Uint8Array): number {
  let start = bytes.length;
  while (start > 0 && letterOf(bytes[start - 1] ?? 0) !== 0) start -= 1;
  return start;
}

function withRoom(bytes: Uint8Array, roomBytes: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(bytes.length + roomBytes);
  larger.set(bytes);
  return larger;
}

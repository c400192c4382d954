/**
 * A stream of bytes as parts of about one size, none of which begins or ends within a word; and parts as batches.
 *
 *   C1  Parts joined are the stream. A part ends at a multiple of the size in the stream, or where the word there begins.
 *   C2  A word that is longer than a part makes that part longer. No more than one part is held.
 */
import { setImmediate } from 'node:timers/promises';
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

/**
 * Parts gathered while they are not more than `batchBytes`; a larger one is a batch of its own. After each part the event loop has
 * its turn: to make a batch takes long, and a runtime is spoken to meanwhile.
 */
export async function* gatherParts(parts: Iterable<Uint8Array>, batchBytes: number): AsyncGenerator<Uint8Array[]> {
  let batch: Uint8Array[] = [];
  let heldBytes = 0;
  for (const part of parts) {
    if (batch.length > 0 && heldBytes + part.length > batchBytes) {
      yield batch;
      batch = [];
      heldBytes = 0;
    }
    batch.push(part);
    heldBytes += part.length;
    await setImmediate();
  }
  if (batch.length > 0) yield batch;
}

/** The same items, each made while the one before is being used. */
export async function* readAhead<T>(items: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    for (let next = ask(items); ; ) {
      const { done, value } = await next;
      if (done) return;
      next = ask(items);
      yield value;
    }
  } finally {
    await items.return(undefined);
  }
}

/** A failure is for whoever awaits the item, however late that is. */
function ask<T>(items: AsyncGenerator<T>): Promise<IteratorResult<T, unknown>> {
  const next = items.next();
  next.catch(() => {});
  return next;
}

/**
 * Gives back what large frames have taken, as soon as they have been copied to where they belong.
 *
 * The bytes of a frame lie outside of V8's heap, and zeromq.js counts them towards it, V8 itself a second time. At some 30 MB V8 begins to
 * mark the whole heap, on all its threads: for each 100 MB that came it took as much time as receiving them. All of it is young, and a
 * scavenge of what little else is young finds it in a millisecond; then the memory is used again, too, while it is warm.
 *
 * Used again it is only if `malloc` has kept it. By itself it gives the ends of its heaps back to the system, which has to clear the pages for
 * the next frames: it took as long as receiving them.
 */
import { libcIfAny } from '../storage/libc.ts';
import { type Collect, collectorIfAny } from './collector.ts';

const scavengedBytes = 8 * 2 ** 20;
/** Larger than a frame with a piece of an object. */
const keptBlockBytesMax = 4 * 2 ** 20;
/** More than what comes between two scavenges, and while one lasts. */
const keptBytes = 32 * 2 ** 20;

export class FrameCollector {
  #copiedBytes = 0;
  #isKept = false;
  #collect: Collect | null = null;

  /** So much of what came is of no use any more. */
  readonly noteCopied = (bytes: number): void => {
    this.#copiedBytes += bytes;
    if (this.#copiedBytes < scavengedBytes) return;
    this.#copiedBytes = 0;
    if (!this.#isKept) libcIfAny()?.keepFreed(keptBlockBytesMax, keptBytes);
    this.#isKept = true;
    this.#collect ??= collectorIfAny();
    this.#collect?.({ type: 'minor' });
  };
}

/**
 * Keeps executors that run at a time on processors of their own, and off that of a client that polls for what they do.
 *
 * Threads that are woken one after the other may be put on one processor, and systems leave them there for 10 ms and more while another
 * is idle, as long as both have just run and so are thought to have warm caches. A function that computes then takes twice its time, and
 * so does a call, since client and executor take turns.
 *
 *   A1  While a thread polls (D6), or takes what it has been woken for, its word says on which processor.
 *   A2  It moves aside if another's word says the same, and there are processors for all who have said so; once in `restMs` at most.
 *   A3  Where it may run is afterwards as it was.
 */
import { availableParallelism } from 'node:os';
import { type Libc, libcIfAny } from '../../storage/libc.ts';
import { clientBox } from '../../storage/solo/memory.ts';
import type { SoloTable } from '../../storage/solo/table.ts';

/** Moving takes about 0.1 ms. */
const restMs = 2;
/** Looking costs 1 µs. */
const nowAndThenMs = 0.25;

export class OwnProcessor {
  readonly #table: SoloTable;
  readonly #place: number;
  readonly #libc: Libc | null;
  readonly #processors = availableParallelism();
  #movedMs = Number.NEGATIVE_INFINITY;
  #notedMs = Number.NEGATIVE_INFINITY;
  #isNoted = false;

  constructor(table: SoloTable, place: number) {
    this.#table = table;
    this.#place = place;
    this.#libc = this.#processors > 1 ? libcIfAny() : null;
  }

  /** `note`, for who is at work on much that is short. */
  noteNowAndThen(): void {
    const nowMs = performance.now();
    if (nowMs - this.#notedMs < nowAndThenMs) return;
    this.#notedMs = nowMs;
    this.note();
  }

  /** Until the next turn of the event loop. */
  note(): void {
    if (!this.#libc || this.#isNoted) return;
    this.#isNoted = true;
    setImmediate(this.#forget);
    let processor = this.#libc.processor();
    if (this.#isShared(processor) && performance.now() - this.#movedMs > restMs) {
      this.#libc.leaveProcessor(processor);
      this.#movedMs = performance.now();
      processor = this.#libc.processor();
    }
    this.#table.setProcessor(this.#place, processor);
  }

  #isShared(processor: number): boolean {
    let busy = 1;
    let isShared = false;
    for (let place = clientBox; place < this.#table.places; place++) {
      const other = this.#table.processor(place);
      if (other === -1 || place === this.#place) continue;
      busy++;
      if (other === processor) isShared = true;
    }
    return isShared && busy <= this.#processors;
  }

  readonly #forget = (): void => {
    this.#isNoted = false;
    this.#table.setProcessor(this.#place, -1);
  };
}

/**
 * Where a client posts a session: into which executor's box.
 *
 *   P1  Sessions that are short go to an executor that is awake and keeps up, and to another only when it does not: a thread that has to
 *       be woken, and that shares processors with the others, costs more than it brings.
 *   P2  All others go where least is out: who waits behind a long function while another executor is idle has waited for nothing.
 *   P3  An executor keeps up that has ended what was posted to it `behindMs` ago. Of what is out at a place one session is watched; when it
 *       has ended, the next that is posted.
 *   P4  When all executors run what the scheduler gave them, short ones wait for one whose thread is awake: what it runs is mostly as short.
 *       Home, they would wait for the same executors, and cost ten times as much.
 */
import { stageOf, stageQueued, stageRunning } from '../../storage/solo/slot-state.ts';
import type { SoloTable } from '../../storage/solo/table.ts';

/** Less than what it costs to wake a thread, by and large. */
const shortMs = 0.1;
const longMs = 1;
const behindMs = 1;
/** How fast an estimate follows: up at once, down when many have said so. */
const rise = 1 / 4;
const fall = 1 / 16;

/** How long executors take for a session of one app. */
export class Pace {
  /** Long, until some dozens were not. */
  #tookMs = longMs;

  note(tookMs: number): void {
    this.#tookMs += (tookMs - this.#tookMs) * (tookMs > this.#tookMs ? rise : fall);
  }

  /** It was brought home: it took longer than anybody knows. */
  noteLong(): void {
    this.#tookMs = Math.max(this.#tookMs, longMs);
  }

  get isShort(): boolean {
    return this.#tookMs < shortMs;
  }
}

/** A session that is out at a place. */
export interface Posted {
  readonly slot: number;
  readonly place: number;
}

export class Places {
  readonly #table: SoloTable;
  readonly #elapsedMs: () => number;
  /** Sessions that are out, by the place to which they were posted. */
  readonly #out: number[];
  readonly #watched: (Posted | null)[];
  readonly #watchedSinceMs: number[];

  /** `elapsedMs`: monotonic. */
  constructor(table: SoloTable, elapsedMs: () => number) {
    this.#table = table;
    this.#elapsedMs = elapsedMs;
    this.#out = Array.from({ length: table.places }, () => 0);
    this.#watched = Array.from({ length: table.places }, () => null);
    this.#watchedSinceMs = Array.from({ length: table.places }, () => 0);
  }

  /** -1: nowhere. */
  choose({ isShort }: Pace): number {
    let best = -1;
    let leastCost = Number.POSITIVE_INFINITY;
    for (let place = 0; place < this.#out.length; place++) {
      if (this.#table.isBusy(place)) continue;
      const isParked = this.#table.isParked(place);
      if (isShort && !isParked && this.#keepsUp(place)) return place;
      const cost = 2 * (this.#out[place] as number) + (isParked ? 1 : 0);
      if (cost < leastCost) {
        leastCost = cost;
        best = place;
      }
    }
    return best === -1 && isShort ? this.#chooseAtWork() : best;
  }

  /** P4. -1: nowhere. */
  #chooseAtWork(): number {
    let best = -1;
    for (let place = 0; place < this.#out.length; place++) {
      if (!this.#table.isAtWork(place) || this.#table.isParked(place)) continue;
      if (best === -1 || (this.#out[place] as number) < (this.#out[best] as number)) best = place;
    }
    return best;
  }

  posted(session: Posted): void {
    const { place } = session;
    this.#out[place] = (this.#out[place] as number) + 1;
    if (this.#watched[place]) return;
    this.#watched[place] = session;
    this.#watchedSinceMs[place] = this.#elapsedMs();
  }

  /** It has ended, or is at home. */
  left(session: Posted): void {
    const { place } = session;
    this.#out[place] = (this.#out[place] as number) - 1;
    if (this.#watched[place] === session) this.#watched[place] = null;
  }

  #keepsUp(place: number): boolean {
    const watched = this.#watched[place];
    if (!watched) return true;
    const stage = stageOf(this.#table.state(watched.slot));
    if (stage === stageQueued || stage === stageRunning) return this.#elapsedMs() - (this.#watchedSinceMs[place] as number) < behindMs;
    this.#watched[place] = null;
    return true;
  }
}

/**
 * A thread of ours that has had much to do gives its garbage back when it is idle.
 *
 * V8 collects an idle heap by and by as long as something goes on there. A thread that only waits for messages allocates nothing, and
 * keeps what a burst has left: tens of MB of garbage and empty pages, until the next burst.
 *
 *   I1  It collects when nothing has happened for `tickMs`, and only if the heap has grown or memory beside it may be held by garbage
 *       (`transport/zmq/lent.ts`); it stands still then for about a millisecond per MB that is alive.
 *   I2  A second time some ticks later: V8 shrinks its young generation when it collects, and has seen that little is allocated.
 *   I3  A timer runs from the first work until then, and keeps nothing alive.
 *
 * V8 also drops compiled code when all objects of a kind have gone that it was compiled for, as they have where nothing happens. What comes
 * next begins with slow code: functions of users took twice their time for some tenths of a second. So executors leave it to V8.
 */
import { getHeapStatistics } from 'node:v8';
import { type Collect, collectorIfAny } from './collector.ts';

/** Without work, so many ticks after the last. */
const firstTick = 1;
const secondTick = 7;
/** Growth that is not worth it. */
const growthBytesMin = 8 * 2 ** 20;

export class IdleCollector {
  readonly #tickMs: number;
  readonly #mayOwe: () => boolean;
  /** What was left after the last time. */
  #restingBytes = getHeapStatistics().total_heap_size;
  #worked = false;
  #idleTicks = 0;
  #timer: NodeJS.Timeout | null = null;
  #collect: Collect | null = null;

  /** `mayOwe`: garbage may hold memory that others need. */
  constructor(tickMs: number, mayOwe: () => boolean = () => false) {
    this.#tickMs = tickMs;
    this.#mayOwe = mayOwe;
  }

  /** To be called whenever the thread has done something: it costs next to nothing. */
  noteWork(): void {
    this.#worked = true;
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref();
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  #tick(): void {
    this.#idleTicks = this.#worked ? 0 : this.#idleTicks + 1;
    this.#worked = false;
    if (this.#idleTicks === firstTick) {
      const hasGrown = getHeapStatistics().total_heap_size >= this.#restingBytes + growthBytesMin;
      if (!hasGrown && !this.#mayOwe()) return this.stop();
      this.#collect ??= collectorIfAny();
      if (this.#collect) this.#collect();
      else this.#idleTicks--;
    } else if (this.#idleTicks === secondTick) {
      this.#collect?.();
      this.#restingBytes = getHeapStatistics().total_heap_size;
      this.stop();
    }
  }
}

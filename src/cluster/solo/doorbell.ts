/**
 * How a thread hears that there is something in its box: it polls for a moment while there is work, then parks until it is woken.
 *
 *   D1  At most processors − 1 threads poll at a time; who gets no leave looks around a few times more and parks.
 *   D2  Who polls for longer than an answer takes gives its processor away after each few hundred looks: the one that it waits for may
 *       be waiting for that processor, and systems leave two threads there for milliseconds while others are idle. Looking takes longer
 *       than giving away: what is rung for meanwhile is mostly heard at once.
 *   D3  Whatever else happens in the thread waits for `turnMs` at most: then the event loop gets its turn.
 *   D4  A parked thread costs nothing, and is woken by whoever posts to its box. One that is not free counts as parked for those who choose
 *       a box, and is not woken: it looks when it is free again.
 *   D5  Who was woken soon after it had parked should have polled for longer, and does the next time, up to its patience.
 *   D6  Who is not parked, and waits or answers, says on which processor: executors keep off it (`processor.ts`).
 */
import { availableParallelism } from 'node:os';
import { libcIfAny } from '../../storage/libc.ts';
import type { SoloTable } from '../../storage/solo/table.ts';

/** A hand-over between two threads that poll takes about 4 µs, waking a parked one 30 to 100. */
const pollMs = 0.5;
/** For an answer that would be here already if it came at once: others may need the processor. Longer than an executor takes to leave it (D6). */
const shortPollMs = 0.25;
/** Without leave to poll: long enough for the one who has it to find what it waits for, and to give it back. */
const graceMs = 0.03;
/** A turn of the event loop costs as much as half a hand-over: some looks for each. */
const turnMs = 0.02;
const yieldAfterMs = 0.001;
/** A look takes some nanoseconds, giving the processor away and all else between two looks about a microsecond. */
const looks = 400;
/** What yielding needs takes 10 ms to load, which whoever has just started, or is soon gone, does not want to wait for. */
const youngMs = 200;
/** Asking for the processor costs 0.3 µs. */
const processorMs = 0.1;

export interface DoorbellOptions {
  readonly table: SoloTable;
  readonly box: number;
  /** Something may be in the box. */
  answer(): void;
  /** Whether anything is still waited for. */
  isWanted(): boolean;
  /** Whether it would be dealt with at once: else nothing is heard before `attend` is called again. Default: it would. */
  isFree?(): boolean;
  /** Whether this thread goes on with something in its next turn of the event loop: then it looks again there. Default: it does not. */
  isTurnAwaited?(): boolean;
  /** In milliseconds (D5): being woken takes 0.1. Default: none. */
  readonly patienceMs?: number;
  /** Others speak to this thread in any turn: it looks once in each. Default: false. */
  readonly sharesTurns?: boolean;
}

/** What a doorbell is to those who listen to it. */
export interface Listener {
  /** Listens until nothing is wanted any more. `isQuick`: nobody has to be woken for what is waited for. */
  attend(isQuick?: boolean): void;
  stop(): void;
}

const pollersMax = Math.max(1, availableParallelism() - 1);

export class Doorbell implements Listener {
  readonly #options: DoorbellOptions;
  #seen: number;
  #heardMs = 0;
  #turnBeganMs = 0;
  #pollMs = pollMs;
  #patienceMs = 0;
  #attends = false;
  #polls = false;
  #isParked = false;
  #isAway = false;
  #isStopped = false;
  readonly #bornMs = performance.now();
  #processor = -1;
  #processorMs = Number.NEGATIVE_INFINITY;

  constructor(options: DoorbellOptions) {
    this.#options = options;
    this.#seen = options.table.bell(options.box);
  }

  attend(isQuick = false): void {
    this.#pollMs = isQuick ? shortPollMs : pollMs;
    if (this.#isParked) this.#ringSelf();
    if (this.#isAway) this.#comeBack();
    this.#heardMs = performance.now();
    if (this.#attends || this.#isStopped) return;
    this.#attends = true;
    this.#goOn(this.#heardMs);
  }

  #sayWhere(nowMs: number): void {
    const { box, table } = this.#options;
    if (nowMs - this.#bornMs < youngMs) return;
    if (nowMs - this.#processorMs > processorMs) {
      this.#processor = libcIfAny()?.processor() ?? -1;
      this.#processorMs = nowMs;
    }
    table.setProcessor(box, this.#processor);
  }

  #sayNowhere(): void {
    this.#options.table.setProcessor(this.#options.box, -1);
  }

  /** Looks when those who were told something have had their say: still in this turn of the event loop, while that is young. */
  #goOn(nowMs: number): void {
    if (nowMs - this.#turnBeganMs < turnMs && !this.#options.sharesTurns) queueMicrotask(this.#look);
    else setImmediate(this.#turn);
  }

  stop(): void {
    this.#isStopped = true;
    this.#options.table.ring(this.#options.box);
  }

  readonly #turn = (): void => {
    this.#turnBeganMs = performance.now();
    this.#look();
  };

  readonly #look = (): void => {
    const { table, box, answer, isWanted, isFree, isTurnAwaited, sharesTurns } = this.#options;
    for (;;) {
      const nowMs = performance.now();
      this.#sayWhere(nowMs);
      const bell = table.bell(box);
      const isRung = bell !== this.#seen;
      if (isRung) {
        this.#seen = bell;
        this.#heardMs = nowMs;
        this.#rest();
        answer();
      }
      if (this.#isStopped || !isWanted()) {
        this.#rest();
        this.#sayNowhere();
        this.#attends = false;
        return;
      }
      if (isTurnAwaited?.()) return void setImmediate(this.#turn);
      if (isFree?.() === false) return this.#leave();
      if (isRung) return this.#goOn(nowMs);
      this.#polls ||= table.startPolling(box, pollersMax);
      const waitedMs = nowMs - this.#heardMs;
      if (waitedMs > (this.#polls ? Math.max(this.#pollMs, this.#patienceMs) : graceMs)) return this.#park();
      if (table.isRungSoon(box, this.#seen, looks)) continue;
      if (waitedMs > yieldAfterMs && nowMs - this.#bornMs > youngMs) libcIfAny()?.yieldProcessor();
      if (sharesTurns || nowMs - this.#turnBeganMs > turnMs) return void setImmediate(this.#turn);
    }
  };

  /** Until `attend` is called. */
  #leave(): void {
    const { table, box } = this.#options;
    this.#rest();
    this.#sayNowhere();
    this.#attends = false;
    this.#isAway = true;
    table.setAway(box, true);
  }

  #park(): void {
    const { table, box } = this.#options;
    this.#rest();
    this.#sayNowhere();
    const woken = table.park(box, this.#seen);
    if (!woken) return void setImmediate(this.#turn);
    this.#isParked = true;
    void woken.then(this.#wake);
  }

  #comeBack(): void {
    this.#isAway = false;
    this.#options.table.setAway(this.#options.box, false);
  }

  /** What is newly waited for is to be polled for, too. */
  #ringSelf(): void {
    this.#isParked = false;
    this.#options.table.ring(this.#options.box);
  }

  readonly #wake = (): void => {
    const { patienceMs = 0 } = this.#options;
    const nowMs = performance.now();
    if (this.#isParked) this.#patienceMs = nowMs - this.#heardMs < patienceMs ? patienceMs : 0;
    this.#isParked = false;
    this.#heardMs = nowMs;
    this.#turn();
  };

  #rest(): void {
    if (this.#polls) this.#options.table.stopPolling(this.#options.box);
    this.#polls = false;
  }
}

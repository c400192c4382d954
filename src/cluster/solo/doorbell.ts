/**
 * How a thread hears that there is something in its box: it polls for a moment while there is work, then parks until it is woken.
 *
 *   D1  At most processors − 1 threads poll at a time; who gets no leave looks around a few times more and parks.
 *   D2  A parked thread costs nothing, and is woken by whoever posts to its box.
 */
import { availableParallelism } from 'node:os';
import type { SoloTable } from '../../storage/solo/table.ts';

/** A hand-over between two threads that poll takes about 5 µs, waking a parked one 30 to 70. */
const pollMs = 0.2;
/** Without leave to poll: long enough for the one who has it to find what it waits for, and to give it back. */
const graceMs = 0.03;

export interface DoorbellOptions {
  readonly table: SoloTable;
  readonly box: number;
  /** Something may be in the box. */
  answer(): void;
  /** Whether anything is still waited for. */
  isWanted(): boolean;
  /** It has waited long, and parks. */
  parks?(): void;
}

/** What a doorbell is to those who listen to it. */
export interface Listener {
  /** Listens until nothing is wanted any more. */
  attend(): void;
  stop(): void;
}

const pollersMax = Math.max(1, availableParallelism() - 1);

export class Doorbell implements Listener {
  readonly #options: DoorbellOptions;
  #seen: number;
  #heardMs = 0;
  #attends = false;
  #polls = false;
  #isParked = false;
  #isStopped = false;

  constructor(options: DoorbellOptions) {
    this.#options = options;
    this.#seen = options.table.bell(options.box);
  }

  attend(): void {
    if (this.#isParked) this.#ringSelf();
    if (this.#attends || this.#isStopped) return;
    this.#attends = true;
    this.#heardMs = performance.now();
    setImmediate(this.#tick);
  }

  /** What was posted is in the box: for whoever looks into it between two ticks. */
  hears(): boolean {
    const bell = this.#options.table.bell(this.#options.box);
    if (bell === this.#seen) return false;
    this.#seen = bell;
    this.#heardMs = performance.now();
    return true;
  }

  stop(): void {
    this.#isStopped = true;
    this.#options.table.ring(this.#options.box);
  }

  readonly #tick = (): void => {
    const { table, box, answer, isWanted } = this.#options;
    if (this.hears()) {
      this.#rest();
      answer();
    }
    if (this.#isStopped || !isWanted()) {
      this.#rest();
      this.#attends = false;
      return;
    }
    this.#polls ||= table.startPolling(box, pollersMax);
    const waitedMs = performance.now() - this.#heardMs;
    if (waitedMs < (this.#polls ? pollMs : graceMs)) setImmediate(this.#tick);
    else this.#park();
  };

  #park(): void {
    const { table, box, parks } = this.#options;
    this.#rest();
    parks?.();
    const woken = table.park(box, this.#seen);
    if (!woken) return void setImmediate(this.#tick);
    this.#isParked = true;
    void woken.then(this.#wake);
  }

  /** What is newly waited for is to be polled for, too, and may have to be watched. */
  #ringSelf(): void {
    this.#isParked = false;
    this.#options.table.ring(this.#options.box);
  }

  readonly #wake = (): void => {
    this.#isParked = false;
    this.#heardMs = performance.now();
    this.#tick();
  };

  #rest(): void {
    if (this.#polls) this.#options.table.stopPolling(this.#options.box);
    this.#polls = false;
  }
}

/**
 * One timer for deadlines that move all the time: it is started when an earlier one is set, and never stopped because one has moved on.
 * Whoever is woken looks what is due, and sets it again for what is not.
 */
export class Alarm {
  readonly #wake: (nowMs: number) => void;
  #timer: NodeJS.Timeout | null = null;
  #atMs = Number.POSITIVE_INFINITY;

  /** Times are those of `performance.now()`. */
  constructor(wake: (nowMs: number) => void) {
    this.#wake = wake;
  }

  /** Wakes at `atMs` or before. */
  set(atMs: number): void {
    if (atMs >= this.#atMs) return;
    this.stop();
    this.#atMs = atMs;
    this.#timer = setTimeout(() => this.#ring(), Math.max(1, Math.ceil(atMs - performance.now())));
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#atMs = Number.POSITIVE_INFINITY;
  }

  #ring(): void {
    this.stop();
    this.#wake(performance.now());
  }
}

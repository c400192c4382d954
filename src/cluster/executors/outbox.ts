/**
 * What a producer sends, on its way out: in order, also when some of it has to wait for room. Behind one that waits, all wait.
 */
interface Waiting {
  readonly later: () => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Outbox {
  #waiting: Waiting[] = [];
  #isDraining = false;

  /** Something is on its way: what comes now must wait behind it. */
  get isWaiting(): boolean {
    return this.#isDraining;
  }

  /** Runs `later` after all before it. */
  add(later: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ later, resolve, reject });
      if (!this.#isDraining) void this.#drain();
    });
  }

  /** One that fails has told its sender so; those behind it go on. */
  async #drain(): Promise<void> {
    this.#isDraining = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      for (const { later, resolve, reject } of batch) await later().then(resolve, reject);
    }
    this.#isDraining = false;
  }
}

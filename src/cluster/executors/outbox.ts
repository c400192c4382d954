/**
 * What a producer sends, on its way out: in order, also when some of it has to wait for room. Behind one that waits, all wait.
 */
interface Waiting {
  readonly later: () => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Small sends that wait for nothing but the exit. There may be very many: who does not await them must not fill its heap. */
interface Crowd {
  readonly leaves: (() => boolean)[];
  readonly promise: Promise<void>;
}

export class Outbox {
  readonly #track: (work: Promise<void>) => Promise<void>;
  readonly #whenOpen: () => Promise<void>;
  #waiting: Waiting[] = [];
  /** The last of those that wait, if it is one. */
  #crowd: Crowd | null = null;
  #isDraining = false;

  /** `track`: what is done with promises that are given to a user. `whenOpen`: resolves when the exit may be tried. */
  constructor(track: (work: Promise<void>) => Promise<void>, whenOpen: () => Promise<void>) {
    this.#track = track;
    this.#whenOpen = whenOpen;
  }

  /** Something is on its way: what comes now must wait behind it. */
  get isWaiting(): boolean {
    return this.#isDraining;
  }

  /** Runs `later` after all before it. */
  add(later: () => Promise<void>): Promise<void> {
    this.#crowd = null;
    const work = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ later, resolve, reject });
      if (!this.#isDraining) void this.#drain();
    });
    return this.#track(work);
  }

  /** Tries `leave` after all before it, until it has left. Those that wait in a row leave, or fail, together: they share a promise. */
  join(leave: () => boolean): Promise<void> {
    if (this.#crowd) {
      this.#crowd.leaves.push(leave);
      return this.#crowd.promise;
    }
    const leaves = [leave];
    const promise = this.add(() => this.#leaveAll(leaves));
    this.#crowd = { leaves, promise };
    return promise;
  }

  /** What joins meanwhile goes with them. */
  async #leaveAll(leaves: Crowd['leaves']): Promise<void> {
    try {
      for (const leave of leaves) {
        do await this.#whenOpen();
        while (!leave());
      }
    } finally {
      if (this.#crowd?.leaves === leaves) this.#crowd = null;
    }
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

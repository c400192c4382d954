/**
 * What an attempt sends, on its way out: in order, also when some of it has to wait for room. Behind one that waits, all wait.
 */
export class Outbox {
  #tail: Promise<void> | null = null;

  /** `now` sends at once and returns true, unless it has to wait: then `later` is run, after all before it. */
  put(now: () => boolean, later: () => Promise<void>): Promise<void> | undefined {
    if (this.#tail === null && now()) return undefined;
    const work = (this.#tail ?? Promise.resolve()).then(later);
    const tail = work.catch(() => undefined);
    this.#tail = tail;
    void tail.then(() => {
      if (this.#tail === tail) this.#tail = null;
    });
    return work;
  }
}

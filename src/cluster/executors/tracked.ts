/**
 * Promises that are given to user code and may not be awaited by it: the runtime awaits them, and a failure that nobody looked
 * at fails the attempt, never the process.
 */

/** Knows whether anyone has asked for its outcome. `await` does so by `then`, as this is not the plain Promise class. */
class TrackedPromise<T> extends Promise<T> {
  isObserved = false;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  override then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isObserved = true;
    return super.then(fulfilled, rejected);
  }
}

export class TrackedPromises {
  readonly #pending = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | null = null;

  /** For the user: the same outcome as `work`. */
  track<T>(work: Promise<T>): Promise<T> {
    const tracked = new TrackedPromise<T>((resolve, reject) => void work.then(resolve, reject));
    const watched = work.then(
      () => undefined,
      async (error: unknown) => {
        // Whoever awaits it has been told by now.
        await null;
        if (!tracked.isObserved) this.#failure ??= { error };
      },
    );
    this.#pending.add(watched);
    void watched.then(() => this.#pending.delete(watched));
    Promise.prototype.then.call(tracked, undefined, () => undefined);
    return tracked;
  }

  /** When nothing is pending. Rejects with the first failure that nobody looked at. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    if (this.#failure) throw this.#failure.error;
  }
}

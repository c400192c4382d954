/**
 * Promises that are given to user code and may not be awaited by it: the runtime awaits them, and a failure that nobody looked
 * at fails the attempt, never the process. There may be very many at a time: each is one promise and three closures.
 */

/** Knows whether anyone has asked for its outcome. `await` does so by `then`, as this is not the plain Promise class. */
class TrackedPromise<T> extends Promise<T> {
  isObserved = false;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // oxlint-disable-next-line no-thenable -- it is a promise
  override then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isObserved = true;
    return super.then(fulfilled, rejected);
  }
}

interface Failure {
  readonly promise: TrackedPromise<unknown>;
  readonly error: unknown;
}

const ignore = () => undefined;

export class TrackedPromises {
  /** Rejects each that is pending. */
  readonly #pending = new Set<(error: unknown) => void>();
  readonly #failures: Failure[] = [];
  #quiet: (() => void) | null = null;

  /** For the user: the same outcome as `work`, or what `abandon` was called with before there was one. */
  track<T>(work: Promise<T>): Promise<T> {
    let fail: (error: unknown) => void = ignore;
    const promise = new TrackedPromise<T>((resolve, reject) => {
      fail = (error) => {
        if (!this.#pending.delete(fail)) return;
        reject(error);
        this.#failures.push({ promise, error });
        this.#tellQuiet();
      };
      work.then((value) => {
        if (!this.#pending.delete(fail)) return;
        resolve(value);
        this.#tellQuiet();
      }, fail);
    });
    this.#pending.add(fail);
    void Promise.prototype.then.call(promise, undefined, ignore);
    return promise;
  }

  /** Nothing more is waited for. */
  abandon(error: unknown): void {
    for (const fail of this.#pending) fail(error);
  }

  /** When nothing is pending. Rejects with the first failure that nobody has looked at by then. */
  async settled(): Promise<void> {
    // Again, since whoever was told last may have gone on and started more.
    while (this.#pending.size > 0) {
      await new Promise<void>((resolve) => {
        this.#quiet = resolve;
      });
      await Promise.resolve();
    }
    const unseen = this.#failures.find(({ promise }) => !promise.isObserved);
    if (unseen) throw unseen.error;
  }

  #tellQuiet(): void {
    if (this.#pending.size > 0) return;
    this.#quiet?.();
    this.#quiet = null;
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value instanceof Promise || (typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function');
}

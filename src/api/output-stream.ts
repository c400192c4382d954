/** Outputs on their way to a reader: bounded, the oldest are dropped when he is slow, and counted. */
export class OutputStream<T> implements AsyncIterableIterator<T> {
  /** Outputs that the reader has missed. */
  dropped = 0;
  readonly #waitingMax: number;
  readonly #closed: (stream: OutputStream<T>) => void;
  readonly #outputs: T[] = [];
  readonly #readers: ((result: IteratorResult<T>) => void)[] = [];
  #isOver = false;

  constructor(waitingMax: number, closed: (stream: OutputStream<T>) => void) {
    this.#waitingMax = waitingMax;
    this.#closed = closed;
  }

  push(output: T): void {
    const reader = this.#readers.shift();
    if (reader) return reader({ done: false, value: output });
    this.#outputs.push(output);
    if (this.#outputs.length <= this.#waitingMax) return;
    this.#outputs.shift();
    this.dropped++;
  }

  /** What has come can still be read; then it is over. */
  end(): void {
    this.#isOver = true;
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#outputs.length > 0) return Promise.resolve({ done: false, value: this.#outputs.shift() as T });
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  return(): Promise<IteratorResult<T>> {
    this.#outputs.length = 0;
    this.end();
    this.#closed(this);
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

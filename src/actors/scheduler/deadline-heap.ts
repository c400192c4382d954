/** Deadlines by the ids of their sessions, the earliest first: a binary heap. */
export class DeadlineHeap {
  /** What the timer is set for. */
  timerMs = Number.POSITIVE_INFINITY;
  /** Neither is before what is at (i - 1) / 2. */
  #dueMs: number[] = [];
  #ids: string[] = [];

  get size(): number {
    return this.#ids.length;
  }

  get earliestMs(): number {
    return this.#dueMs[0] ?? Number.POSITIVE_INFINITY;
  }

  add(id: string, dueMs: number): void {
    let i = this.#ids.length;
    // Mostly they come in the order in which they are due, and stay where they are put.
    while (i > 0) {
      const above = (i - 1) >> 1;
      if (this.#dueAt(above) <= dueMs) break;
      this.#put(i, this.#idAt(above), this.#dueAt(above));
      i = above;
    }
    this.#put(i, id, dueMs);
  }

  /** Takes the earliest. */
  take(): string | undefined {
    const [first] = this.#ids;
    const id = this.#ids.pop();
    const dueMs = this.#dueMs.pop();
    if (id === undefined || dueMs === undefined || this.#ids.length === 0) return first;
    let i = 0;
    for (let next = this.#earlierBelow(i); next < this.#ids.length && this.#dueAt(next) < dueMs; next = this.#earlierBelow(i)) {
      this.#put(i, this.#idAt(next), this.#dueAt(next));
      i = next;
    }
    this.#put(i, id, dueMs);
    return first;
  }

  /** Lets go of all others. */
  keep(isKept: (id: string) => boolean): void {
    const ids = this.#ids;
    const dueMs = this.#dueMs;
    this.#ids = [];
    this.#dueMs = [];
    for (const [i, id] of ids.entries()) if (isKept(id)) this.add(id, dueMs[i] ?? 0);
  }

  #earlierBelow(i: number): number {
    const left = 2 * i + 1;
    const right = left + 1;
    return right < this.#ids.length && this.#dueAt(right) < this.#dueAt(left) ? right : left;
  }

  #put(i: number, id: string, dueMs: number): void {
    this.#ids[i] = id;
    this.#dueMs[i] = dueMs;
  }

  #dueAt(i: number): number {
    return this.#dueMs[i] ?? 0;
  }

  #idAt(i: number): string {
    return this.#ids[i] ?? '';
  }
}

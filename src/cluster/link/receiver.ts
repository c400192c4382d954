/**
 * The receiving half of a link: it puts frames into their order, and lets each pass once.
 *
 *   R1  Frames pass in the order of their numbers, without gaps; a number that has passed never passes again.
 *   R2  At most `windowFramesMax` that came before their turn are kept; what is further ahead is dropped, and will be sent again.
 */
export class Receiver<F = Uint8Array> {
  readonly #windowFramesMax: number;
  /** Came before their turn. */
  readonly #early = new Map<number, F>();
  /** The number of the last frame that has passed. */
  #received = 0;

  constructor(windowFramesMax: number) {
    this.#windowFramesMax = windowFramesMax;
  }

  get received(): number {
    return this.#received;
  }

  /** Frames that wait for one before them. */
  get early(): number {
    return this.#early.size;
  }

  /** What may pass now. */
  take(sequence: number, frame: F): readonly F[] {
    if (sequence <= this.#received || sequence > this.#received + this.#windowFramesMax) return [];
    this.#early.set(sequence, frame);
    const passing: F[] = [];
    for (let next = this.#early.get(this.#received + 1); next !== undefined; next = this.#early.get(this.#received + 1)) {
      this.#received++;
      this.#early.delete(this.#received);
      passing.push(next);
    }
    return passing;
  }

  restart(): void {
    this.#early.clear();
    this.#received = 0;
  }
}

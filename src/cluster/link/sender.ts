/**
 * The sending half of a link: it numbers frames, and keeps each until the peer has it.
 *
 *   S1  Numbers are 1, 2, 3, … for each incarnation of the peer; a frame keeps its number.
 *   S2  At most `windowFramesMax` are under way; the others wait, in their order, and are numbered when they leave.
 *   S3  Frames under way and waiting together are at most `framesMax`.
 */
export interface SentFrame<F = Uint8Array> {
  readonly sequence: number;
  readonly frame: F;
}

export interface SenderLimits {
  /** Frames that have left and are not acknowledged. The peer keeps room for as many that come out of order. */
  readonly windowFramesMax: number;
  /** Frames that are held here in all. */
  readonly framesMax: number;
}

export class Sender<F = Uint8Array> {
  readonly #limits: SenderLimits;
  /** Under way, the oldest first. */
  #sent: SentFrame<F>[] = [];
  #waiting: F[] = [];
  #next = 1;

  constructor(limits: SenderLimits) {
    this.#limits = limits;
  }

  get held(): number {
    return this.#sent.length + this.#waiting.length;
  }

  get underWay(): number {
    return this.#sent.length;
  }

  add(frame: F): void {
    if (this.held >= this.#limits.framesMax)
      throw new Error(`bug: a link holds ${this.held} frames already (framesMax); ask isCongested before`);
    this.#waiting.push(frame);
  }

  /** Those that may leave now. */
  takeLeaving(): readonly SentFrame<F>[] {
    const room = this.#limits.windowFramesMax - this.#sent.length;
    const leaving = this.#waiting.splice(0, Math.max(0, room)).map((frame): SentFrame<F> => ({ sequence: this.#next++, frame }));
    this.#sent.push(...leaving);
    return leaving;
  }

  /** The peer has all up to `received`. Returns how many of these were new; -1 if there never were so many. */
  acknowledge(received: number): number {
    if (received >= this.#next) return -1;
    const first = this.#sent[0];
    if (first === undefined || first.sequence > received) return 0;
    const before = this.#sent.length;
    this.#sent = this.#sent.filter(({ sequence }) => sequence > received);
    return before - this.#sent.length;
  }

  /** The oldest that are under way, at most `count`. */
  oldest(count: number): readonly SentFrame<F>[] {
    return this.#sent.slice(0, count);
  }

  /** The peer is another one now: what the former one may not have got is the caller's again, and numbers start anew. */
  restart(): readonly F[] {
    const lost = this.#sent.map(({ frame }) => frame);
    this.#sent = [];
    this.#next = 1;
    return lost;
  }
}

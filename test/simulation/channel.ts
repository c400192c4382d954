/** The way between the node and one of its threads: like a message port it delays, and neither loses nor reorders. Frames are encoded. */
import type { Message } from '../../src/actors/protocol/message.ts';
import type { Outlet } from '../../src/cluster/host.ts';
import { decodeFrame, encodeFrame, type Envelope } from '../../src/cluster/wire/codec.ts';
import type { Clock } from './clock.ts';

export class Channel implements Outlet {
  readonly #clock: Clock;
  readonly #delayMs: () => number;
  readonly #receive: (envelopes: readonly Envelope[]) => void;
  #waiting: Envelope[] = [];
  /** Under way, the oldest first. */
  #underWay: { readonly take: () => void }[] = [];
  #lastMs = 0;

  constructor(clock: Clock, delayMs: () => number, receive: (envelopes: readonly Envelope[]) => void) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#receive = receive;
  }

  send(to: string, message: Message): void {
    this.#waiting.push({ to, message });
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    const frame = encodeFrame(this.#waiting);
    this.#waiting = [];
    this.#lastMs = Math.max(this.#lastMs, this.#clock.nowMs + this.#delayMs());
    const entry = {
      take: this.#clock.after(this.#lastMs - this.#clock.nowMs, () => {
        this.#underWay.shift();
        this.#receive(decodeFrame(frame));
      }),
    };
    this.#underWay.push(entry);
  }

  /** Its sender is dead: the newest of what is under way are lost, the others arrive. Returns after how long the last does. */
  cut(lostShare: number): number {
    this.#waiting = [];
    const kept = Math.ceil(this.#underWay.length * (1 - lostShare));
    for (const { take } of this.#underWay.splice(kept)) take();
    return this.#underWay.length === 0 ? 0 : Math.max(0, this.#lastMs - this.#clock.nowMs);
  }
}

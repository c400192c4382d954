/**
 * A stream for scenarios: events that are sent at a rate, and how long after each was due its result came.
 *
 * An event is due when the rate says, whether or not the producer got to it in time: so a runtime that cannot keep up, and
 * holds up its producer, shows in the delays.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from './quantile.ts';

/** Options of scenarios that have a stream. */
export const streamOptions = {
  rate: { about: 'events per second', default: 5_000, min: 1, max: 1_000_000 },
  seconds: { about: 'how long events come', default: 2, min: 1, max: 3_600 },
  events: { about: 'events; without it what comes in that many seconds', default: null, min: 1, max: 100_000_000 },
} as const;

/** What comes in so many milliseconds goes into one session. */
const tickMs = 10;

export interface Delay {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export class Stream {
  /** Events are called by their positions: 0 … count − 1. */
  readonly count: number;
  readonly #rate: number;
  #startedMs = 0;

  constructor({ rate, seconds, events }: { readonly rate: number; readonly seconds: number; readonly events: number | null }) {
    this.count = events ?? rate * seconds;
    this.#rate = rate;
  }

  /** Gives what is due to `send`, a tick's together. Resolves when all that was sent is done; stops at what fails. */
  async produce(send: (events: readonly number[]) => Promise<unknown>): Promise<void> {
    let isFailed = false;
    const sent: Promise<unknown>[] = [];
    this.#startedMs = performance.now();
    for (let next = 0; next < this.count && !isFailed; ) {
      await sleep(tickMs);
      const due = Math.min(this.count, Math.ceil(((performance.now() - this.#startedMs) / 1_000) * this.#rate));
      const session = send(Array.from({ length: due - next }, (_, i) => next + i));
      // It is awaited below; until then its failure is nobody's.
      session.catch(() => (isFailed = true));
      sent.push(session);
      next = due;
    }
    await Promise.all(sent);
  }

  /** How long ago they were due. */
  delaysMs(events: Uint32Array): Float64Array {
    const nowMs = performance.now() - this.#startedMs;
    return Float64Array.from(events, (event) => nowMs - (event / this.#rate) * 1_000);
  }
}

export function delayOf(parts: readonly Float64Array[]): Delay {
  const delays = parts.flatMap((part) => [...part]);
  return { p50Ms: quantile(delays, 0.5), p99Ms: quantile(delays, 0.99) };
}

/** Tells the log of connections that were turned away: of each reason the first, then at most one line in a while, with how many there were. */
import type { LogLine } from '../../log.ts';

const quietMs = 10_000;

export class Refusals {
  readonly #log: LogLine;
  readonly #nowMs: () => number;
  readonly #told = new Map<string, { atMs: number; untold: number }>();

  constructor(log: LogLine, nowMs: () => number = () => performance.now()) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  /** `why`: one of a few. */
  note(why: string, detail: object): void {
    const nowMs = this.#nowMs();
    const told = this.#told.get(why);
    if (told && nowMs - told.atMs < quietMs) {
      told.untold++;
      return;
    }
    this.#told.set(why, { atMs: nowMs, untold: 0 });
    this.#log('warn', why, told && told.untold > 0 ? { ...detail, untold: told.untold } : detail);
  }
}

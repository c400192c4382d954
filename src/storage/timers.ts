/**
 * The port through which the object store waits. Simulations pass virtual time.
 */
export interface Timers {
  /** Calls `callback` once, `afterMs` milliseconds from now, unless cleared before. */
  setTimeout(callback: () => void, afterMs: number): unknown;
  /** `timer` is what `setTimeout` returned. Clearing one that has fired changes nothing. */
  clearTimeout(timer: unknown): void;
}

/** The platform's timers, unref'ed: a store that waits keeps no process alive. */
export const systemTimers: Timers = {
  setTimeout: (callback, afterMs) => setTimeout(callback, afterMs).unref(),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

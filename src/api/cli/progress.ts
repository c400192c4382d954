/**
 * The progress bar: how many invocations a runtime makes from now on, of how many. On standard error, and only on a terminal.
 */
import { SingleBar } from 'cli-progress';
import type { Runtime } from '../runtime.ts';

/** What shows a runtime at work. */
export interface Progress {
  /** How many invocations there will be, as soon as that is known. Until then they are only counted. */
  expectInvocations(total: number): void;
  /** Draws the last state, and ends the line. */
  stop(): Promise<void>;
}

const refreshMs = 100;

/** Shows a runtime's invocations until `stop`. */
export function showProgress(runtime: Runtime, label: string): Progress {
  if (!process.stderr.isTTY) return { expectInvocations() {}, async stop() {} };
  let total = 0;
  // A cluster has worked before.
  let before: number | null = null;
  const bar = new SingleBar({
    // A Ctrl-C leaves the terminal as it is: nothing has been switched off that would have to be switched on again.
    linewrap: true,
    hideCursor: false,
    barsize: 30,
    format: (options, { value, progress }) => {
      if (total === 0) return `${label}  ${value} invocations`;
      const complete = Math.round(progress * (options.barsize ?? 0));
      const drawn = '█'.repeat(complete) + '░'.repeat((options.barsize ?? 0) - complete);
      return `${label}  ${drawn} ${Math.floor(progress * 100)} %  ${value} of ${total} invocations`;
    },
  });
  bar.start(1, 0);
  const refresh = async (): Promise<void> => {
    const stats = await runtime.stats();
    before ??= stats.invocations;
    const invocations = stats.invocations - before;
    // An estimate may be too low.
    total = total === 0 ? 0 : Math.max(total, invocations);
    bar.setTotal(Math.max(total, 1));
    bar.update(invocations);
  };
  // What goes wrong with the runtime shows where its result is awaited.
  const refreshQuietly = () => refresh().catch(() => {});
  void refreshQuietly();
  const timer = setInterval(() => void refreshQuietly(), refreshMs);
  return {
    expectInvocations(invocations) {
      total = invocations;
    },
    async stop() {
      clearInterval(timer);
      await refreshQuietly();
      bar.stop();
    },
  };
}

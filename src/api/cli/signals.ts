/** Signals that ask a process to end. */
import { constants } from 'node:os';

const signals = ['SIGTERM', 'SIGINT'] as const;

/** Resolves with the next one; from now until then they do not end the process. */
export function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const take = (signal: NodeJS.Signals) => {
      for (const name of signals) process.off(name, take);
      resolve(signal);
    };
    for (const name of signals) process.on(name, take);
  });
}

/** Of a process that a signal has ended, as shells count. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

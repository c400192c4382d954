/** V8's own function to collect garbage, of this thread. `minor`: only what is young. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export type Collect = (options?: { readonly type: 'minor' }) => void;

/**
 * V8 shows it to contexts that are made while a flag is set. The flag is of the process: null if another thread has taken it back at this
 * moment.
 */
export function collectorIfAny(): Collect | null {
  setFlagsFromString('--expose-gc');
  try {
    return runInNewContext('globalThis.gc ?? null') as Collect | null;
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}

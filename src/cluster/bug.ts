/** What comes of a bug (H4 of `host.ts`) in a process of a cluster, and in the node thread of an embedded runtime. */
import { inspect } from 'node:util';
import type { LogLine } from './log.ts';

/** It says which, and ends the process, or the thread. */
export function endByBug(log: LogLine): (bug: Error) => void {
  return (bug) => {
    log('error', 'a bug: nothing more is handled here', { bug: bug.message, error: inspect(bug) });
    // Whoever has called the host may catch what it throws, as the mesh does: this nobody catches.
    queueMicrotask(() => {
      throw bug;
    });
  };
}

/** Which processes there are. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Those that still run. One that nobody has waited for yet is dead: in a container perhaps nobody ever does. */
export function running(pids: readonly number[]): number[] {
  return pids.filter((pid) => {
    try {
      const [, state] = /^\d+ \(.*\) (\w)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
      return state !== 'Z' && state !== 'X';
    } catch {
      return false;
    }
  });
}

/** Resolves with those that still run when they had so long to end. */
export async function runningAfter(pids: readonly number[], timeoutMs: number): Promise<number[]> {
  const untilMs = performance.now() + timeoutMs;
  while (running(pids).length > 0 && performance.now() < untilMs) await sleep(50);
  return running(pids);
}

/** The processes that it has started. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

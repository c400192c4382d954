/** Runtimes for tests: two executors, a small store whose freed blocks are overwritten, nothing logged. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { type AnyPheromoneError, isPheromoneError, type LocalOptions, type Runtime, startLocal } from 'pheromone';

/** What the suites run on: this process alone, or a cluster, if that was said before they are imported (`cluster/over-cluster.ts`). */
export const mode: { isEmbedded: boolean; start(options: LocalOptions): Promise<Runtime> } = { isEmbedded: true, start: startLocal };

export function startForTest(options: LocalOptions = {}): Promise<Runtime> {
  return mode.start({ executors: 2, arenaBytes: 64 * 2 ** 20, poison: true, logLevel: 'silent', abortGraceMs: 200, ...options });
}

/** Asks until `isSo` says yes; fails the test when that takes longer than anything here may. */
export async function eventually(
  t: ExecutionContext,
  what: string | (() => string),
  isSo: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await isSo())) {
    if (performance.now() > deadline) return t.fail(`did not come true within 15 s: ${typeof what === 'string' ? what : what()}`);
    await sleep(10);
  }
}

/** No session is left, and nothing of any in the store. */
export async function assertEmpty(t: ExecutionContext, runtime: Runtime): Promise<void> {
  let last = '';
  const isEmpty = async () => {
    const { sessionsOpen, storeBlocks, storeUsedBytes, invocationsQueued } = await runtime.stats();
    last = JSON.stringify({ sessionsOpen, storeBlocks, storeUsedBytes, invocationsQueued });
    return sessionsOpen === 0 && invocationsQueued === 0 && storeBlocks === 0 && storeUsedBytes === 0;
  };
  await eventually(t, () => `no session is open and no block is held: ${last}`, isEmpty);
  t.pass();
}

/** What a promise, or a function that throws, fails with; it must be one of our errors, of this code. */
export async function failureOf<C extends AnyPheromoneError['code']>(
  t: ExecutionContext,
  code: C,
  work: Promise<unknown> | (() => unknown),
): Promise<Extract<AnyPheromoneError, { code: C }>> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    if (!isPheromoneError(error)) throw error;
    t.is(error.code, code, error.message);
    return error as Extract<AnyPheromoneError, { code: C }>;
  }
  throw new Error(`nothing failed, but ${code} should have`);
}

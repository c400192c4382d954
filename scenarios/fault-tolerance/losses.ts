/** Which functions are lost: as if by chance, but the same ones in every run; and what that costs if nothing else takes time. */
import { randomFrom } from '../random.ts';

export interface Workload {
  readonly chains: number;
  readonly steps: number;
  readonly ms: number;
  /** Of the functions, so many are lost. */
  readonly percent: number;
  readonly seed: number;
}

/** Of a function, or of a workflow. */
export const attemptsMax = 30;

/** Each try of a step of a chain has its own luck. */
export function isLost({ seed, percent }: Workload, chain: number, step: number, tries: number): boolean {
  let mixed = seed;
  for (const part of [chain, step, tries]) mixed = (randomFrom(mixed)() * 2 ** 32) ^ part;
  return randomFrom(mixed)() * 100 < percent;
}

/** How long each chain takes if a lost function is given up after `functionMs`, and run again alone. */
export function idealTimesByFunction(workload: Workload, functionMs: number): number[] {
  return idealTimes(workload, (chain, steps) => {
    const reruns = steps.map((step) => triesBefore((tries) => !isLost(workload, chain, step, tries)));
    return reruns.reduce((sum, count) => sum + count, 0) * functionMs;
  });
}

/** The same if its workflow is given up after `workflowMs`, and run again. */
export function idealTimesByWorkflow(workload: Workload, workflowMs: number): number[] {
  return idealTimes(workload, (chain, steps) => {
    return triesBefore((tries) => steps.every((step) => !isLost(workload, chain, step, tries))) * workflowMs;
  });
}

function idealTimes({ chains, steps, ms }: Workload, lostMs: (chain: number, steps: readonly number[]) => number): number[] {
  const positions = Array.from({ length: steps }, (_, step) => step);
  return Array.from({ length: chains }, (_, chain) => steps * ms + lostMs(chain, positions));
}

/** How many were in vain. */
function triesBefore(isGood: (tries: number) => boolean): number {
  let tries = 0;
  while (tries < attemptsMax && !isGood(tries)) tries++;
  return tries;
}

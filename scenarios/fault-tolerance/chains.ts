/** Runs the chains, and checks what they come to. */
import { setTimeout as sleep } from 'node:timers/promises';
import { byName, isPheromoneError, type Runtime } from 'pheromone';
import app, { links, step } from './app.ts';
import { attemptsMax, type Workload } from './losses.ts';

/** After how long a function, or a workflow, is given up and run again; null: never. */
export interface Patience {
  readonly functionMs: number | null;
  readonly workflowMs: number | null;
}

export interface ChainsRun {
  /** How long each chain took. */
  readonly times: readonly number[];
  /** Workflows that were begun again. */
  readonly restarts: number;
  readonly mistakes: number;
}

/** Between the beginnings of two chains: so few run at a time that the machine is not what they wait for. */
const everyMs = 10;
const triggerName = 'next-step';

export async function runChains(runtime: Runtime, workload: Workload, { functionMs, workflowMs }: Patience): Promise<ChainsRun> {
  const rerun = functionMs === null ? undefined : { source: step, timeoutMs: functionMs, attemptsMax };
  await runtime.addTrigger(app, links.on(byName({ key: 'next' }), step, { name: triggerName, rerun }));
  const right = plainAnswer(workload);
  const times: number[] = [];
  const run = { restarts: 0, mistakes: 0 };
  const runOne = async (chain: number) => {
    await sleep(chain * everyMs);
    const startedMs = performance.now();
    const { answer, restarts } = await callUntilAnswered(runtime, workload, chain, workflowMs);
    times.push(performance.now() - startedMs);
    run.restarts += restarts;
    if (answer !== right) run.mistakes++;
  };
  await Promise.all(Array.from({ length: workload.chains }, (_, chain) => runOne(chain)));
  await runtime.deleteTrigger(app, triggerName);
  return { times, ...run };
}

/** A workflow that does not answer in time is cancelled, and begun again from its first function. */
async function callUntilAnswered(runtime: Runtime, workload: Workload, chain: number, timeoutMs: number | null) {
  for (let restarts = 0; ; restarts++) {
    try {
      const value = { workload, chain, restarts, step: 0, value: 0 };
      const answer = await runtime.call(app, { links: [{ key: 'next', value }] }, { timeoutMs: timeoutMs ?? undefined });
      return { answer, restarts };
    } catch (error) {
      if (!isPheromoneError(error) || error.code !== 'CallTimedOut' || restarts + 1 === attemptsMax) throw error;
    }
  }
}

/** What the steps come to: a number whose digits, in base 11, are their positions. */
function plainAnswer({ steps }: Workload): number {
  return Array.from({ length: steps }, (_, step) => step * 11 ** (steps - 1 - step)).reduce((sum, digit) => sum + digit, 0);
}

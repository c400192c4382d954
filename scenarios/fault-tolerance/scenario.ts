/**
 * Shows what a lost function costs when it is run again alone, and when its whole workflow is. In both the same functions are lost, and
 * who waits gives up after twice the time that it should take.
 */
import { quantile } from '../quantile.ts';
import { defineScenario } from '../scenario.ts';
import app from './app.ts';
import { type ChainsRun, runChains } from './chains.ts';
import { idealTimesByFunction, idealTimesByWorkflow } from './losses.ts';

/** Until the code is loaded and compiled. */
const warmingChains = 50;
/** How far the ratio of the two may be above what it is if nothing but functions and time-outs takes time. */
const excessMax = 1.2;
/** A machine that was busy with something else gets another chance. */
const roundsMax = 3;

export default defineScenario({
  about: 'lost functions: each run again alone, or with its whole workflow (rerun)',
  app,
  options: {
    chains: { about: 'workflows', default: 400, min: 1, max: 100_000 },
    steps: { about: 'functions of a workflow', default: 4, min: 1, max: 10 },
    ms: { about: 'how long each takes', default: 100, min: 1, max: 60_000 },
    percent: { about: 'functions that are lost', default: 1, min: 0, max: 10 },
    seed: { about: 'what chooses them', default: 1, min: 0, max: 4_294_967_295 },
  },
  async run(runtime, workload, stage) {
    const { chains, steps, ms } = workload;
    const functionMs = 2 * ms;
    const workflowMs = 2 * steps * ms;
    const idealRatio = p99Ratio(idealTimesByFunction(workload, functionMs), idealTimesByWorkflow(workload, workflowMs));
    const ratioMax = idealRatio * excessMax;
    stage.expectInvocations((warmingChains + 3 * chains) * (steps + 1));

    await runChains(runtime, { ...workload, chains: warmingChains, ms: 1, percent: 0 }, { functionMs: null, workflowMs: null });
    const undisturbed = await runChains(runtime, { ...workload, percent: 0 }, { functionMs: null, workflowMs: null });
    let byFunction = undisturbed;
    let byWorkflow = undisturbed;
    let mistakes = undisturbed.mistakes;
    let ratio = Number.POSITIVE_INFINITY;
    for (let round = 0; round < roundsMax && ratio > ratioMax; round++) {
      byFunction = await runChains(runtime, workload, { functionMs, workflowMs: null });
      byWorkflow = await runChains(runtime, workload, { functionMs: null, workflowMs });
      mistakes += byFunction.mistakes + byWorkflow.mistakes;
      ratio = p99Ratio(byFunction.times, byWorkflow.times);
    }
    const costs = { undisturbed: costOf(undisturbed), byFunction: costOf(byFunction), byWorkflow: costOf(byWorkflow) };
    return {
      result: { ...costs, p99Ratio: ratio, idealRatio },
      details: { mistakes, isNearIdeal: ratio <= ratioMax },
      expected: { mistakes: 0, isNearIdeal: true },
      work: { unit: 'chains', amount: 3 * chains },
      lines: [
        ...Object.entries(costs).map(([name, { medianMs, p99Ms }]) => `${name.padEnd(11)}: median ${medianMs} ms, p99 ${p99Ms} ms`),
        `p99 by function is ${ratio} of that by workflow; from the losses alone ${idealRatio}`,
      ],
    };
  },
});

function p99Ratio(byFunction: readonly number[], byWorkflow: readonly number[]): number {
  return Math.round((quantile(byFunction, 0.99) / quantile(byWorkflow, 0.99)) * 1_000) / 1_000;
}

function costOf({ times, restarts }: ChainsRun) {
  return { medianMs: quantile(times, 0.5), p99Ms: quantile(times, 0.99), restarts };
}

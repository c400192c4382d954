/** Shows that stragglers are not waited for: of n replicas k answer at once, and the others would take a minute. */
import { redundant } from 'pheromone';
import { BadOption, defineScenario } from '../scenario.ts';
import app, { answers, decide, replica } from './app.ts';

const stragglerMs = 60_000;

export default defineScenario({
  about: 'the first k of n answers are enough, the rest is aborted (redundant)',
  app,
  options: {
    k: { about: 'answers that are enough', default: 2, min: 1, max: 1_000 },
    n: { about: 'replicas', default: 3, min: 1, max: 1_000 },
  },
  async run(runtime, { k, n }, stage) {
    if (k > n) throw new BadOption('k', k, `must be at most n, which is ${n}`);
    stage.expectInvocations(n + 1);
    await runtime.addTrigger(app, answers.on(redundant({ k, n, sources: [replica] }), decide));

    const startedMs = performance.now();
    const names = Array.from({ length: n }, (_, i) => `replica ${i}`);
    const questions = names.map((key, i) => ({ key, value: { delayMs: i < n - k ? stragglerMs : 0 } }));
    const outputs = await runtime.call(app, { questions }, { until: 'end' });
    const waited = performance.now() - startedMs >= stragglerMs;
    return {
      result: { answered: outputs.flat().sort() },
      details: { decisions: outputs.length, waited },
      expected: { answered: names.slice(n - k).sort(), decisions: 1, waited: false },
    };
  },
});

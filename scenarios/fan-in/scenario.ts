/** Shows a set as wide as one likes: the trigger is added to the live app. */
import { bySet } from 'pheromone';
import { defineScenario } from '../scenario.ts';
import app, { gather, squares } from './app.ts';

export default defineScenario({
  about: 'many invocations whose results are gathered by one (bySet)',
  app,
  options: {
    width: { about: 'how many', default: 1_000, min: 1, max: 100_000 },
  },
  async run(runtime, { width }, stage) {
    stage.expectInvocations(width + 1);
    const all = Array.from({ length: width }, (_, i) => i);
    await runtime.addTrigger(app, squares.on(bySet({ keys: all.map(String) }), gather));
    const gathered = await runtime.call(app, { numbers: all.map((value) => ({ key: String(value), value })) });
    return {
      result: { gathered: gathered?.length },
      details: { last: gathered?.at(-1) },
      expected: { gathered: width, last: (width - 1) ** 2 },
      work: { unit: 'branches', amount: width },
    };
  },
});

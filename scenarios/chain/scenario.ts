/** Shows what a step costs when each follows from the one before: the time of a hand-over. */
import { defineScenario } from '../scenario.ts';
import app from './app.ts';

export default defineScenario({
  about: 'a chain of functions, each started by what the one before sends',
  app,
  options: {
    length: { about: 'steps', default: 1_000, min: 1, max: 1_000_000 },
  },
  async run(runtime, { length }, stage) {
    stage.expectInvocations(length);
    const steps = await runtime.call(app, 'links', { position: 0, length });
    return { result: { steps }, expected: { steps: length }, work: { unit: 'steps', amount: length } };
  },
});

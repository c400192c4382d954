/** Shows full batches as they fill, across sessions, and the last one, which is not full, after a wait. */
import { byBatchSize } from 'pheromone';
import { defineScenario, takeOutputs } from '../scenario.ts';
import app, { readings, store } from './app.ts';

export default defineScenario({
  about: 'objects of many sessions in batches (byBatchSize)',
  app,
  options: {
    readings: { about: 'readings, a session each', default: 1_050, min: 1, max: 100_000 },
    size: { about: 'of a batch', default: 100, min: 1, max: 10_000 },
    maxWaitMs: { about: 'after which a batch is stored that is not full', default: 200, min: 1, max: 60_000 },
  },
  async run(runtime, { readings: count, size, maxWaitMs }, stage) {
    stage.expectInvocations(Math.ceil(count / size));
    await runtime.addTrigger(app, readings.on(byBatchSize({ count: size, maxWaitMs }), store));
    const all = Array.from({ length: count }, (_, i) => i);

    const outputs = takeOutputs(runtime.outputs(app), (batch) => batch.length, { total: count, quietMs: maxWaitMs + 10_000 });
    await Promise.all(all.map((value) => runtime.start(app, readings, value)));
    const batches = await outputs;

    const stored = batches.flat();
    return {
      result: { batches: batches.length, largest: Math.max(...batches.map((batch) => batch.length)), stored: stored.length },
      details: { distinct: new Set(stored).size },
      expected: { largest: Math.min(size, count), stored: count, distinct: count },
      work: { unit: 'readings', amount: count },
    };
  },
});

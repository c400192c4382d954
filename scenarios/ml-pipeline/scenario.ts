/** Shows redundant inference: of the n classifiers of an image one is slow, and is not waited for. */
import { isDeepStrictEqual } from 'node:util';
import { redundant, type Runtime } from 'pheromone';
import { BadOption, defineScenario } from '../scenario.ts';
import { delayOf } from '../stream.ts';
import app, { classifier, combine, opinions, type Verdict } from './app.ts';
import { average, classify, featureNames, fit, type Model, mostProbable } from './classifiers.ts';
import { drawImage, type LabelledImage, resizeImage, shapes } from './images.ts';

/** What is seen when fitting is not seen again. */
const fitted = 150;
/** Twice what guessing gives. */
const accuracyMin = 0.4;

export default defineScenario({
  about: 'images resized, shown to n classifiers, the first k answers averaged (redundant)',
  app,
  options: {
    images: { about: 'images', default: 100, min: 1, max: 100_000 },
    k: { about: 'answers that are averaged', default: 3, min: 1, max: featureNames.length },
    n: { about: 'classifiers', default: featureNames.length, min: 1, max: featureNames.length },
    stragglerMs: { about: 'how much longer one classifier of each image takes', default: 500, min: 0, max: 60_000 },
    atOnce: { about: 'images that are under way at the same time', default: 8, min: 1, max: 1_000 },
  },
  async run(runtime, { images: count, k, n, stragglerMs, atOnce }, stage) {
    if (k > n) throw new BadOption('k', k, `must be at most n, which is ${n}`);
    stage.expectInvocations(count * (n + 2));
    const models = await fitModels(n);
    const images = await Promise.all(Array.from({ length: count }, (_, i) => drawImage(fitted + i)));
    await runtime.addTrigger(app, opinions.on(redundant({ k, n, sources: [classifier] }), combine));

    const classified = await classifyAll(runtime, images, { models, stragglerMs, atOnce });

    const direct = await Promise.all(images.map((image, i) => classifyPlainly(image, classified[i]?.verdict.models ?? [], models)));
    const right = images.filter(({ label }, i) => mostProbable(classified[i]?.verdict.probabilities ?? new Float64Array()) === label);
    const accuracy = right.length / count;
    return {
      result: {
        images: count,
        classes: shapes.length,
        accuracy,
        answers: classified.reduce((sum, { verdict }) => sum + verdict.models.length, 0),
      },
      details: {
        mistakes: classified.filter(({ verdict }, i) => !isDeepStrictEqual(verdict.probabilities, direct[i])).length,
        isUseful: accuracy >= accuracyMin,
        stragglersHeard: classified.filter(({ verdict }, i) => verdict.models.includes(stragglerOf(i, models).name)).length,
        delay: delayOf([Float64Array.from(classified, ({ ms }) => ms)]),
      },
      expected: {
        answers: count * k,
        mistakes: 0,
        accuracy: images.filter(({ label }, i) => mostProbable(direct[i] ?? new Float64Array()) === label).length / count,
        // Of a few images nothing can be said.
        ...(count >= 50 ? { isUseful: true } : {}),
      },
      work: { unit: 'images', amount: count },
    };
  },
});

async function fitModels(n: number): Promise<readonly Model[]> {
  const drawn = await Promise.all(Array.from({ length: fitted }, (_, i) => drawImage(i)));
  const samples = await Promise.all(drawn.map(async ({ jpeg, label }) => ({ label, pixels: await resizeImage(jpeg) })));
  return featureNames.slice(0, n).map((name) => fit(name, samples));
}

interface Classified {
  readonly verdict: Verdict;
  readonly ms: number;
}

interface How {
  readonly models: readonly Model[];
  readonly stragglerMs: number;
  readonly atOnce: number;
}

/** A session for each image, so many at a time. */
async function classifyAll(runtime: Runtime, images: readonly LabelledImage[], how: How): Promise<readonly Classified[]> {
  const { models, stragglerMs, atOnce } = how;
  const classified: Classified[] = [];
  const left = images.entries();
  const work = async () => {
    for (const [i, { jpeg }] of left) {
      const orders = models.map((model) => ({ model: model.name, delayMs: model === stragglerOf(i, models) ? stragglerMs : 0 }));
      const entries = {
        models: models.map((model) => ({ key: model.name, value: model })),
        orders: [{ key: 'all', value: orders }],
        images: [{ value: jpeg }],
      };
      const startedMs = performance.now();
      const verdict = await runtime.call(app, entries);
      if (!verdict) throw new Error(`image ${i} has no verdict`);
      classified[i] = { verdict, ms: performance.now() - startedMs };
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return classified;
}

function stragglerOf(i: number, models: readonly Model[]): Model {
  const model = models[i % models.length];
  if (!model) throw new Error('there are no models');
  return model;
}

/** The same without the runtime: the average of those classifiers. */
async function classifyPlainly({ jpeg }: LabelledImage, names: readonly string[], models: readonly Model[]): Promise<Float64Array> {
  const pixels = await resizeImage(jpeg);
  return average(names.map((name) => models.filter((model) => model.name === name).map((model) => classify(model, pixels))).flat());
}

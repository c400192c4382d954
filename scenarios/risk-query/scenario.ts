/** Shows a query in real time: several shares of the data searched at once, counted, assessed, and answered within a millisecond or two. */
import { quantile } from '../quantile.ts';
import { randomFrom } from '../random.ts';
import { defineScenario } from '../scenario.ts';
import app, { type Answer, type Risk, shares } from './app.ts';
import { type Data, makeCases, nearbyRadius, type Place } from './cases.ts';

/** The severity from which on a risk is at least this one, the highest first. */
const levels: readonly (readonly [severityMin: number, risk: Risk])[] = [
  [200, 'high'],
  [50, 'medium'],
  [0, 'low'],
];

/** The first that an executor gets pay for its index. */
const warmingRounds = 10;

export default defineScenario({
  about: 'a query in real time: location filter, count, risk level (bySet)',
  app,
  options: {
    queries: { about: 'queries, a session each', default: 1_000, min: 1, max: 100_000 },
    cases: { about: 'cases in the data', default: 200_000, min: 1, max: 5_000_000 },
    open: { about: 'queries at a time', default: 4, min: 1, max: 1_000 },
    seed: { about: 'what the data is made from', default: 1, min: 0, max: 4_294_967_295 },
  },
  async run(runtime, { queries, cases, open, seed }, stage) {
    const warmingQueries = warmingRounds * open;
    stage.expectInvocations((warmingQueries + queries) * (shares + 2));
    const data = { seed, cases };
    const places = makePlaces(data, warmingQueries + queries);
    const ask = (place: Place) =>
      runtime.call(app, { queries: Array.from({ length: shares }, (_, share) => ({ key: String(share), value: { data, share, place } })) });
    const answers: (Answer | undefined)[] = [];
    const times: number[] = [];
    const left = places.entries();
    const lane = async () => {
      for (const [i, place] of left) {
        const startedMs = performance.now();
        answers[i] = await ask(place);
        if (i >= warmingQueries) times.push(performance.now() - startedMs);
      }
    };
    await Promise.all(Array.from({ length: open }, lane));

    const right = answerPlainly(data, places);
    const risks = { low: 0, medium: 0, high: 0 };
    for (const answer of answers.slice(warmingQueries)) if (answer) risks[answer.risk]++;
    return {
      result: { ...risks, medianMs: quantile(times, 0.5), p99Ms: quantile(times, 0.99) },
      details: { cases: answers.reduce((sum, answer) => sum + (answer?.cases ?? 0), 0), mistakes: mistakesOf(answers, right) },
      expected: { cases: right.reduce((sum, answer) => sum + answer.cases, 0), mistakes: 0 },
      work: { unit: 'queries', amount: queries },
    };
  },
});

/** Where people ask: where the cases are, or near by. */
function makePlaces(data: Data, count: number): Place[] {
  const random = randomFrom(data.seed + 1);
  const places: Place[] = [];
  for (const { x, y } of makeCases({ seed: data.seed, cases: count })) {
    places.push({ x: x + (random() - 0.5) * nearbyRadius, y: y + (random() - 0.5) * nearbyRadius });
  }
  return places;
}

/** Without index, shares or functions: the cases are sorted by x, and those that can be near are looked at. */
function answerPlainly(data: Data, places: readonly Place[]): Answer[] {
  const sorted = [...makeCases(data)].sort((a, b) => a.x - b.x);
  return places.map((place) => {
    const from = firstNotBelow(sorted, place.x - nearbyRadius);
    const near: number[] = [];
    for (let i = from; i < sorted.length; i++) {
      const item = sorted[i];
      if (!item || item.x > place.x + nearbyRadius) break;
      if ((item.x - place.x) ** 2 + (item.y - place.y) ** 2 <= nearbyRadius ** 2) near.push(item.weight);
    }
    const severity = near.reduce((sum, weight) => sum + weight, 0);
    return { cases: near.length, severity, risk: levels.find(([severityMin]) => severity >= severityMin)?.[1] ?? 'low' };
  });
}

/** By halving. */
function firstNotBelow(sorted: readonly Place[], x: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle]?.x ?? 0) < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

function mistakesOf(answers: readonly (Answer | undefined)[], right: readonly Answer[]): number {
  return right.filter((answer, i) => {
    const found = answers[i];
    return found?.cases !== answer.cases || found.severity !== answer.severity || found.risk !== answer.risk;
  }).length;
}

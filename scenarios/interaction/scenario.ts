/** Shows what each pattern of interaction costs from the client's call to its last answer, by the number of functions. */
import type { Runtime } from 'pheromone';
import { quantile } from '../quantile.ts';
import { defineScenario } from '../scenario.ts';
import app, { keysOf, widths } from './app.ts';

/** Calls a pattern of so many functions, each of which has a number from 1 on. Resolves with the sum of these. */
type Pattern = (runtime: Runtime, width: number) => Promise<number | undefined>;

const patterns: Readonly<Record<string, Pattern>> = {
  chain: (runtime, width) => runtime.call(app, 'links', { left: width, sum: 0 }),
  oneToMany: async (runtime, width) => {
    const numbers = await runtime.call(app, 'splits', width, { until: 'end' });
    return numbers.reduce((sum, number) => sum + number, 0);
  },
  manyToOne: (runtime, width) => runtime.call(app, { parts: keysOf(width).map((key, i) => ({ key, value: i + 1 })) }),
};

interface Cost {
  readonly pattern: string;
  readonly width: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** Until the code is compiled. */
const warmingRounds = 20;

export default defineScenario({
  about: 'the latency of chains, fan-out and fan-in of 2 to 16 functions',
  app,
  options: {
    rounds: { about: 'calls of each pattern and number of functions', default: 200, min: 1, max: 100_000 },
  },
  async run(runtime, { rounds }, stage) {
    const functions = widths.reduce((sum, width) => sum + width + (width + 1) * 2, 0);
    stage.expectInvocations((warmingRounds + rounds) * functions);
    const costs: Cost[] = [];
    let mistakes = 0;
    for (const [pattern, call] of Object.entries(patterns)) {
      for (const width of widths) {
        const times: number[] = [];
        for (let round = -warmingRounds; round < rounds; round++) {
          const startedMs = performance.now();
          const sum = await call(runtime, width);
          if (round >= 0) times.push(performance.now() - startedMs);
          if (sum !== (width * (width + 1)) / 2) mistakes++;
        }
        costs.push({ pattern, width, medianMs: quantile(times, 0.5), p99Ms: quantile(times, 0.99) });
      }
    }
    return {
      result: { patterns: Object.keys(patterns).length, calls: rounds * costs.length, costs },
      details: { mistakes },
      expected: { mistakes: 0 },
      work: { unit: 'calls', amount: rounds * costs.length },
      lines: costs.map(
        ({ pattern, width, medianMs, p99Ms }) =>
          `${pattern.padEnd(9)} of ${String(width).padStart(2)}: median ${medianMs} ms, p99 ${p99Ms} ms`,
      ),
    };
  },
});

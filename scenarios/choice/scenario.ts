/** Shows a branch per session, many sessions at a time. */
import { defineScenario } from '../scenario.ts';
import app, { type Verdict } from './app.ts';

/** What is to become of an order of an amount. */
type Kind = readonly [amount: number, verdict: Verdict];

const refusedKind: Kind = [-1, 'refused'];
const kinds: readonly Kind[] = [[15, 'approved'], [20_000, 'asked a human'], refusedKind];

export default defineScenario({
  about: 'a function chooses which one goes on (byName)',
  app,
  options: {
    orders: { about: 'orders, a session each', default: 300, min: 1, max: 100_000 },
  },
  async run(runtime, { orders }, stage) {
    stage.expectInvocations(2 * orders);
    const placed = Array.from({ length: orders }, (_, i) => kinds[i % kinds.length] ?? refusedKind);
    const verdicts = await Promise.all(placed.map(([amount]) => runtime.call(app, 'orders', { amount })));
    const counts = { approved: 0, 'asked a human': 0, refused: 0 };
    for (const verdict of verdicts) if (verdict) counts[verdict] += 1;
    const mistakes = verdicts.filter((verdict, i) => verdict !== placed[i]?.[1]).length;
    return { result: counts, details: { mistakes }, expected: { mistakes: 0 }, work: { unit: 'orders', amount: orders } };
  },
});

/** Shows a stream of records of several kinds under three queries at once: the bids of each window, converted, selected, and the highest. */
import { defineScenario, takeOutputs } from '../scenario.ts';
import { delayOf, Stream, streamOptions } from '../stream.ts';
import app, { partMs } from './app.ts';
import { type Answers, answerPlainly, putTogether } from './answers.ts';
import { eventAt } from './generator.ts';
import type { Part } from './queries.ts';

const queries = ['q1', 'q2', 'q7'] as const;

export default defineScenario({
  about: 'Nexmark q1, q2 and q7: bids in euros, selected bids, the highest bid of each 10 s (byTime)',
  app,
  options: streamOptions,
  async run(runtime, options, stage) {
    const stream = new Stream(options);
    const right = answerPlainly(stream.count, options.rate);
    const bids = total(right, 'bids');
    const selected = total(right, 'selected');
    stage.expectInvocations(stream.count + 2 * bids);

    const delays = new Map(queries.map((query) => [query, [] as Float64Array[]]));
    const took = ({ query, events }: Part) => {
      delays.get(query)?.push(stream.delaysMs(events));
      return events.length;
    };
    const outputs = takeOutputs(runtime.outputs(app), took, { total: 2 * bids + selected, quietMs: 60_000 });
    const makeEvent = (position: number) => ({ value: eventAt(position, options.rate) });
    await stream.produce((positions) => runtime.call(app, { events: positions.map(makeEvent) }, { until: 'end' }));
    await runtime.drain(app);
    const parts = await outputs;

    const found = Object.fromEntries(putTogether(parts));
    return {
      result: { events: stream.count, windows: right.size, bids, selected, parts: parts.length },
      details: {
        answers: found,
        distinct: queries.map((query) => new Set(parts.flatMap((part) => (part.query === query ? [...part.events] : []))).size),
        partMs,
        // From when an event was due to the part of the answer that has it. Most of it is the wait for the window's end.
        delay: Object.fromEntries([...delays].map(([query, of]) => [query, delayOf(of)])),
      },
      expected: { answers: Object.fromEntries(right), distinct: [bids, selected, bids] },
      work: { unit: 'events', amount: stream.count },
    };
  },
});

function total(answers: Answers, field: 'bids' | 'selected'): number {
  return [...answers.values()].reduce((sum, answer) => sum + answer[field], 0);
}

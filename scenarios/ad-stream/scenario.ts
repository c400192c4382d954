/** Shows windows over an endless stream: events arrive at a rate, in sessions of what came in 10 ms, and the parts are summed up. */
import { defineScenario, takeOutputs } from '../scenario.ts';
import { delayOf, Stream, streamOptions } from '../stream.ts';
import app, { type AdEvent, type PartialCounts, partMs, windowMs } from './app.ts';
import { ads, campaignOf } from './campaigns.ts';

const types = ['view', 'click', 'purchase'] as const;

export default defineScenario({
  about: 'the Yahoo streaming benchmark: views of campaigns in windows of 10 s (byTime)',
  app,
  options: streamOptions,
  async run(runtime, options, stage) {
    const stream = new Stream(options);
    const makeEvent = (id: number) => eventAt(id, stream.count);
    const right = countPlainly(stream.count, makeEvent);
    const views = [...right.values()].reduce((sum, hits) => sum + hits, 0);
    stage.expectInvocations(stream.count + views);

    const delays: Float64Array[] = [];
    const took = ({ ids }: PartialCounts) => {
      delays.push(stream.delaysMs(ids));
      return ids.length;
    };
    const outputs = takeOutputs(runtime.outputs(app), took, { total: views, quietMs: 60_000 });
    await stream.produce((ids) => runtime.call(app, { events: ids.map((id) => ({ value: makeEvent(id) })) }, { until: 'end' }));
    await runtime.drain(app);
    const parts = await outputs;

    const found = sumUp(parts);
    const mistakes = [...right].filter(([cell, hits]) => found.get(cell) !== hits).length;
    return {
      result: { views: parts.reduce((sum, { ids }) => sum + ids.length, 0), counts: found.size, parts: parts.length },
      // From when an event was due to the part of the answer that has it. Most of it is the wait for the window's end.
      details: { mistakes, distinct: new Set(parts.flatMap(({ ids }) => [...ids])).size, partMs, delay: delayOf(delays) },
      expected: { views, distinct: views, counts: right.size, mistakes: 0 },
      work: { unit: 'events', amount: stream.count },
    };
  },
});

const streamMs = 60_000;
const lateMsMax = 5_000;

/** The i-th event of a minute, up to 5 s late; always the same one. */
function eventAt(id: number, count: number): AdEvent {
  const random = Math.imul(id + 1, 0x9e3779b1) >>> 0;
  const timeMs = Math.floor((id / count) * streamMs) - (random % lateMsMax);
  return { id, ad: random % ads, type: types[random % types.length] ?? 'view', timeMs: lateMsMax + timeMs };
}

type Counts = ReadonlyMap<string, number>;

/** The parts together: views by window and campaign. */
function sumUp(parts: readonly PartialCounts[]): Counts {
  const sums = new Map<string, number>();
  for (const { window, counts } of parts) {
    for (const [campaign, hits] of counts) addTo(sums, window, campaign, hits);
  }
  return sums;
}

/** The same without the app. */
function countPlainly(count: number, makeEvent: (id: number) => AdEvent): Counts {
  const sums = new Map<string, number>();
  for (let id = 0; id < count; id++) {
    const { type, ad, timeMs } = makeEvent(id);
    if (type === 'view') addTo(sums, Math.floor(timeMs / windowMs), campaignOf.get(ad) ?? -1, 1);
  }
  return sums;
}

function addTo(sums: Map<string, number>, window: number, campaign: number, hits: number): void {
  const cell = `window ${window}, campaign ${campaign}`;
  sums.set(cell, (sums.get(cell) ?? 0) + hits);
}

/** Shows windows over an endless stream: events arrive at a rate, in sessions of what came in 10 ms, and the parts are summed up. */
import { setTimeout as sleep } from 'node:timers/promises';
import { defineScenario, takeOutputs } from '../scenario.ts';
import app, { type AdEvent, type PartialCounts, windowMs } from './app.ts';
import { ads, campaignOf } from './campaigns.ts';

const tickMs = 10;
const types = ['view', 'click', 'purchase'] as const;

export default defineScenario({
  about: 'the Yahoo streaming benchmark: views of campaigns in windows of 10 s (byTime)',
  app,
  options: {
    events: { about: 'events', default: 10_000, min: 1, max: 1_000_000 },
    rate: { about: 'events per second', default: 5_000, min: 1, max: 1_000_000 },
  },
  async run(runtime, { events: count, rate }, stage) {
    const events = Array.from({ length: count }, (_, i) => makeEvent(i, count));
    const views = events.filter(({ type }) => type === 'view');
    stage.expectInvocations(events.length + views.length);

    const outputs = takeOutputs(runtime.outputs(app), ({ hits }) => hits, { total: views.length, quietMs: 10_000 });
    await produce(events, rate, (tick) => runtime.call(app, { events: tick.map((value) => ({ value })) }, { until: 'end' }));
    await runtime.drain(app);
    const parts = await outputs;

    const found = sumUp(parts);
    const right = countPlainly(views);
    const mistakes = [...right].filter(([cell, hits]) => found.get(cell) !== hits).length;
    return {
      result: { views: parts.reduce((sum, { hits }) => sum + hits, 0), counts: found.size, parts: parts.length },
      details: { mistakes },
      expected: { views: views.length, counts: right.size, mistakes: 0 },
      work: { unit: 'events', amount: count },
    };
  },
});

const streamMs = 60_000;
const lateMsMax = 5_000;

/** The i-th event of a minute, up to 5 s late; always the same one. */
function makeEvent(i: number, count: number): AdEvent {
  const random = Math.imul(i + 1, 0x9e3779b1) >>> 0;
  const timeMs = Math.floor((i / count) * streamMs) - (random % lateMsMax);
  return { ad: random % ads, type: types[random % types.length] ?? 'view', timeMs: lateMsMax + timeMs };
}

/** Gives the events to `send` at a rate, a tick's together. Resolves when all that was sent is done. */
async function produce(events: readonly AdEvent[], rate: number, send: (tick: readonly AdEvent[]) => Promise<unknown>): Promise<void> {
  const startedMs = performance.now();
  const sent: Promise<unknown>[] = [];
  for (let next = 0; next < events.length; ) {
    await sleep(tickMs);
    const due = Math.ceil(((performance.now() - startedMs) / 1_000) * rate);
    const session = send(events.slice(next, due));
    // It is awaited below; until then its failure is nobody's.
    session.catch(() => {});
    sent.push(session);
    next = due;
  }
  await Promise.all(sent);
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
function countPlainly(views: readonly AdEvent[]): Counts {
  const sums = new Map<string, number>();
  for (const { ad, timeMs } of views) addTo(sums, Math.floor(timeMs / windowMs), campaignOf.get(ad) ?? -1, 1);
  return sums;
}

function addTo(sums: Map<string, number>, window: number, campaign: number, hits: number): void {
  const cell = `window ${window}, campaign ${campaign}`;
  sums.set(cell, (sums.get(cell) ?? 0) + hits);
}

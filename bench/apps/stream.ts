/** A stream of advertisements that were seen: which campaigns, how often, in windows. As the scenario `ad-stream`, with short windows. */
import { bucket, byTime, defineApp, fn, immediate, type } from 'pheromone';

export interface AdEvent {
  readonly ad: number;
  readonly kind: 'view' | 'click' | 'purchase';
  /** By the clock of who sends it. */
  readonly sentMs: number;
}

export interface Part {
  /** By campaign. */
  readonly counts: readonly number[];
  /** Of each event that is counted. */
  readonly sentMs: readonly number[];
}

export const windowMs = 100;
export const campaigns = 100;
export const zeros = () => Array.from({ length: campaigns }, () => 0);

// #region stream
const events = bucket('events', { value: type<AdEvent>() });
const views = bucket('views', { value: type<AdEvent>() });
const hits = bucket('hits', { value: type<{ campaign: number; sentMs: number }>() });
const filter = fn('filter', { input: events, sends: [views] }, ({ value }, ctx) => {
  if (value.kind === 'view') void ctx.send(views, { value });
});
const join = fn('join', { input: views, sends: [hits] }, ({ value: { ad, sentMs } }, ctx) => {
  void ctx.send(hits, { value: { campaign: ad % campaigns, sentMs } });
});
const count = fn('count', { inputs: hits, output: type<Part>() }, (inputs, ctx) => {
  const counts = zeros();
  for (const { value } of inputs) counts[value.campaign] = (counts[value.campaign] ?? 0) + 1;
  void ctx.output({ counts, sentMs: inputs.map(({ value }) => value.sentMs) });
});
export const stream = defineApp('stream', {
  module: import.meta.url,
  triggers: [events.on(immediate(), filter), views.on(immediate(), join), hits.on(byTime({ windowMs }), count)],
});
// #endregion

/**
 * An image is resized and shown to n classifiers; what the first k say is averaged, the others are aborted.
 *
 *     images ──immediate──► resize ──► views (one per classifier) ──immediate──► classify ──► opinions ──redundant──► average ──► output
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { bucket, defineApp, fn, immediate, type } from 'pheromone';
import { average, classify, type Model } from './classifiers.ts';
import { resizeImage } from './images.ts';

/** What a classifier is to do: its model is in `models`, under its name. */
export interface Order {
  readonly model: string;
  /** How much longer than it must it takes. */
  readonly delayMs: number;
}

export interface Verdict {
  /** Whose opinions were the first. */
  readonly models: readonly string[];
  readonly probabilities: Float64Array;
}

const images = bucket('images', { value: type<Uint8Array>() });
/** Under the name of its features. */
const models = bucket('models', { value: type<Model>() });
/** Under the key `all`. */
const orders = bucket('orders', { value: type<readonly Order[]>() });
const views = bucket('views', { value: type<Order & { readonly pixels: Uint8Array }>() });
export const opinions = bucket('opinions', { value: type<Float64Array>() });

const resize = fn('resize', { input: images, sends: [views] }, async ({ bytes }, ctx) => {
  const pixels = await resizeImage(bytes);
  const asked = await ctx.get(orders, 'all');
  for (const order of asked?.value ?? []) await ctx.send(views, { value: { ...order, pixels } });
});

/** A straggler waits, which takes no thread: an executor may wait for many. */
export const classifier = fn('classify', { input: views, sends: [opinions], concurrency: 100 }, async ({ value }, ctx) => {
  const { model: name, delayMs, pixels } = value;
  if (delayMs > 0) await sleep(delayMs, undefined, { signal: ctx.signal });
  const model = await ctx.get(models, name);
  if (!model) throw new Error(`there is no model ${name}`);
  await ctx.send(opinions, { key: name, value: classify(model.value, pixels) });
});

/** In the order of the names: which came first must not show in the last digits. */
export const combine = fn('average', { inputs: opinions, output: type<Verdict>() }, async (inputs, ctx) => {
  const sorted = [...inputs].sort((a, b) => (a.key < b.key ? -1 : 1));
  await ctx.output({ models: sorted.map(({ key }) => key), probabilities: average(sorted.map(({ value }) => value)) });
});

/** k and n are not known here: the trigger comes at run time. sharp has native code, so it stays a package. */
export default defineApp('ml-pipeline', {
  module: import.meta.url,
  triggers: [images.on(immediate(), resize), views.on(immediate(), classifier)],
  buckets: [models, orders],
  functions: [combine],
  external: ['sharp'],
});

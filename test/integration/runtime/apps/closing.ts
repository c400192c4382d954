/** For runtimes that close, or break. */
import { isMainThread } from 'node:worker_threads';
import { bucket, byBatchSize, defineApp, definePrimitive, fn, immediate, type } from 'pheromone';

const module = import.meta.url;
const numbers = { value: type<number>() };

const naps = bucket('naps', numbers);
const nap = fn('nap', { input: naps, output: type<number>(), concurrency: 100 }, async ({ value }, ctx) => {
  await new Promise((resolve) => setTimeout(resolve, value));
  void ctx.output(value);
});
const loops = bucket('loops', numbers);
const loop = fn('loop', { input: loops, output: type<number>() }, ({ value }) => {
  while (value > 0);
});
const held = bucket('held', numbers);
const batch = fn('batch', { inputs: held, output: type<number>() }, (inputs, ctx) => void ctx.output(inputs.length));
export const closingApp = defineApp('closing', {
  module,
  triggers: [naps.on(immediate(), nap), loops.on(immediate(), loop), held.on(byBatchSize({ count: 100 }), batch)],
});

/** Its primitive ends the node thread that evaluates it: nothing that a runtime could survive. */
const deadly = definePrimitive({
  kind: 'deadly',
  init: () => ({}),
  admit() {
    if (!isMainThread) process.exit(3);
    return [];
  },
  forget: () => [],
});
const poisoned = bucket('poisoned', numbers);
export const deadlyApp = defineApp('deadly', {
  module,
  triggers: [
    poisoned.on(
      deadly(),
      fn('never', { inputs: poisoned }, () => undefined),
    ),
  ],
});

/** Its primitive never returns, in the node thread. */
const endless = definePrimitive({
  kind: 'endless',
  init: () => ({}),
  admit() {
    while (!isMainThread);
    return [];
  },
  forget: () => [],
});
const swallowed = bucket('swallowed', numbers);
export const endlessApp = defineApp('endless', {
  module,
  triggers: [
    swallowed.on(
      endless(),
      fn('unreached', { inputs: swallowed }, () => undefined),
    ),
  ],
});

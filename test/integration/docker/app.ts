/** A chain whose steps take a while, so that it is under way when something happens to the cluster; its output is where it ended. */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { bucket, defineApp, fn, immediate, type } from 'pheromone';

export interface Walk {
  readonly left: number;
  readonly stepMs: number;
}

const walks = bucket('walks', { value: type<Walk>() });
const step = fn('step', { input: walks, sends: [walks], output: type<string>(), concurrency: 100 }, async ({ value }, ctx) => {
  await sleep(value.stepMs);
  if (value.left > 1) await ctx.send(walks, { value: { ...value, left: value.left - 1 } });
  else await ctx.output(hostname());
});

export const walkApp = defineApp('walk', { module: import.meta.url, triggers: [walks.on(immediate(), step)] });

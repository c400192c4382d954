/** Sessions of one no-op function, many open at once, from one client thread. */
import type { Runtime } from 'pheromone';
import { one } from '../apps/paths.ts';
import { inLanes, type Measure, timed } from '../measure.ts';
import { check, ours } from '../runtime.ts';

const sessions = 100_000;
const open = 1_024;
/** As many sessions again and again: until all of the code on their way is compiled. */
const warmUps = 3;

const inTurn = async (runtime: Runtime) => {
  const session = async (i: number) => check((await runtime.call(one, 'questions', i)) === i + 1, 'throughput');
  const tookMs = await timed(() => inLanes(sessions, open, session));
  return [sessions / (tookMs / 1_000)];
};

export const throughputMeasures: readonly Measure[] = [
  ours('throughput', 'sessions/s', one, { sessions, open, warmUps }, inTurn, async (runtime) => {
    for (let i = 0; i < warmUps; i++) await inTurn(runtime);
  }),
];

/** What a hop of a chain costs as the chain gets longer, and as more sessions are open that wait. It should not grow. */
import { type Runtime, startLocal } from 'pheromone';
import { chain } from '../apps/paths.ts';
import { waiting } from '../apps/waiting.ts';
import { inLanes, type Measure, timed, warmUp } from '../measure.ts';
import { check, executors } from '../runtime.ts';

const lengths = [10, 100, 1_000, 10_000];
const openSessions = [1, 100, 10_000];
const lengthBesideOpen = 1_000;
/** Of all calls of a sample: short chains are called the more often. */
const hopsPerSample = 20_000;
const warmUps = 500;

const point = (length: number, open: number): Measure => ({
  name: 'growth',
  system: 'pheromone',
  unit: 'µs/hop',
  settings: { executors, length, 'open sessions': open, warmUps },
  async prepare() {
    const runtime = await startLocal({ apps: [chain, waiting], executors });
    await inLanes(open, 1_024, (i) => runtime.start(waiting, 'requests', i));
    await warmUp(warmUps, () => runtime.call(chain, 'links', lengthBesideOpen));
    return { sample: () => sample(runtime, length, open), close: () => runtime.close() };
  },
});

async function sample(runtime: Runtime, length: number, open: number): Promise<number[]> {
  const call = (hops: number) => timed(async () => check((await runtime.call(chain, 'links', hops)) === 0, 'growth'));
  const values = [];
  for (let hops = 0; hops < hopsPerSample; hops += length) {
    // What a call costs by itself is in both.
    const oneMs = await call(1);
    values.push((1_000 * ((await call(length)) - oneMs)) / (length - 1));
  }
  check((await runtime.stats()).sessionsOpen === open, 'growth: open sessions');
  return values;
}

export const growthMeasures: readonly Measure[] = [
  ...lengths.map((length) => point(length, 0)),
  ...openSessions.map((open) => point(lengthBesideOpen, open)),
];

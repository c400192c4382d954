/**
 * What a hop of a chain costs as the chain gets longer, and as more sessions are open that wait. It should not grow.
 *
 * What the machine does to one of them for a moment must not look like growth: all points take turns within a round, as many hops each.
 */
import { type Runtime, startLocal } from 'pheromone';
import { timedChain } from '../apps/growth.ts';
import { waiting } from '../apps/waiting.ts';
import { inLanes, type Measure, warmUp } from '../measure.ts';
import { check, executors } from '../runtime.ts';

const lengths = [10, 100, 1_000, 10_000];
const openSessions = [1, 100, 10_000];
const lengthBesideOpen = 1_000;
/** In one turn, after as many that are not counted as an executor needs that has rested. */
const hopsPerTurn = 10_000;
const hopsAtRest = 10_000;
const turnsPerRound = 10;
const warmUps = 500;

interface Point {
  readonly length: number;
  readonly open: number;
}

const points: readonly Point[] = [
  ...lengths.map((length) => ({ length, open: 0 })),
  ...openSessions.map((open) => ({ length: lengthBesideOpen, open })),
];

/** By how many sessions are open there. */
const runtimes = new Map<number, Promise<Runtime>>();
/** What a round has given for each point, until it is asked for. */
let values = new Map<Point, number[]>();

async function start(open: number): Promise<Runtime> {
  const runtime = await startLocal({ apps: [timedChain, waiting], executors });
  await inLanes(open, 1_024, (i) => runtime.start(waiting, 'requests', i));
  await warmUp(warmUps, () => runtime.call(timedChain, 'lengths', lengthBesideOpen));
  return runtime;
}

/** µs per hop of each call. */
async function takeTurn(runtime: Runtime, { length }: Point): Promise<number[]> {
  const values = [];
  for (let hops = -hopsAtRest; hops < hopsPerTurn; hops += length) {
    const tookMs = (await runtime.call(timedChain, 'lengths', length)) ?? null;
    // One that the node has taken elsewhere tells nothing.
    if (hops >= 0 && tookMs !== null) values.push((1_000 * tookMs) / length);
  }
  return values;
}

async function sampleAll(): Promise<Map<Point, number[]>> {
  const taken = new Map(points.map((point) => [point, [] as number[]]));
  for (let turn = 0; turn < turnsPerRound; turn++) {
    for (const point of turn % 2 === 0 ? points : points.toReversed()) {
      const runtime = await runtimes.get(point.open);
      if (runtime) taken.get(point)?.push(...(await takeTurn(runtime, point)));
    }
  }
  for (const [open, runtime] of runtimes) check((await (await runtime).stats()).sessionsOpen === open, 'growth: open sessions');
  return taken;
}

const measureOf = (point: Point): Measure => ({
  name: 'growth',
  system: 'pheromone',
  unit: 'µs/hop',
  settings: { executors, length: point.length, 'open sessions': point.open, turns: `of ${hopsPerTurn} hops`, warmUps },
  async prepare() {
    const { open } = point;
    if (!runtimes.has(open)) runtimes.set(open, start(open));
    await runtimes.get(open);
    return {
      async sample() {
        if (!values.has(point)) values = await sampleAll();
        const own = values.get(point) ?? [];
        values.delete(point);
        return own;
      },
      async close() {
        const runtime = runtimes.get(open);
        runtimes.delete(open);
        await (await runtime)?.close();
      },
    };
  },
});

export const growthMeasures: readonly Measure[] = points.map(measureOf);

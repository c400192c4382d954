/**
 * What a hop of a chain costs as the chain gets longer, and as more sessions are open that wait. It should not grow.
 *
 * What the machine, or the compiler, does to one of them must not look like growth: all points are taken in one runtime, in turn, as many
 * hops each.
 */
import { type Runtime, startLocal } from 'pheromone';
import { timedChain } from '../apps/growth.ts';
import { waiting } from '../apps/waiting.ts';
import { inLanes, type Measure, warmUp, whenQuiet } from '../measure.ts';
import { check, executors } from '../runtime.ts';

const lengths = [10, 100, 1_000, 10_000];
const openSessions = [1, 100, 10_000];
const lengthBesideOpen = 1_000;
const hopsPerTurn = 10_000;
/** Not counted: an executor that has rested is slower for some milliseconds. */
const hopsBefore = 15_000;
/** Of each point, in turn with those that have as many sessions open. */
const turnsPerCycle = 4;
const cyclesPerRound = 3;
/** In which the waiting sessions are opened and answered. */
const lanes = 256;
const warmUps = 500;

interface Point {
  readonly length: number;
  readonly open: number;
}

const points: readonly Point[] = [
  ...lengths.map((length) => ({ length, open: 0 })),
  ...openSessions.map((open) => ({ length: lengthBesideOpen, open })),
];

/** The runtime in which all points are taken, from the first that is prepared until the last is closed. */
let shared: { readonly runtime: Promise<Runtime>; users: number } | null = null;
/** What a round has given for each point, until it is asked for. */
let values = new Map<Point, number[]>();

async function start(): Promise<Runtime> {
  const runtime = await startLocal({ apps: [timedChain, waiting], executors });
  await warmUp(warmUps, () => runtime.call(timedChain, 'lengths', lengthBesideOpen));
  await cycle(runtime, () => undefined);
  return runtime;
}

/** µs per hop of each call. */
async function takeTurn(runtime: Runtime, length: number): Promise<number[]> {
  const values = [];
  for (let hops = -hopsBefore; hops < hopsPerTurn; hops += length) {
    const tookMs = (await runtime.call(timedChain, 'lengths', length)) ?? null;
    // One that the node has taken elsewhere tells nothing.
    if (hops >= 0 && tookMs !== null) values.push((1_000 * tookMs) / length);
  }
  return values;
}

/** Turns of all points, while more and more sessions are open; none is open afterwards. */
async function cycle(runtime: Runtime, take: (point: Point, values: readonly number[]) => void): Promise<void> {
  const open: { answer(value: number): Promise<void> }[] = [];
  const openOne = async (i: number) => {
    const session = await runtime.start(waiting, 'requests', i);
    open.push({
      async answer(value) {
        await session.put('answers', { value });
        check((await session.result()) === value, 'growth: answer');
      },
    });
  };
  for (const wanted of [0, ...openSessions]) {
    await inLanes(wanted - open.length, lanes, openOne);
    await whenQuiet();
    const these = points.filter((point) => point.open === wanted);
    for (let turn = 0; turn < turnsPerCycle; turn++) for (const point of these) take(point, await takeTurn(runtime, point.length));
    check((await runtime.stats()).sessionsOpen === wanted, 'growth: open sessions');
  }
  await inLanes(open.length, lanes, async (i) => open[i]?.answer(i));
}

async function sampleAll(runtime: Runtime): Promise<Map<Point, number[]>> {
  const taken = new Map(points.map((point) => [point, [] as number[]]));
  for (let i = 0; i < cyclesPerRound; i++) await cycle(runtime, (point, values) => void taken.get(point)?.push(...values));
  return taken;
}

const measureOf = (point: Point): Measure => ({
  name: 'growth',
  system: 'pheromone',
  unit: 'µs/hop',
  settings: { executors, length: point.length, 'open sessions': point.open, turns: `of ${hopsPerTurn} hops`, warmUps },
  async prepare() {
    shared ??= { runtime: start(), users: 0 };
    const mine = shared;
    mine.users++;
    const runtime = await mine.runtime;
    return {
      async sample() {
        if (!values.has(point)) values = await sampleAll(runtime);
        const own = values.get(point) ?? [];
        values.delete(point);
        return own;
      },
      async close() {
        if (--mine.users > 0) return;
        shared = null;
        await runtime.close();
      },
    };
  },
});

export const growthMeasures: readonly Measure[] = points.map(measureOf);

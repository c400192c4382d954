/**
 * Shows that what it takes to hand an object over on one worker does not grow with its size, and what the way to another worker costs.
 * Times are those of the machine's clock: all workers have to be on one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterNode, Runtime } from 'pheromone';
import { quantile } from '../quantile.ts';
import { defineScenario } from '../scenario.ts';
import app, { type Exchange, type Job, type Place } from './app.ts';
import { checksumOf, fillPattern } from './pattern.ts';

const allSizes = [10, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
/** Of one size and place; at least one object goes all the same. */
const roundsBytesMax = 500_000_000;
/** Of an object that went another way than it should, each after a longer pause: at first, executors may still be starting. */
const triesMax = 10;
const pauseMs = 50;

interface Cost {
  readonly place: Place;
  readonly sizeBytes: number;
  readonly medianMs: number;
  readonly exchanges: number;
}

export default defineScenario({
  about: 'objects of 10 B to 100 MB handed over: in an executor, between executors, between workers',
  app,
  options: {
    rounds: { about: 'hand-overs of each size to each place; fewer of the largest', default: 10, min: 1, max: 10_000 },
    largest: { about: 'the largest size in bytes', default: 100_000_000, min: 10, max: 100_000_000 },
  },
  async run(runtime, { rounds, largest }, stage) {
    const { nodes } = await runtime.clusterStatus();
    const { places, sizes, leftOut, guards } = planFor(
      nodes.filter(({ role }) => role === 'worker'),
      largest,
    );
    const planned = sizes.flatMap((sizeBytes) => {
      const roundsHere = Math.min(rounds, Math.ceil(roundsBytesMax / sizeBytes));
      return places.map((place) => ({ place, sizeBytes, rounds: roundsHere, guards: place === 'other worker' ? guards : 0 }));
    });
    stage.expectInvocations(planned.reduce((sum, plan) => sum + plan.rounds * (2 + plan.guards), 0));

    const costs: Cost[] = [];
    const found = { exchanges: 0, mistakes: 0, astray: 0 };
    for (const { rounds: roundsHere, ...job } of planned) {
      const times: number[] = [];
      for (let round = 0; round < roundsHere; round++) {
        const exchanges = await exchangeUntilRight(runtime, { ...job, seed: found.exchanges });
        found.exchanges += exchanges.length;
        found.mistakes += exchanges.filter(({ isWhole }) => !isWhole).length;
        const last = exchanges.at(-1);
        if (last?.place === job.place) times.push(last.ms);
        else found.astray++;
      }
      costs.push({ place: job.place, sizeBytes: job.sizeBytes, medianMs: quantile(times, 0.5), exchanges: times.length });
    }
    return {
      result: { ...found, costs, leftOut },
      expected: { mistakes: 0, astray: 0 },
      work: { unit: 'exchanges', amount: found.exchanges },
      lines: [...costs.map(lineOf), ...leftOut.map((why) => `left out: ${why}`)],
    };
  },
});

interface Plan {
  readonly places: readonly Place[];
  readonly sizes: readonly number[];
  /** What cannot be done here, and why. */
  readonly leftOut: readonly string[];
  /** That an object is sent to another worker takes so many busy executors beside the producer's. */
  readonly guards: number;
}

function planFor(workers: readonly ClusterNode[], largest: number): Plan {
  const executorsMin = Math.min(...workers.map(({ executors }) => executors));
  const executorsMax = Math.max(...workers.map(({ executors }) => executors));
  // The store holds the object twice while it is on its way, and what was there before until it is given back.
  const roomBytes = Math.min(...workers.map(({ storeSizeBytes }) => storeSizeBytes)) / 4;
  const places: Place[] = ['same executor'];
  const leftOut: string[] = [];
  if (executorsMin > 1) places.push('other executor');
  else leftOut.push('other executor: a worker has only one');
  if (workers.length > 1) places.push('other worker');
  else leftOut.push('other worker: there is only one');
  const wanted = allSizes.filter((sizeBytes) => sizeBytes <= largest);
  const sizes = wanted.filter((sizeBytes) => sizeBytes <= roomBytes);
  for (const sizeBytes of wanted.slice(sizes.length)) leftOut.push(`${sizeBytes} bytes: more than a quarter of a worker's store`);
  return { places, sizes, leftOut, guards: executorsMax - 1 };
}

interface Checked extends Exchange {
  readonly isWhole: boolean;
}

/** Where a consumer runs is up to who is free: it may take more than one. */
async function exchangeUntilRight(runtime: Runtime, job: Job): Promise<Checked[]> {
  const exchanges = [await exchangeOnce(runtime, job)];
  while (exchanges.length < triesMax && exchanges.at(-1)?.place !== job.place) {
    await sleep(exchanges.length * pauseMs);
    exchanges.push(await exchangeOnce(runtime, job));
  }
  return exchanges;
}

async function exchangeOnce(runtime: Runtime, job: Job): Promise<Checked> {
  const entries = { jobs: [{ value: job }], guards: Array.from({ length: job.guards }, () => ({ value: null })) };
  // Those that keep executors busy must have ended before the next one begins.
  const keepsBusy = job.place === 'other worker';
  const exchange = keepsBusy ? (await runtime.call(app, entries, { until: 'end' }))[0] : await runtime.call(app, entries);
  if (!exchange) throw new Error(`nothing came of ${JSON.stringify(job)}`);
  const object = new Uint8Array(job.sizeBytes);
  fillPattern(object, job.seed);
  return { ...exchange, isWhole: exchange.sizeBytes === job.sizeBytes && exchange.checksum === checksumOf(object) };
}

function lineOf({ place, sizeBytes, medianMs, exchanges }: Cost): string {
  return `${sizeBytes.toLocaleString('en').padStart(11)} bytes to ${place.padEnd(14)}: median ${medianMs} ms of ${exchanges}`;
}

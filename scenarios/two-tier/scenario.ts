/** Shows what is done where: on the worker where it began as long as that can be, else on another, and near the data. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Runtime, WorkerStats } from 'pheromone';
import { defineScenario } from '../scenario.ts';
import app, { type Task } from './app.ts';

const longMs = 150;
const triesMax = 5;

export default defineScenario({
  about: 'local first: what a chain, a crowd and a reduction cost in messages between workers',
  app,
  options: {
    length: { about: 'steps of the chain', default: 100, min: 2, max: 100_000 },
    crowd: { about: 'functions that are to run at the same time', default: 12, min: 2, max: 1_000 },
    megabytes: { about: 'what the largest of the objects that are reduced has', default: 4, min: 1, max: 64 },
  },
  async run(runtime, { length, crowd, megabytes }) {
    const workers = (await runtime.clusterStatus()).nodes.filter(({ role }) => role === 'worker');
    const isCluster = workers.length > 1;
    const chain = async (links: number) => (await runtime.call(app, 'links', { position: 0, length: links })) ?? 0;
    const reduced = async (tasks: readonly Task[]) => (await runtime.call(app, 'plans', tasks)) ?? 0;
    // The first session of an app pays for what is there from then on.
    await chain(1);

    const steps = await messagesOfSteps(runtime, chain, length);
    const crowded = await countedOf(runtime, () => reduced(Array.from({ length: crowd }, () => ({ ms: longMs, bytes: 1 }))));
    // The first keep the executors of their home busy; what is large waits behind them, and is made elsewhere.
    const large = megabytes * 2 ** 20;
    const small: Task[] = Array.from({ length: crowd }, () => ({ ms: longMs, bytes: 1 }));
    const { executors = 1 } = workers[0] ?? {};
    const skewed = [...small.slice(0, executors), { ms: 0, bytes: large }, ...small.slice(executors)];
    const isNear = ({ invocationsPlacedNear, bytesFetched }: Counted) => invocationsPlacedNear > 0 || bytesFetched < large;
    let near = await countedOf(runtime, () => reduced(skewed));
    // Where the large object was made all may be busy when the last of the others is there: then the reduction is not for that worker.
    for (let tries = 1; tries < triesMax && !isNear(near); tries++) near = await countedOf(runtime, () => reduced(skewed));

    const result = {
      steps: steps.answer,
      crowd: crowded.answer,
      bytes: near.answer,
      messagesOfSteps: steps.messages,
      isForwarded: crowded.invocationsForwarded > 0,
      isReducedNear: isNear(near),
    };
    const details = { forwarded: crowded.invocationsForwarded, placedNear: near.invocationsPlacedNear, bytesFetched: near.bytesFetched };
    const expected = {
      steps: length,
      crowd,
      bytes: crowd + large,
      messagesOfSteps: 0,
      isForwarded: isCluster,
      isReducedNear: true,
    };
    return { result, expected, details };
  },
});

/**
 * What a long chain costs more than one of a single step: of a session as such there are some messages, whatever it does. The least of a
 * few tries counts: the claim is about the design, and a worker that the system holds up brings its solo session home, which it tells
 * the client.
 */
async function messagesOfSteps(runtime: Runtime, chain: (links: number) => Promise<number>, length: number) {
  let short = Number.POSITIVE_INFINITY;
  let long = Number.POSITIVE_INFINITY;
  let answer = 0;
  for (let tries = 0; tries < triesMax && (tries === 0 || long !== short); tries++) {
    short = Math.min(short, (await countedOf(runtime, () => chain(1))).messagesSent);
    const counted = await countedOf(runtime, () => chain(length));
    long = Math.min(long, counted.messagesSent);
    answer = counted.answer;
  }
  return { answer, messages: long - short };
}

type Counted = WorkerStats & { readonly answer: number };

/** What the runtime has done for it. */
async function countedOf(runtime: Runtime, work: () => Promise<number>): Promise<Counted> {
  const before = await settled(runtime);
  const answer = await work();
  const after = await settled(runtime);
  const fields = Object.keys(after) as (keyof WorkerStats)[];
  const done = Object.fromEntries(fields.map((field) => [field, after[field] - before[field]])) as unknown as WorkerStats;
  return { ...done, answer };
}

/** When nothing is under way any more. */
async function settled(runtime: Runtime): Promise<WorkerStats> {
  let stats = await runtime.stats();
  for (let round = 0; round < 100; round++) {
    await sleep(20);
    const before = stats;
    stats = await runtime.stats();
    if (stats.sessionsOpen === 0 && stats.messagesSent === before.messagesSent && stats.objects === before.objects) break;
  }
  return stats;
}

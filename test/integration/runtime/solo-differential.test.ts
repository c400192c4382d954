/** Random programs come to the same, whether their sessions may run solo or not. */
import test, { type ExecutionContext } from 'ava';
import type { Runtime, SessionHistory } from 'pheromone';
import { makeProgram } from './apps/solo-program.ts';
import { programApps, type Result, stepOf } from './apps/solo-programs.ts';
import { historyOf } from './solo-history.ts';
import { assertEmpty, eventually, startForTest } from './started.ts';

interface Outcome {
  readonly told: string;
  readonly history: SessionHistory;
}

const firstSeed = Number(process.env['SOLO_SEED'] ?? 1);

async function start(soloSessionsMax: number): Promise<Runtime> {
  return startForTest({ apps: programApps, soloSessionsMax });
}

async function call(runtime: Runtime, seed: number): Promise<Result> {
  const app = programApps[seed % programApps.length]!;
  const { bucket, key } = makeProgram(seed)[0]!;
  const result = await runtime.call(app, { [bucket]: [{ key: key ?? 'root', value: stepOf(seed, 0) }] });
  if (!result) throw new Error(`program ${seed} gave no output`);
  return result;
}

/** Their sessions end some time after their outputs. */
async function outcomesOf(t: ExecutionContext, runtime: Runtime, seeds: readonly number[], results: readonly Result[]) {
  await eventually(t, 'all sessions have ended', async () => {
    const { sessionsOpened, sessionsOpen } = await runtime.stats();
    return sessionsOpened - sessionsOpen === seeds.length;
  });
  const outcomes = new Map<number, Outcome>();
  for (const [i, seed] of seeds.entries()) {
    const { session, told } = results[i]!;
    outcomes.set(seed, { told, history: await historyOf(t, runtime, session) });
  }
  await assertEmpty(t, runtime);
  const { sessionsOpened, invocations, objects, objectBytes } = await runtime.stats();
  return { outcomes, totals: { sessionsOpened, invocations, objects, objectBytes } };
}

async function runInTurn(t: ExecutionContext, runtime: Runtime, seeds: readonly number[]) {
  const results: Result[] = [];
  for (const seed of seeds) results.push(await call(runtime, seed));
  return { ...(await outcomesOf(t, runtime, seeds, results)), solo: results.filter(({ solo }) => solo).length };
}

async function runAtOnce(t: ExecutionContext, runtime: Runtime, seeds: readonly number[]) {
  const results = await Promise.all(seeds.map((seed) => call(runtime, seed)));
  return { ...(await outcomesOf(t, runtime, seeds, results)), solo: results.filter(({ solo }) => solo).length };
}

for (const { name, run, count, from } of [
  { name: 'one after the other', run: runInTurn, count: 96, from: firstSeed },
  { name: 'at once', run: runAtOnce, count: 64, from: firstSeed + 1_000 },
]) {
  test.serial(`random programs, ${name}, have the same outputs and histories solo and not`, async (t) => {
    t.timeout(60_000);
    const seeds = Array.from({ length: count }, (_, i) => from + i);
    await using solo = await start(1_024);
    const withSolo = await run(t, solo, seeds);
    await solo.close();
    await using long = await start(0);
    const without = await run(t, long, seeds);
    for (const seed of seeds) t.deepEqual(withSolo.outcomes.get(seed), without.outcomes.get(seed), `program ${seed}`);
    t.deepEqual(withSolo.totals, without.totals);
    t.log(`${withSolo.solo} of ${count} gave their output solo`);
    t.is(without.solo, 0);
    // At once they hardly do: a session that waits for its turn is brought home after a moment.
    if (run === runInTurn) t.true(withSolo.solo > count / 10);
  });
}

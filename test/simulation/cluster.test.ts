/**
 * Random apps, users and faults over a cluster's actors, by seed. `npm test` runs 200 of them; `SEEDS=1-5000` runs others, and `SEED=42`
 * prints what happens in one, message by message.
 */
import test from 'ava';
import { ClusterWorld } from './cluster/world.ts';

const [firstSeed = 1, lastSeed = 200] = (process.env.SEED ?? process.env.SEEDS ?? '1-200').split('-').map(Number);
const seedMax = process.env.SEED ? firstSeed : lastSeed;

async function run(seed: number): Promise<ClusterWorld> {
  const keepTranscript = process.env.SEED !== undefined;
  const world = new ClusterWorld({ seed, keepTranscript });
  try {
    await world.run();
    return world;
  } catch (error) {
    const replay = `SEED=${seed} npx ava test/simulation/cluster.test.ts`;
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}\nreplay it with: ${replay}`, { cause: error });
  } finally {
    if (keepTranscript) process.stdout.write(`${world.transcript.lines.join('\n')}\n`);
  }
}

test('simulated cluster: whatever fails on the way, no invariant breaks, and all ends once it heals', async (t) => {
  t.timeout(600_000);
  const seen = { sessions: 0, compared: 0, forwarded: 0, placedNear: 0, lodged: 0, fetched: 0 };
  for (let seed = firstSeed; seed <= seedMax; seed++) {
    const world = await run(seed);
    for (const worker of world.workers) {
      const { invocationsForwarded, invocationsPlacedNear, invocationsLodged, objectsFetched, sessionsOpened } = worker.stats();
      seen.sessions += sessionsOpened;
      seen.forwarded += invocationsForwarded;
      seen.placedNear += invocationsPlacedNear;
      seen.lodged += invocationsLodged;
      seen.fetched += objectsFetched;
    }
    seen.compared += world.checkers.reference.compared;
  }
  if (seedMax - firstSeed < 99) return t.pass();
  // A world in which nothing happens breaks nothing.
  t.log(seen);
  t.true(
    seen.sessions > 1_000 && seen.compared > 100 && seen.forwarded > 500 && seen.placedNear > 50 && seen.lodged > 500 && seen.fetched > 500,
    JSON.stringify(seen),
  );
});

test('simulated cluster: the same seed gives the same trace, and another seed another', async (t) => {
  const [first, again, other] = [await run(7), await run(7), await run(8)];
  t.is(first.transcript.hash, again.transcript.hash);
  t.not(first.transcript.hash, other.transcript.hash);
});

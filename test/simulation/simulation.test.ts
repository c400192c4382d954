/**
 * Random apps, users and faults, by seed. `npm test` runs 100 of them; `SEEDS=1-5000` runs others, and `SEED=42` prints what
 * happens in one, message by message.
 */
import test from 'ava';
import { allCheckers } from './checkers/index.ts';
import { Reference } from './checkers/reference.ts';
import type { ActorDefinition } from '../../src/cluster/host.ts';
import type { WorldEvent } from './events.ts';
import { Transcript } from './transcript.ts';
import { externalScript } from './external-script.ts';
import { Random } from './random.ts';
import { type WorldOptions, World } from './world.ts';

const [firstSeed = 1, lastSeed = 100] = (process.env.SEED ?? process.env.SEEDS ?? '1-100').split('-').map(Number);
const seedMax = process.env.SEED ? firstSeed : lastSeed;

async function run(seed: number, options: Partial<WorldOptions> = {}): Promise<World> {
  const keepTranscript = process.env.SEED !== undefined;
  const world = new World({ seed, checkers: allCheckers(), keepTranscript, ...options });
  try {
    await world.run();
    return world;
  } catch (error) {
    const replay = `SEED=${seed} npx ava test/simulation/simulation.test.ts`;
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}\nreplay it with: ${replay}`, { cause: error });
  } finally {
    if (keepTranscript) process.stdout.write(`${world.transcript.lines.join('\n')}\n`);
  }
}

test('simulation: whatever fails on the way, no invariant breaks, and all ends once it heals', async (t) => {
  t.timeout(600_000);
  const seen = { sessions: 0, solo: 0, adopted: 0, resumed: 0, attemptsLost: 0, linked: 0, compared: 0 };
  for (let seed = firstSeed; seed <= seedMax; seed++) {
    const reference = new Reference();
    const counter = {
      name: 'counter',
      see(event: Parameters<Reference['see']>[0]) {
        if (event.kind === 'soloCalled') seen.solo++;
        if (event.kind !== 'handled') return;
        if (event.message.kind === 'adoptSession') seen.adopted++;
        if (event.message.kind === 'soloAdopted') seen.resumed++;
        if (event.message.kind === 'startSession') {
          seen.sessions++;
          if (event.message.firing) seen.linked++;
        }
        if (event.message.kind === 'attemptEnded' && event.message.outcome.kind === 'lost') seen.attemptsLost++;
      },
    };
    await run(seed, { checkers: [...allCheckers(), reference, counter] });
    seen.compared += reference.compared;
  }
  if (seedMax - firstSeed < 99) return t.pass();
  // A world in which nothing happens breaks nothing.
  t.log(seen);
  t.true(
    seen.sessions > 1_000 &&
      seen.attemptsLost > 20 &&
      seen.linked > 20 &&
      seen.compared > 100 &&
      seen.solo > 100 &&
      seen.adopted > 50 &&
      seen.resumed > 20,
    JSON.stringify(seen),
  );
});

/** All that happens, but for the words that make sessions sleep. */
async function happened(seed: number, sleeps: boolean): Promise<{ readonly hash: string; readonly slept: number; readonly woken: number }> {
  const transcript = new Transcript(0, false);
  let [slept, woken] = [0, 0];
  const listener = {
    name: 'listener',
    see(event: WorldEvent, { clock, scheduler }: World) {
      if (event.kind === 'handled' && event.message.kind === 'putIntoSession' && scheduler.asleep.has(event.message.session)) woken++;
      if (event.kind === 'handled' && event.message.kind === 'restSession') slept++;
      else transcript.take(event, clock.nowMs);
    },
  };
  const mutate = (_: string, definition: ActorDefinition<unknown>) => {
    const state = definition.state as { packing?: unknown };
    if (!sleeps && state.packing) state.packing = null;
    return definition;
  };
  await run(seed, { checkers: [...allCheckers(), listener], mutate, script: externalScript(new Random(seed)) });
  return { hash: transcript.hash, slept, woken };
}

test('simulation: whether sessions that wait for the outside sleep makes no difference', async (t) => {
  t.timeout(600_000);
  let [slept, woken] = [0, 0];
  for (let seed = firstSeed; seed <= Math.min(seedMax, firstSeed + 39); seed++) {
    const [asleep, awake] = [await happened(seed, true), await happened(seed, false)];
    t.is(asleep.hash, awake.hash, `seed ${seed}`);
    t.is(awake.slept, 0);
    slept += asleep.slept;
    woken += asleep.woken;
  }
  t.log({ slept, woken });
  if (seedMax - firstSeed >= 39) t.true(slept > 100 && woken > 50, `${slept} slept, ${woken} were woken`);
});

test('simulation: the same seed gives the same trace, and another seed another', async (t) => {
  const [first, again, other] = [await run(7), await run(7), await run(8)];
  t.is(first.transcript.hash, again.transcript.hash);
  t.not(first.transcript.hash, other.transcript.hash);
});

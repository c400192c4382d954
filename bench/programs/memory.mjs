/**
 * `memory.mjs finished FROM TO`: the bytes by which this process grows between so many finished sessions and so many.
 * `memory.mjs open COUNT`: the bytes by which it grows when so many sessions are opened that wait for an answer from outside.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { startLocal } from 'pheromone';
import { one, waiting } from './app.mjs';

const [what, count, to] = process.argv.slice(2);
const atOnce = 1_024;
const warmUp = 1_000;
/** An idle thread gives memory back after some seconds. */
const restMs = 12_000;

// Not from the start, as nobody runs programs so.
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

const runtime = await startLocal({ apps: [one, waiting], executors: 2, sessionsOpenMax: 1_000_000 });
const growth = what === 'finished' ? await ofFinished(Number(count), Number(to)) : await ofOpen(Number(count));
process.stdout.write(JSON.stringify({ growth }));
await runtime.close();

/**
 * @param {number} from
 * @param {number} to
 */
async function ofFinished(from, to) {
  const session = async (/** @type {number} */ i) => check((await runtime.call(one, 'questions', i)) === i + 1);
  await inLanes(0, from, session);
  const before = await restingBytes();
  await inLanes(from, to, session);
  return (await restingBytes()) - before;
}

/** @param {number} count */
async function ofOpen(count) {
  const sessions = [];
  await open(warmUp, sessions);
  const before = await restingBytes();
  await open(count, sessions);
  const growth = (await restingBytes()) - before;
  check((await runtime.stats()).sessionsOpen === warmUp + count);
  // They are not only counted: some get their answers.
  for (const session of [...sessions.slice(0, 10), ...sessions.slice(-10)]) {
    await session.put('answers', { value: 7 });
    check((await session.result()) === 7);
  }
  return growth;
}

/**
 * Resolves when their functions have run too.
 * @param {number} count
 * @param {unknown[]} sessions
 */
async function open(count, sessions) {
  const { invocations } = await runtime.stats();
  await inLanes(0, count, async (i) => {
    sessions.push(await runtime.start(waiting, 'requests', i));
  });
  for (;;) {
    const stats = await runtime.stats();
    if (stats.invocations === invocations + count && stats.invocationsQueued === 0) return;
    await sleep(100);
  }
}

/**
 * At most `atOnce` of them are under way.
 * @param {number} from
 * @param {number} to
 * @param {(i: number) => Promise<unknown>} work
 */
async function inLanes(from, to, work) {
  let next = from;
  const lane = async () => {
    while (next < to) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

/**
 * Resident bytes when they have come to rest; what is garbage in this thread has been collected: twice, since V8 makes its young
 * generation smaller only when it has seen that little is allocated. The median of several reads.
 */
async function restingBytes() {
  collectGarbage();
  await sleep(restMs);
  collectGarbage();
  const reads = [];
  for (let i = 0; i < 9; i++) {
    await sleep(200);
    reads.push(process.memoryUsage.rss());
  }
  return Number(reads.sort((a, b) => a - b)[4]);
}

/** @param {boolean} isRight */
function check(isRight) {
  if (!isRight) throw new Error('wrong result');
}

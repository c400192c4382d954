import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { build } from 'esbuild';
import { IdleCollector } from '../../../src/cluster/idle-collect.ts';

const heapBytes = () => getHeapStatistics().total_heap_size;

/** Old enough that only a full collection finds it. */
function makeGarbage(): void {
  let kept: object[] = [];
  for (let i = 0; i < 1_500_000; i++) kept.push({ i });
  kept = [];
}

test.serial('idle: garbage of a burst goes when nothing has happened for a while', async (t) => {
  const collector = new IdleCollector(1_000);
  makeGarbage();
  const before = heapBytes();
  collector.noteWork();
  const untilMs = performance.now() + 30_000;
  while (heapBytes() > before / 2 && performance.now() < untilMs) await sleep(100);
  t.true(heapBytes() < before / 2);
  collector.stop();
});

test.serial('idle: work puts it off', async (t) => {
  const collector = new IdleCollector(200);
  makeGarbage();
  const before = heapBytes();
  for (let i = 0; i < 20; i++) {
    collector.noteWork();
    await sleep(75);
  }
  t.true(heapBytes() > before / 2);
  collector.stop();
});

test.serial('idle: a heap that has not grown is collected too, if garbage may hold what others need', async (t) => {
  let isOwed = true;
  const registry = new FinalizationRegistry(() => (isOwed = false));
  // In a function of its own: what is on the stack here is not garbage.
  (() => registry.register({}, null))();
  const collector = new IdleCollector(50, () => isOwed);
  collector.noteWork();
  for (let i = 0; i < 1_000 && isOwed; i++) await sleep(10);
  t.false(isOwed);
  collector.stop();
});

test.serial('idle: threads that are idle at the same time all collect', async (t) => {
  const entry = fileURLToPath(new URL('./idle-thread.ts', import.meta.url));
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, platform: 'node', format: 'cjs', write: false });
  const threads = Array.from({ length: 8 }, () => new Worker(outputFiles[0]?.text ?? '', { eval: true }));
  const left = await Promise.all(threads.map(async (thread) => (await once(thread, 'message'))[0] as number));
  for (const share of left) t.true(share < 0.5, `${share} of the heap is left`);
  await Promise.all(threads.map((thread) => thread.terminate()));
});

test.serial('idle: contexts that are made later have no gc', async (t) => {
  const { runInNewContext } = await import('node:vm');
  t.is(runInNewContext('typeof gc'), 'undefined');
});

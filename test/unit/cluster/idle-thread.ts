/** A thread that makes garbage, and then tells which share of its heap is left when it has been idle. */
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { IdleCollector } from '../../../src/cluster/idle-collect.ts';

const heapBytes = () => getHeapStatistics().total_heap_size;

async function run(): Promise<void> {
  const collector = new IdleCollector(1_000);
  let kept: object[] = [];
  for (let i = 0; i < 500_000; i++) kept.push({ i });
  kept = [];
  const before = heapBytes();
  collector.noteWork();
  const untilMs = performance.now() + 15_000;
  while (heapBytes() > before / 2 && performance.now() < untilMs) await sleep(100);
  collector.stop();
  parentPort?.postMessage(heapBytes() / before);
}

void run();

import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { FrameCollector } from '../../../src/cluster/frame-collect.ts';

const frameBytes = 2 ** 20;
const frames = 64;

/** V8 by itself lets it come to 32 MB. */
test('frames that were copied are given back after some of them', async (t) => {
  const collector = new FrameCollector();
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (let i = 0; i < frames; i++) {
    collector.noteCopied(Buffer.alloc(frameBytes, i).byteLength);
    // What is found to be garbage is freed beside.
    if (i % 8 === 7) await sleep(20);
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  t.true(most < 20 * frameBytes, `${most} bytes at a time`);
});

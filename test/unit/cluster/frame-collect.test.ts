import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { FrameCollector } from '../../../src/cluster/frame-collect.ts';

const frameBytes = 2 ** 20;
const frames = 64;
/** Of other C libraries: musl's cannot be told. */
const withGlibc = process.platform === 'linux' && glibcVersion() ? test : test.skip;

function glibcVersion(): unknown {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime;
}

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

withGlibc('what frames have taken is kept for the next, and its pages are not faulted in again', async (t) => {
  const program = fileURLToPath(new URL('freed-memory.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--import=tsx', program]);
  const { before, after } = JSON.parse(stdout) as { before: number; after: number };
  t.true(before > 2_000, `${before} pages of 4,096 before`);
  t.true(after < 400, `${after} pages of 4,096 afterwards`);
});

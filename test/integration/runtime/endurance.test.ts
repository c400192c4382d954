/** Must-show 6: 100,000 sessions in a row leave nothing behind, in memory or in the store. */
import test from 'ava';
import { placeApp } from './apps/storing.ts';
import { immediateApp } from './apps/primitives.ts';
import { assertEmpty, startForTest } from './started.ts';

const mebibyte = 2 ** 20;

test('resident memory is flat, and the store is empty', async (t) => {
  await using runtime = await startForTest({ apps: [immediateApp, placeApp] });
  const rssBytes: number[] = [];
  for (let done = 0; done < 100_000; done += 10_000) {
    for (let round = 0; round < 100; round++) {
      const small = Array.from({ length: 98 }, () => runtime.call(immediateApp, 'each', 'x'));
      const large = Array.from({ length: 2 }, () => runtime.call(placeApp, { made: [{ key: 'send', value: 3_000 }] }));
      await Promise.all([...small, ...large]);
    }
    rssBytes.push(process.memoryUsage.rss());
  }
  const [, , early = 0] = rssBytes;
  const late = Math.min(...rssBytes.slice(-3));
  t.true(late <= early * 1.15 + 16 * mebibyte, rssBytes.map((bytes) => Math.round(bytes / mebibyte)).join(' '));
  await assertEmpty(t, runtime);
  t.is((await runtime.stats()).sessionsOpened, 100_000);
});

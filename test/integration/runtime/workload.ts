/** A process of its own that works until it is killed, or once (`once`); for `leftovers.test.ts`. */
import { startLocal } from 'pheromone';
import { loudApp } from './apps/functions.ts';
import { placeApp } from './apps/storing.ts';

const runtime = await startLocal({ apps: [loudApp, placeApp], executors: 2, arenaBytes: 64 * 2 ** 20 });
await runtime.call(loudApp, 'loud', 'hello');
if (process.argv[2] === 'once') {
  const failed = new Promise((resolve) => runtime.on('sessionFailed', resolve));
  await runtime.start(loudApp, 'loud', 'fail');
  await failed;
  await runtime.close();
} else {
  console.log('working');
  for (;;) await Promise.all(Array.from({ length: 8 }, () => runtime.call(placeApp, { made: [{ key: 'send', value: 500_000 }] })));
}

/** Primitives of users, end to end. The wrapper's finer points are in test/unit/primitives/custom. */
import test from 'ava';
import type { Runtime } from 'pheromone';
import * as apps from './apps/custom.ts';
import { assertEmpty, failureOf, startForTest } from './started.ts';

let runtime: Runtime;

test.before(async () => {
  runtime = await startForTest({ apps: apps.customApps });
});

test.after.always('nothing is left', async (t) => {
  await assertEmpty(t, runtime);
  await runtime.close();
});

const valued = (...values: readonly string[]) => values.map((value) => ({ value }));

test('session scope: sessions do not mix, and what is left over is pending', async (t) => {
  const four = await runtime.call(apps.everyApp, { items: valued('a', 'b', 'c', 'd') }, { until: 'end' });
  t.deepEqual([...four].sort(), ['a+b', 'c+d']);
  const error = await failureOf(t, 'SessionIncomplete', runtime.call(apps.everyApp, { items: valued('a') }));
  t.like(error.pending[0], { primitive: 'every', bucket: 'items' });
});

test('app scope: sessions mix, its own timer fires what is left over, and so does a drain', async (t) => {
  const outputs = runtime.outputs(apps.everyOfAllApp);
  for (const value of ['a', 'b', 'c', 'd']) await runtime.call(apps.everyOfAllApp, { items: valued(value) });
  t.is((await outputs.next()).value?.value, 'a+b+c');
  t.is((await outputs.next()).value?.value, 'd');
  await runtime.call(apps.everyOfAllApp, { items: valued('e') });
  await runtime.drain(apps.everyOfAllApp);
  t.is((await outputs.next()).value?.value, 'e');
});

test('sourceDone: fires when the sources are finished', async (t) => {
  const outputs = await runtime.call(apps.whenDoneApp, { texts: valued('abc', 'de') }, { until: 'end' });
  t.is(outputs.length, 1);
  t.deepEqual(outputs[0]?.split('+').sort(), ['a', 'b', 'c', 'd', 'e']);
});

test('a primitive that throws fails its session alone, with its name', async (t) => {
  const error = await failureOf(t, 'PrimitiveFailed', runtime.call(apps.brokenApp, { items: [{ key: 'bad', value: 'x' }] }));
  t.regex(error.message, /trigger items-broken-tell: .*broken.*admit.*cannot decide/);
  t.is(await runtime.call(apps.brokenApp, { items: [{ key: 'good', value: 'x' }] }), undefined);
});

/** Every primitive, end to end: real threads, real objects. Their finer points are in test/unit/primitives. */
import test from 'ava';
import type { Runtime } from 'pheromone';
import * as apps from './apps/primitives.ts';
import { assertEmpty, eventually, failureOf, startForTest } from './started.ts';

let runtime: Runtime;

test.before(async () => {
  runtime = await startForTest({ apps: apps.primitiveApps });
});

test.after.always('nothing is left', async (t) => {
  await assertEmpty(t, runtime);
  await runtime.close();
});

const valued = (...values: readonly string[]) => values.map((value) => ({ value }));
const keyed = (values: Readonly<Record<string, string>>) => Object.entries(values).map(([key, value]) => ({ key, value }));

test('immediate: fires once for every object, and outputs come in the order of their arrival', async (t) => {
  const outputs = await runtime.call(apps.immediateApp, { each: keyed({ a: '1', b: '2', c: '3' }) }, { until: 'end' });
  t.deepEqual([...outputs].sort(), ['a=1!', 'b=2!', 'c=3!']);
});

test('byName: the key that the producer chose decides which function runs', async (t) => {
  t.is(await runtime.call(apps.choiceApp, 'asked', 'yes'), 'approve took yes');
  t.is(await runtime.call(apps.choiceApp, 'asked', 'no'), 'refuse took no');
  t.is(await runtime.call(apps.choiceApp, 'asked', 'perhaps'), undefined, 'no branch, no output');
});

test('bySet: inputs come in the declared order, and a second object of a key is counted as superseded', async (t) => {
  const session = await runtime.start(apps.setApp, {
    parts: [
      { key: 'c', value: '3' },
      { key: 'a', value: '1' },
      { key: 'a', value: 'again' },
      { key: 'b', value: '2' },
    ],
  });
  t.deepEqual(await session.result({ until: 'end' }), ['a=1,b=2,c=3']);
  t.like(await session.history(), { superseded: 1, objects: 4, outputs: 1 });
});

test('bySet: a forgotten key rejects the call with what is there and what is missing', async (t) => {
  const error = await failureOf(t, 'SessionIncomplete', runtime.call(apps.setApp, { parts: keyed({ a: '1', c: '3' }) }));
  t.like(error.pending[0], { bucket: 'parts', primitive: 'bySet', has: ['keys a, c'], lacks: ['key b'] });
  t.regex(error.message, /parts-bySet-tell on parts has keys a, c and lacks key b/);
});

test('dynamicJoin: joins nested in a join, announced at run time, fire when their own branches are there', async (t) => {
  t.is(await runtime.call(apps.nestedJoinApp, 'paths', '2/3'), '0.0+0.1+0.2 | 1.0+1.1+1.2');
});

test('dynamicJoin: zero announced branches fire at once, with no inputs', async (t) => {
  t.is(await runtime.call(apps.nestedJoinApp, 'paths', '0/0'), '');
});

test('dynamicJoin: the caller announces by the option expect, by keys or by count', async (t) => {
  const entries = { branches: keyed({ x: '1', y: '2' }) };
  t.is(await runtime.call(apps.calledJoinApp, entries, { expect: { bucket: 'branches', keys: ['x', 'y'] } }), 'x=1,y=2');
  t.is(await runtime.call(apps.calledJoinApp, entries, { expect: { bucket: 'branches', count: 2 } }), 'x=1,y=2');
});

test('dynamicJoin: a branch that never comes is named', async (t) => {
  const expect = { bucket: 'branches', keys: ['x', 'y', 'z'] };
  const error = await failureOf(
    t,
    'SessionIncomplete',
    runtime.call(apps.calledJoinApp, { branches: keyed({ x: '1', y: '2' }) }, { expect }),
  );
  t.regex(String(error.pending[0]?.has), /keys x, y/);
  t.regex(String(error.pending[0]?.lacks), /key z/);
});

test('dynamicJoin: the same invocation may announce twice, another one may not', async (t) => {
  const same = runtime.call(apps.twiceAnnouncedApp, 'doubly-asked', 'a');
  await failureOf(t, 'SessionIncomplete', same);
  const other = runtime.call(apps.twiceAnnouncedApp, { 'doubly-asked': valued('a', 'b') });
  const error = await failureOf(t, 'JoinAlreadyAnnounced', other);
  t.regex(error.message, /function announce: .* is announced already, and lacks keys/);
});

test('byBatchSize: a session’s batches fire in order of arrival, and the partial one before its end', async (t) => {
  const outputs = await runtime.call(apps.sessionBatchApp, { items: valued('a', 'b', 'c', 'd', 'e', 'f', 'g') }, { until: 'end' });
  const sizes = outputs.map((output) => output.split(',').length).sort((a, b) => a - b);
  t.deepEqual(sizes, [1, 3, 3]);
  t.deepEqual(outputs.flatMap((output) => output.split(',').map((told) => told.split('=')[1])).sort(compare), [
    'a',
    'b',
    'c',
    'd',
    'e',
    'f',
    'g',
  ]);
});

test('byBatchSize: without flushAtEnd a partial batch does not fire', async (t) => {
  const outputs = await runtime.call(apps.cutBatchApp, { items: valued('a', 'b', 'c', 'd') }, { until: 'end' });
  t.is(outputs.length, 1);
  t.is(outputs[0]?.split(',').length, 3);
});

test('byBatchSize: app scope mixes sessions, links them in the history, and drain fires what is partial', async (t) => {
  const outputs = runtime.outputs(apps.appBatchApp);
  const sessions = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((value) => runtime.start(apps.appBatchApp, 'items', value)));
  const full = (await outputs.next()).value;
  t.is(full?.value.split(',').length, 4);
  t.is(full?.from, 'tell');
  const { linkedTo } = await runtime.session(full?.session ?? '').history();
  t.is(linkedTo.length, 4);
  t.true(linkedTo.every((id) => sessions.some((session) => session.id === id)));
  await runtime.drain(apps.appBatchApp);
  const partial = (await outputs.next()).value;
  t.is(partial?.value.split(',').length, 1);
  await outputs.return?.();
});

test('byBatchSize: maxWaitMs fires a partial batch of each group by itself', async (t) => {
  const outputs = runtime.outputs(apps.waitingBatchApp);
  await runtime.start(apps.waitingBatchApp, {
    items: [
      { key: '1', group: 'a', value: 'x' },
      { key: '2', group: 'b', value: 'y' },
      { key: '3', group: 'a', value: 'z' },
    ],
  });
  const got = [(await outputs.next()).value?.value, (await outputs.next()).value?.value];
  t.deepEqual(got.sort(compare), ['a:1=x,a:3=z', 'b:2=y']);
  await outputs.return?.();
});

test('byTime: a window closes by its timer, with every object that came in it', async (t) => {
  const outputs = runtime.outputs(apps.windowApp);
  await runtime.start(apps.windowApp, { events: valued('a', 'b', 'c') });
  const seen: string[] = [];
  // The objects may fall into two windows.
  while (seen.length < 3) seen.push(...((await outputs.next()).value?.value.split(',') ?? []));
  t.deepEqual(seen.map((told) => told.split('=')[1]).sort(compare), ['a', 'b', 'c']);
  await outputs.return?.();
});

test('byTime: quietMs in a session holds it open until nothing has come for so long', async (t) => {
  const session = await runtime.start(apps.quietApp, { events: keyed({ a: '1', b: '2' }) });
  t.deepEqual(await session.result({ until: 'end' }), ['a=1,b=2']);
  const { openedMs, endedMs } = await session.status();
  t.true((endedMs ?? 0) - openedMs >= 300, `${openedMs} ${endedMs}`);
});

test('redundant: fires at the k-th arrival, and the losers are aborted without failing the session', async (t) => {
  const session = await runtime.start(apps.raceApp, 'raced', 'win lose win lose');
  const [winners = ''] = await session.result({ until: 'end' });
  t.deepEqual(winners.split(',').sort(), ['0=win', '2=win']);
  t.is((await session.status()).state, 'ended');
});

test('redundant: n − k sources may fail for good', async (t) => {
  const winners = await runtime.call(apps.raceApp, 'raced', 'die win die win');
  t.deepEqual(winners?.split(',').sort(), ['1=win', '3=win']);
});

test('redundant: one loss more fails the session, saying so', async (t) => {
  const error = await failureOf(t, 'TooManySourcesLost', runtime.call(apps.raceApp, 'raced', 'die die die win'));
  t.regex(error.message, /finished-redundant-tell/);
});

test('dynamicGroup: one invocation for every group, when the sources and all that leads to them are finished', async (t) => {
  const outputs = await runtime.call(apps.groupApp, { texts: valued('a b a c', 'c a b', 'a') }, { until: 'end' });
  t.deepEqual([...outputs].sort(), ['a:4', 'b:2', 'c:2']);
});

test('many sessions of all apps at once do not mix', async (t) => {
  const rounds = Array.from({ length: 100 }, (_, i) => i);
  await Promise.all(
    rounds.map(async (i) => {
      t.is(await runtime.call(apps.setApp, { parts: keyed({ a: `${i}a`, b: `${i}b`, c: `${i}c` }) }), `a=${i}a,b=${i}b,c=${i}c`);
      t.is(await runtime.call(apps.choiceApp, 'asked', 'yes'), 'approve took yes');
      const groups = await runtime.call(apps.groupApp, 'texts', `w${i} w${i}`, { until: 'end' });
      t.deepEqual(groups, [`w${i}:2`]);
    }),
  );
  await eventually(t, 'all are over', async () => (await runtime.stats()).sessionsOpen === 0);
});

function compare(a: string | undefined, b: string | undefined): number {
  return (a ?? '') < (b ?? '') ? -1 : 1;
}

/** What is promised of sessions holds whether they run solo or not, and however they have to leave their executor. */
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { App, Runtime } from 'pheromone';
import { closingApp } from './apps/closing.ts';
import * as apps from './apps/solo.ts';
import { historyOf } from './solo-history.ts';
import { assertEmpty, failureOf, startForTest } from './started.ts';

const modes = [
  { name: 'solo', soloSessionsMax: 1_024 },
  { name: 'not solo', soloSessionsMax: 0 },
];

/** How often each function began and was tried. */
async function countsOf(t: ExecutionContext, runtime: Runtime, session: string): Promise<Record<string, string>> {
  const { functions } = await historyOf(t, runtime, session);
  const counts = functions.map(({ function: name, invocations, attempts, failures }) => [name, `${invocations} ${attempts} ${failures}`]);
  return Object.fromEntries(counts) as Record<string, string>;
}

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** A runtime for each test: after some sessions that had to be brought home an app's next ones would not run solo at all. */
function testIn(title: string, app: App, run: (t: ExecutionContext, runtime: Runtime) => Promise<void>, inModes = modes): void {
  for (const { name, soloSessionsMax } of inModes) {
    test.serial(`${name}: ${title}`, async (t) => {
      await using runtime = await startForTest({ apps: [app], soloSessionsMax });
      await run(t, runtime);
      await assertEmpty(t, runtime);
    });
  }
}

for (const how of ['throws', 'throws late', 'exits', 'exits late', 'spins', 'waits']) {
  testIn(`a function that sends and then ${how} is tried again, and has sent once`, apps.troubledApp, async (t, runtime) => {
    for (let round = 0; round < 2; round++) {
      const result = await runtime.call(apps.troubledApp, { troubled: [{ key: 'k', value: how }] });
      t.is(result?.told, `once=${how}`);
      t.deepEqual(await countsOf(t, runtime, result?.session ?? ''), { trouble: '1 2 1', pass: '1 1 0' });
    }
  });
}

testIn(
  'a function without another attempt fails its call: by what it throws, its end, its time-out',
  apps.doomedApp,
  async (t, runtime) => {
    const thrown = await failureOf(t, 'FunctionFailed', runtime.call(apps.doomedApp, 'doomed', 'throws'));
    t.is(thrown.message, 'function doom: Error: after it has sent');
    t.like(thrown, { function: 'doom', attempt: 1 });
    t.regex(String((thrown.cause as Error).stack), /apps\/solo\.ts:\d+/);
    await failureOf(t, 'ExecutorCrashed', runtime.call(apps.doomedApp, 'doomed', 'exits'));
    await failureOf(t, 'FunctionTimedOut', runtime.call(apps.doomedApp, 'doomed', 'waits'));
    const spun = await failureOf(t, 'FunctionTimedOut', runtime.call(apps.doomedApp, 'doomed', 'spins'));
    t.is(spun.message, 'function doom: did not return within timeoutMs (500 ms)');
  },
);

testIn('a neighbour of one that ends its executor is run again, and none is lost', apps.troubledApp, async (t, runtime) => {
  const calls = Array.from({ length: 24 }, (_, i) => runtime.call(apps.troubledApp, 'troubled', i % 8 === 3 ? 'exits' : 'is good'));
  const results = await Promise.all(calls);
  t.deepEqual(
    results.map((result) => result?.told),
    results.map((_, i) => `once=${i % 8 === 3 ? 'exits' : 'is good'}`),
  );
  t.is(new Set(results.map((result) => result?.session)).size, 24);
});

testIn('ctx.get and ctx.getAll find what was sent before, in order', apps.askedApp, async (t, runtime) => {
  for (const pace of ['slowly', 'at once', 'slowly', 'at once']) {
    const result = await runtime.call(apps.askedApp, { asked: [{ key: 'request', value: pace }] });
    t.is(result?.told, `1  a1+a2+b3 ${pace}`);
    t.deepEqual(await countsOf(t, runtime, result?.session ?? ''), { ask: '1 1 0' });
  }
});

testIn('ctx.expect announces a join, before its branches and after some of them', apps.forkedApp, async (t, runtime) => {
  for (const when of ['slowly', 'early', 'late']) {
    const result = await runtime.call(apps.forkedApp, 'forked', when);
    t.is(result?.told, 'ABC');
    const { superseded, objects } = await historyOf(t, runtime, result?.session ?? '');
    t.deepEqual([superseded, objects], [1, 5]);
  }
});

testIn('delayMs holds an object back', apps.postponedApp, async (t, runtime) => {
  for (const delayMs of [1, 60]) {
    const result = await runtime.call(apps.postponedApp, 'postponed', delayMs);
    t.true((result?.afterMs ?? 0) >= delayMs - 1, `${result?.afterMs}`);
    t.deepEqual(await countsOf(t, runtime, result?.session ?? ''), { postpone: '1 1 0', arrive: '1 1 0' });
  }
});

testIn('a call gets the first output; until end, all of them; none is lost, and none comes twice', apps.manyApp, async (t, runtime) => {
  for (const pace of ['at once', 'slowly', 'at once', 'slowly']) {
    const first = await runtime.call(apps.manyApp, 'many', pace);
    t.regex(first?.told ?? '', / 1$/);
    t.is((await historyOf(t, runtime, first?.session ?? '')).outputs, 4, pace);
    t.deepEqual(await countsOf(t, runtime, first?.session ?? ''), { first: '1 1 0', second: '1 1 0' });
    const all = await runtime.call(apps.manyApp, 'many', pace, { until: 'end' });
    t.deepEqual(all.map(({ told }) => told).sort(), ['first 1', 'first 2', 'second 1', 'second 2']);
  }
});

testIn('objects and outputs larger than a message arrive whole', apps.filledApp, async (t, runtime) => {
  for (const sizeBytes of [100, 600, 5_000, 100_000]) {
    const calls = Array.from({ length: 8 }, () => runtime.call(apps.filledApp, 'filled', sizeBytes));
    for (const result of await Promise.all(calls)) {
      t.is(result?.all.byteLength, 2 * sizeBytes);
      t.true(result?.all.subarray(0, sizeBytes).every((byte) => byte === 7));
      t.true(result?.all.subarray(sizeBytes).every((byte) => byte === 9));
    }
  }
});

testIn('what is changed after it was sent arrives as it was sent', apps.changingApp, async (t, runtime) => {
  for (const sizeBytes of [8, 3_000, 8, 3_000]) {
    const value = { list: [1], bytes: new Uint8Array(sizeBytes).fill(5) };
    const call = runtime.call(apps.changingApp, 'changing', value);
    value.list.push(7);
    value.bytes.fill(6);
    const result = await call;
    t.is(result?.told, 'a:1/5 b:1+1/2 a:5/5 b:2/2', `${sizeBytes} bytes`);
  }
});

const roundsMax = 30;
for (const isBusy of [false, true]) {
  const title = `what a function has sent is taken up while it${isBusy ? ', and the caller, have' : ' has'} more to do`;
  const run = async (t: ExecutionContext, runtime: Runtime) => {
    // Once before, so that nothing is loaded or compiled while it is measured.
    await runtime.call(apps.racedApp, 'raced', 1);
    const leadsMs: number[] = [];
    // Whether somebody else has a processor at the moment is the machine's affair: one round that shows it is enough.
    while (leadsMs.length < roundsMax && !leadsMs.some((ms) => ms > 0)) {
      await sleep(20);
      const call = runtime.call(apps.racedApp, 'raced', 50);
      if (isBusy) block(100);
      leadsMs.push((await call)?.leadMs ?? 0);
    }
    t.true(
      leadsMs.some((ms) => ms > 0),
      leadsMs.join(' '),
    );
  };
  testIn(title, apps.racedApp, run);
}

testIn('calls back to back leave the event loop of their caller its turns', apps.troubledApp, async (t, runtime) => {
  let turns = 0;
  let isOver = false;
  const turn = () => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  turn();
  // In one word: of two the second makes it late.
  for (let i = 0; i < 2_000; i++) await runtime.call(apps.troubledApp, 'troubled', 'good');
  isOver = true;
  t.true(turns > 50, `${turns} turns`);
});

testIn('a session whose triggers wait fails, and says what they lack', apps.halvesApp, async (t, runtime) => {
  const error = await failureOf(t, 'SessionIncomplete', runtime.call(apps.halvesApp, { halves: [{ key: 'left', value: 'L' }] }));
  t.like(error.pending[0], { bucket: 'halves', has: ['key left'], lacks: ['key right'] });
  const whole = ['right', 'left'].map((key) => ({ key, value: key.slice(0, 1) }));
  t.is((await runtime.call(apps.halvesApp, { halves: whole }))?.told, 'lr');
});

testIn('a call that is given up by time-out or signal takes its session with it', apps.endlessApp, async (t, runtime) => {
  const error = await failureOf(t, 'CallTimedOut', runtime.call(apps.endlessApp, 'endless', 'x', { timeoutMs: 40 }));
  t.regex(error.message, /timeoutMs \(40 ms\)/);
  const controller = new AbortController();
  const call = failureOf(t, 'CallAborted', runtime.call(apps.endlessApp, 'endless', 'x', { signal: controller.signal }));
  const reason = new Error('enough');
  setTimeout(() => controller.abort(reason), 20);
  t.is((await call).cause, reason);
});

test.serial('what an executor was given behind a function that blocks it runs on another', async (t) => {
  // Each round begins some of them before the node knows what that executor is doing, or none: half of the rounds would show it.
  for (let round = 0; round < 4; round++) {
    const runtime = await startForTest({ apps: [closingApp] });
    const looping = failureOf(t, 'RuntimeClosed', runtime.call(closingApp, 'loops', 1));
    block(1);
    const naps = await Promise.all([1, 2].map((ms) => runtime.start(closingApp, 'naps', ms)));
    const ended = Promise.all(naps.map((nap) => nap.result()));
    t.deepEqual(await Promise.race([ended, sleep(10_000, 'nothing within 10 s')]), [1, 2]);
    await runtime.close();
    await looping;
  }
});

for (const { name, soloSessionsMax } of modes) {
  test.serial(`${name}: a group fires when its sources are finished, whatever goes on beside them`, async (t) => {
    // One executor: else others could send while the source still runs.
    await using runtime = await startForTest({ apps: [apps.shuffledApp], executors: 1, soloSessionsMax });
    const entries = { mapped: [{ value: 1 }], beside: [{ value: 40 }] };
    for (let round = 0; round < 5; round++) t.is((await runtime.call(apps.shuffledApp, entries))?.told, 'map');
    await assertEmpty(t, runtime);
  });

  test.serial(`${name}: calls that are under way when the runtime closes are refused, all of them`, async (t) => {
    const runtime = await startForTest({ apps: [apps.endlessApp, apps.halvesApp], soloSessionsMax });
    const halves = ['right', 'left'].map((key) => ({ key, value: key }));
    // Before the others: they take all executors for ever, and whatever has to change places meanwhile would wait behind them.
    await runtime.call(apps.halvesApp, { halves });
    const calls = Array.from({ length: 20 }, () => failureOf(t, 'RuntimeClosed', runtime.call(apps.endlessApp, 'endless', 'x')));
    await sleep(10);
    const closing = runtime.close();
    for (const { message } of await Promise.all(calls)) t.regex(message, /clos/);
    await closing;
  });
}

/** How runtimes begin and end: bad options, close, drain, and a node that dies. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { defineApp, type Runtime, startLocal } from 'pheromone';
import { runtimeOn } from '../../../src/api/start-local.ts';
import { defaultConfig } from '../../../src/cluster/config.ts';
import { localNodeCode, startLocalNode } from '../../../src/cluster/node/local-node.ts';
import { closingApp, deadlyApp, endlessApp } from './apps/closing.ts';
import { hostileApp } from './apps/hostile.ts';
import { failureOf, mode, startForTest } from './started.ts';

/** Of what only an embedded runtime has: options of its own, and a node thread. */
const testEmbedded = mode.isEmbedded ? test.serial : test.serial.skip;

/** Large enough not to travel in a message. */
const large = new Uint8Array(100_000);

testEmbedded('startLocal: every bad option is refused with its name, value and limit', async (t) => {
  const start = startLocal as (options: unknown) => Promise<Runtime>;
  const refuse = async (options: unknown, message: RegExp) =>
    t.regex((await failureOf(t, 'InvalidOption', start(options))).message, message);
  await refuse({ executors: 0 }, /startLocal: options\.executors is 0: must be a whole number from 1 to 1024/);
  await refuse({ executors: 1.5 }, /options\.executors is 1\.5/);
  await refuse({ arenaBytes: 1_000 }, /options\.arenaBytes is 1000: must be a whole number from 1048576 to 4294963200 bytes/);
  await refuse({ arenaBytes: 2 ** 32 }, /options\.arenaBytes is 4294967296/);
  await refuse({ executorHeapMiB: 1 }, /options\.executorHeapMiB is 1: must be a whole number from 16 to 1048576 MiB/);
  await refuse({ dataDir: '' }, /options\.dataDir is ""/);
  await refuse({ poison: 'yes' }, /options\.poison is "yes": must be true or false/);
  await refuse({ logLevel: 'loud' }, /options\.logLevel is "loud": must be one of 'debug'/);
  await refuse({ abortGraceMs: -1 }, /options\.abortGraceMs is -1/);
  await refuse({ executers: 2 }, /options\.executers is 2: is not an option \(there are apps, executors/);
  await refuse({ apps: [{}] }, /options\.apps/);
  await refuse({ apps: closingApp }, /options\.apps/);
  await refuse('fast', /startLocal: options is "fast": must be an object/);
});

testEmbedded('startLocal: two apps of one name are refused', async (t) => {
  const twin = defineApp('closing', { module: import.meta.url, triggers: [] });
  t.regex((await failureOf(t, 'AppNameTaken', startLocal({ apps: [closingApp, twin] }))).message, /two of the apps are named closing/);
});

test.serial('startLocal: when an app cannot be registered, it rejects and leaves nothing running', async (t) => {
  const absent = defineApp('absent', { module: new URL('./absent.ts', import.meta.url).href, triggers: [] });
  await failureOf(t, 'ModuleFailed', startForTest({ apps: [closingApp, absent] }));
});

test.serial('close: rejects what waits, and everything asked afterwards; a second close is the same', async (t) => {
  const runtime = await startForTest({ apps: [closingApp] });
  const napping = failureOf(t, 'RuntimeClosed', runtime.call(closingApp, 'naps', 60_000));
  const session = await runtime.start(closingApp, 'naps', 60_000);
  const result = failureOf(t, 'RuntimeClosed', session.result());
  const outputs = runtime.outputs(closingApp).next();
  const startedMs = performance.now();
  await Promise.all([runtime.close(), runtime.close()]);
  t.true(performance.now() - startedMs < 10_000, 'open sessions’ timers do not hold it up');
  await Promise.all([napping, result]);
  t.true((await outputs).done);
  await failureOf(t, 'RuntimeClosed', runtime.call(closingApp, 'naps', 1));
  await failureOf(t, 'RuntimeClosed', runtime.start(closingApp, 'naps', 1));
  await failureOf(t, 'RuntimeClosed', runtime.call('closing', { naps: [{ value: large }] }));
  await failureOf(t, 'RuntimeClosed', runtime.put(session.id, 'naps', { value: large }));
  await failureOf(t, 'RuntimeClosed', session.status());
  await failureOf(t, 'RuntimeClosed', runtime.stats());
  await failureOf(t, 'RuntimeClosed', runtime.registerApp(closingApp));
  await failureOf(t, 'RuntimeClosed', runtime.durable('closing').get('k'));
  t.true((await runtime.outputs(closingApp).next()).done);
  await runtime.close();
});

test.serial('close: an endless loop does not hold it up', async (t) => {
  const runtime = await startForTest({ apps: [closingApp] });
  const looping = failureOf(t, 'RuntimeClosed', runtime.call(closingApp, 'loops', 1));
  // It has begun by then. Another call would tell, but may be given to the same executor while the loop still runs solo there.
  await sleep(100);
  await runtime.close();
  await looping;
});

testEmbedded('close: a node thread that answers nobody is ended all the same', async (t) => {
  const runtime = await startForTest({ apps: [endlessApp, closingApp] });
  const swallowed = failureOf(t, 'RuntimeClosed', runtime.call(endlessApp, 'swallowed', 1));
  // Who waits no longer is told so even then.
  await failureOf(t, 'CallTimedOut', runtime.call(closingApp, 'naps', 60_000, { timeoutMs: 50 }));
  await failureOf(t, 'CallAborted', runtime.call(closingApp, 'naps', 60_000, { signal: AbortSignal.timeout(50) }));
  await runtime.close();
  await swallowed;
});

test.serial('close with drainMs: open sessions end first, new ones are refused', async (t) => {
  const runtime = await startForTest({ apps: [closingApp] });
  const napping = runtime.call(closingApp, 'naps', 200);
  const closed = runtime.close({ drainMs: 30_000 });
  await failureOf(t, 'RuntimeClosed', runtime.call(closingApp, 'naps', 1));
  t.is(await napping, 200);
  await closed;
});

test.serial('close with drainMs: what does not end in time is aborted', async (t) => {
  const runtime = await startForTest({ apps: [closingApp] });
  const napping = failureOf(t, 'RuntimeClosed', runtime.call(closingApp, 'naps', 60_000));
  await runtime.close({ drainMs: 50 });
  await napping;
});

test.serial('close: bad options are refused, and the runtime stays open', async (t) => {
  const runtime = await startForTest({ apps: [closingApp] });
  const error = await failureOf(t, 'InvalidOption', () => runtime.close({ drainMs: -1 }));
  t.regex(error.message, /close: options\.drainMs is -1/);
  t.is(await runtime.call(closingApp, 'naps', 1), 1);
  await runtime.close();
});

test.serial('await using: closes at the end of the block', async (t) => {
  let kept: Runtime;
  {
    await using runtime = await startForTest({ apps: [closingApp] });
    kept = runtime;
    t.is(await runtime.call(closingApp, 'naps', 1), 1);
  }
  await failureOf(t, 'RuntimeClosed', kept.call(closingApp, 'naps', 1));
});

test.serial('two runtimes of one process do not meet', async (t) => {
  await using one = await startForTest({ apps: [closingApp] });
  await using other = await startForTest({ apps: [hostileApp] });
  await failureOf(t, 'UnknownApp', other.call('closing', { naps: [{ value: 1 }] }));
  t.is(await one.call(closingApp, 'naps', 1), 1);
  t.is(await other.call(hostileApp, 'orders', 'good'), 'done');
});

testEmbedded('a node thread that dies: what waits and what is asked later rejects with the reason', async (t) => {
  const runtime = await startForTest({ apps: [closingApp, deadlyApp] });
  const napping = failureOf(t, 'RuntimeClosed', runtime.call(closingApp, 'naps', 60_000));
  const fatal = await failureOf(t, 'RuntimeClosed', runtime.call('deadly', { poisoned: [{ value: 1 }] }));
  t.regex(fatal.message, /node thread has ended: the thread ended with exit code 3/);
  t.regex(String((fatal.cause as Error).message), /exit code 3/);
  await napping;
  await failureOf(t, 'RuntimeClosed', runtime.call('closing', { naps: [{ value: large }] }));
  await failureOf(t, 'RuntimeClosed', runtime.stats());
  await runtime.close();
});

testEmbedded('a node thread that does not start: the reason is told', async (t) => {
  const { executor } = await localNodeCode();
  const starting = (text: string) => startLocalNode(defaultConfig(), { node: { kind: 'text', text }, executor });
  await t.throwsAsync(starting('throw new Error("no good")'), { message: /node thread did not start: no good/ });
  await t.throwsAsync(starting('process.exit(4)'), { message: /did not start: the thread ended with exit code 4/ });
});

for (const [what, text, why] of [
  ['throws', 'throw new Error("no good")', /executor ended while it imported the module: .*no good/],
  ['exits', 'process.exit(5)', /executor ended while it imported the module: .*process\.exit\(5\)/],
] as const) {
  testEmbedded(`executors whose code ${what} at their start: registerApp says so, and close ends`, async (t) => {
    const config = { ...defaultConfig(), executors: 2, logLevel: 'silent', executorRestartMs: 50 } as const;
    const { node } = await localNodeCode();
    const runtime = runtimeOn(await startLocalNode(config, { node, executor: { kind: 'text', text } }), config);
    t.regex((await failureOf(t, 'ModuleFailed', runtime.registerApp(closingApp))).message, why);
    await failureOf(t, 'UnknownApp', runtime.call(closingApp, 'naps', 1));
    await runtime.close();
  });
}

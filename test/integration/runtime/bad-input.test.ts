/** Must-show 7: every bad input has a clear error, and the runtime goes on: after each, a good call works. */
import test, { type ExecutionContext } from 'ava';
import {
  type AnyPheromoneError,
  bucket,
  bySet,
  defineApp,
  fn,
  immediate,
  isPheromoneError,
  type Primitive,
  redundant,
  type Runtime,
} from 'pheromone';
import { hostileApp } from './apps/hostile.ts';
import { setApp } from './apps/primitives.ts';
import { assertEmpty, eventually, failureOf, mode, startForTest } from './started.ts';

let runtime: Runtime;

test.before(async () => {
  runtime = await startForTest({ apps: [hostileApp, setApp], executorHeapMiB: 128, storeWaitMs: 500 });
});

test.afterEach.always('a good call works', async (t) => {
  t.is(await runtime.call(hostileApp, 'orders', 'good', { timeoutMs: 20_000 }), 'done');
});

test.after.always('nothing is left', async (t) => {
  await assertEmpty(t, runtime);
  await runtime.close();
});

const order = (what: string) => runtime.call(hostileApp, 'orders', what, { timeoutMs: 20_000 });

async function refusal(t: ExecutionContext, code: AnyPheromoneError['code'], what: string, message: RegExp): Promise<void> {
  t.regex((await failureOf(t, code, order(what))).message, message);
}

test.serial('a definition: unknown function, k > n, empty set, and a set with a key twice are refused with the field named', (t) => {
  const input = bucket('input');
  const run = fn('run', { inputs: input }, () => undefined);
  const define = (primitive: Primitive<'many'>) => () =>
    defineApp('bad', { module: import.meta.url, triggers: [input.on(primitive, run)] });
  const refuse = (make: () => unknown, message: RegExp) => {
    const error = t.throws(make);
    t.true(isPheromoneError(error) && error.code === 'InvalidDefinition', String(error));
    t.regex(String(error?.message), message);
  };
  refuse(define(redundant({ k: 1, n: 2, sources: ['nobody'] })), /triggers\[0\]\.options\.sources.*"nobody".*is not a function/);
  refuse(define(redundant({ k: 3, n: 2, sources: [run] })), /triggers\[0\]\.options\.k is 3: .*2/);
  refuse(define(bySet({ keys: [] })), /triggers\[0\]\.options\.keys is \[\]/);
  refuse(define(bySet({ keys: ['a', 'a'] })), /triggers\[0\]\.options\.keys\[1\] is "a"/);
});

test.serial('a trigger of an app that runs: an unknown function is refused', async (t) => {
  const stranger = fn('stranger', { input: bucket('orders') }, () => undefined);
  const trigger = bucket('orders').on(immediate(), stranger);
  const error = await failureOf(t, 'InvalidDefinition', runtime.addTrigger('hostile', trigger));
  t.regex(error.message, /function is "stranger": is not a function of this app \(it has obeys, hog\)/);
});

test.serial('a send: to an unknown, an undeclared, or no bucket fails that function', async (t) => {
  await refusal(t, 'UnknownBucket', 'sends to nowhere', /app hostile has no bucket nowhere; it has orders, .*results/);
  await refusal(
    t,
    'UnknownBucket',
    'sends undeclared',
    /function obeys does not declare that it sends to orders; add it to sends \(results\)/,
  );
  await refusal(t, 'InvalidOption', 'sends to undefined', /ctx\.send: bucket is undefined: must be a bucket/);
  await refusal(t, 'InvalidOption', 'sends no object', /ctx\.send: object is "text"/);
});

test.serial('arguments that are missing: the call of the function, and the argument, are named', async (t) => {
  await refusal(
    t,
    'InvalidOption',
    'allocates of nothing',
    /ctx\.allocate: object is undefined: must be an object \{ key\?, group\?, sizeBytes \}/,
  );
  await refusal(t, 'InvalidOption', 'expects nothing', /ctx\.expect: branches is undefined: must be an object/);
});

test.serial('a durable key that is no string is refused, to a function and to a client', async (t) => {
  await refusal(t, 'InvalidOption', 'puts without a key', /durable\.put: key is undefined: must be a string/);
  await refusal(t, 'InvalidOption', 'gets without a key', /durable\.get: key is undefined: must be a string/);
  const durable = runtime.durable(hostileApp);
  t.regex((await failureOf(t, 'InvalidOption', durable.put(undefined as never, 1))).message, /durable\.put: key is undefined/);
  t.regex((await failureOf(t, 'InvalidOption', durable.get(5 as never))).message, /durable\.get: key is 5/);
});

test.serial('a listener that is no function is refused', (t) => {
  const error = t.throws(() => runtime.on('sessionFailed', 5 as never), { message: /on: listener is 5: must be a function/ });
  t.like(error, { code: 'InvalidOption' });
});

test.serial('a value: cycles, class instances, functions and symbols are refused with their path', async (t) => {
  await refusal(t, 'NotEncodable', 'sends a cycle', /value\.items\[1\]/);
  await refusal(t, 'NotEncodable', 'sends an instance', /value\.items\[0\]\.price.*Money/);
  await refusal(t, 'NotEncodable', 'sends a function', /value\.items\[3\]\.callback/);
  await refusal(t, 'NotEncodable', 'outputs a symbol', /value\.tag/);
});

test.serial('a value of a call: what cannot be encoded leaves nothing of the others behind', async (t) => {
  const call = runtime.call('hostile', { results: [{ value: new Uint8Array(100_000) }, { value: () => 1 }] });
  t.regex((await failureOf(t, 'NotEncodable', call)).message, /results\[1\]\.value/);
  await assertEmpty(t, runtime);
});

test.serial('an object larger than the store is refused with both sizes, by a function and by a client', async (t) => {
  const both = /83886080 bytes is larger than the store can hold \(\d+ bytes of arenaBytes 67108864\)/;
  await refusal(t, 'ObjectTooLarge', 'sends too much', both);
  await refusal(t, 'ObjectTooLarge', 'allocates too much', both);
  await refusal(t, 'ObjectTooLarge', 'forgets a send that fails', both);
  await refusal(t, 'InvalidOption', 'allocates nonsense', /sizeBytes is -1: must be a whole number/);
  const call = runtime.call('hostile', { results: [{ value: new Uint8Array(80 * 2 ** 20) }] });
  t.regex((await failureOf(t, 'ObjectTooLarge', call)).message, both);
});

test.serial('an allocation: one that is never sealed is freed, and one that is sealed twice is refused', async (t) => {
  t.is(await order('never seals'), 'unsealed');
  await refusal(t, 'InvalidOption', 'seals twice', /sealed once/);
  await assertEmpty(t, runtime);
});

test.serial('a function that throws: the error has its name and message', async (t) => {
  await refusal(t, 'FunctionFailed', 'throws', /function obeys: TypeError: as it was told/);
  await refusal(t, 'FunctionFailed', 'overflows its stack', /RangeError: Maximum call stack/);
  await refusal(t, 'FunctionFailed', 'changes directory', /chdir/);
});

test.serial('a function that rejects with a non-Error: the error has its printed form', async (t) => {
  await refusal(t, 'FunctionFailed', 'rejects undefined', /NonError: undefined/);
  await refusal(t, 'FunctionFailed', 'rejects a string', /NonError: just words/);
  await refusal(t, 'FunctionFailed', 'rejects a proxy', /NonError/);
});

test.serial('a function that never returns ends with its time-out', async (t) => {
  const error = await failureOf(t, 'FunctionTimedOut', runtime.call(hostileApp, 'hungry', 'x'));
  t.regex(error.message, /function hog: did not return within timeoutMs \(300 ms\)/);
});

test.serial('a function that puts properties of its own on its context harms nobody, on either path', async (t) => {
  t.is(await order('takes ctx for its own'), 'done');
  const session = await runtime.start(hostileApp, 'orders', 'takes ctx for its own');
  t.deepEqual(await session.result({ until: 'end', timeoutMs: 20_000 }), ['done']);
  t.is(await order('good'), 'done');
});

test.serial('a function that calls process.exit ends its executor alone', async (t) => {
  await refusal(t, 'ExecutorCrashed', 'exits', /function obeys: .*process\.exit\(7\)/);
});

test.serial('a function that exhausts its heap ends its executor alone', async (t) => {
  await refusal(t, 'ExecutorCrashed', 'exhausts its heap', /the heap of the executor ran out \(executorHeapMiB 128\)/);
});

test.serial('a rejection that nobody looked at, and a throw in a timer, fail the function', async (t) => {
  await refusal(t, 'FunctionFailed', 'forgets a rejection', /nobody looked/);
  await refusal(t, 'FunctionFailed', 'throws in a timer', /in a timer/);
});

test.serial('a function that ignores its abort loses its executor, and nobody else anything', async (t) => {
  const session = await runtime.start(hostileApp, 'orders', 'ignores its abort');
  await eventually(t, 'it runs', async () => (await session.history()).functions[0]?.attempts === 1);
  await session.cancel();
  const calls = Array.from({ length: 20 }, () => order('good'));
  t.deepEqual(new Set(await Promise.all(calls)), new Set(['done']));
  await eventually(t, 'the executor was replaced', async () => (await runtime.stats()).executors === (mode.isEmbedded ? 2 : 4));
});

test.serial('what a function sends after its end is refused, and fails no other', async (t) => {
  t.is(await order('sends after its end'), 'gone');
  const calls = Array.from({ length: 50 }, () => order('good'));
  t.is((await Promise.all(calls)).length, 50);
});

test.serial('100,000 sends in a loop that awaits none arrive all', async (t) => {
  const session = await runtime.start(hostileApp, 'orders', 'sends without awaiting');
  t.deepEqual(await session.result({ until: 'end', timeoutMs: 30_000 }), ['all sent']);
  t.is((await session.history()).objects, 100_001);
});

test.serial('an app: unknown, or of a name that another module has', async (t) => {
  t.regex(
    (await failureOf(t, 'UnknownApp', runtime.call('nobody', { x: [] }))).message,
    // Of a cluster, those that the same coordinator acts for.
    mode.isEmbedded ? /no app named nobody is registered; there are hostile, set/ : /no app named nobody is registered/,
  );
  await failureOf(t, 'UnknownApp', runtime.drain('nobody'));
  await failureOf(t, 'UnknownApp', runtime.createBucket('nobody', bucket('x')));
  const other = defineApp('hostile', { module: import.meta.url, triggers: [] });
  const error = await failureOf(t, 'AppNameTaken', runtime.registerApp(other));
  t.regex(error.message, /apps\/hostile\.ts/);
});

test.serial('a module: one that is not there, or does not export the app', async (t) => {
  const absent = defineApp('absent', { module: new URL('./apps/absent.ts', import.meta.url).href, triggers: [] });
  t.regex((await failureOf(t, 'ModuleFailed', runtime.registerApp(absent))).message, /absent\.ts cannot be bundled/);
  const elsewhere = defineApp('elsewhere', { module: new URL('./apps/hostile.ts', import.meta.url).href, triggers: [] });
  const error = await failureOf(t, 'ModuleFailed', runtime.registerApp(elsewhere));
  t.regex(error.message, /does not export the app elsewhere \(its apps are hostile\)/);
  t.regex((await failureOf(t, 'UnknownApp', runtime.call('elsewhere', {}))).message, /no app named elsewhere/);
});

test.serial('a call: arguments and options that are none are refused with their name', async (t) => {
  const call = runtime.call.bind(runtime) as (...args: unknown[]) => Promise<unknown>;
  const refuse = async (message: RegExp, ...args: unknown[]) =>
    t.regex((await failureOf(t, 'InvalidOption', call(...args))).message, message);
  await refuse(/call: app is undefined/, undefined, 'orders', 'good');
  await refuse(/call: entries is undefined/, hostileApp);
  await refuse(/entries\.orders is "good": must be an array/, hostileApp, { orders: 'good' });
  await refuse(/entries\.orders\[0\] is "good"/, hostileApp, { orders: ['good'] });
  await refuse(/entries\.orders\[0\]\.key is ""/, hostileApp, { orders: [{ key: '', value: 'good' }] });
  await refuse(/entries\.orders\[0\]\.delayMs is 5: is not a field/, hostileApp, { orders: [{ value: 'good', delayMs: 5 }] });
  await refuse(/options\.prioritie is 3: is not an option/, hostileApp, 'orders', 'good', { prioritie: 3 });
  await refuse(/options\.priority is 10: .* from 0 to 9/, hostileApp, 'orders', 'good', { priority: 10 });
  await refuse(/options\.timeoutMs is 0/, hostileApp, 'orders', 'good', { timeoutMs: 0 });
  await failureOf(t, 'UnknownBucket', call(hostileApp, { nowhere: [{ value: 1 }] }));
  await failureOf(t, 'UnknownBucket', call(hostileApp, 'orders', 'good', { expect: { bucket: 'nowhere', count: 1 } }));
  await failureOf(t, 'NoJoinTrigger', call(hostileApp, 'orders', 'good', { expect: { bucket: 'orders', count: 1 }, until: 'end' }));
  const put = runtime.put.bind(runtime) as (...args: unknown[]) => Promise<void>;
  t.regex((await failureOf(t, 'InvalidOption', put('x', undefined, { value: 1 }))).message, /put: bucket is undefined/);
  t.regex((await failureOf(t, 'InvalidOption', put(undefined, 'b', { value: 1 }))).message, /put: session is undefined/);
});

test.serial('a forgotten key: SessionIncomplete says which', async (t) => {
  const error = await failureOf(t, 'SessionIncomplete', runtime.call(setApp, { parts: [{ key: 'b', value: '1' }] }));
  t.regex(error.message, /has key b and lacks keys a, c/);
});

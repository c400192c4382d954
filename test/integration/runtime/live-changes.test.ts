/** Apps that change while the runtime runs: triggers, buckets, whole modules. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test from 'ava';
import { type App, bucket, immediate, type Runtime } from 'pheromone';
import * as changing from './apps/changing.ts';
import { assertEmpty, failureOf, startForTest } from './started.ts';

const { changingApp } = changing;
let runtime: Runtime;
let folder: string;

test.before(async () => {
  // Beside the other apps, so that `pheromone` resolves from there.
  folder = await mkdtemp(fileURLToPath(new URL('apps/changed-', import.meta.url)));
});

test.beforeEach(async () => {
  runtime = await startForTest({ apps: [changingApp] });
});

test.afterEach.always(async (t) => {
  await assertEmpty(t, runtime);
  await runtime.close();
});

test.after.always(() => rm(folder, { recursive: true }));

test.serial('addTrigger and deleteTrigger: new sessions have the new triggers, open ones keep theirs', async (t) => {
  const open = await runtime.start(changingApp, 'held', 'x');
  await runtime.addTrigger(changingApp, changing.input.on(immediate(), changing.second, { name: 'to-second' }));
  await runtime.deleteTrigger(changingApp, 'to-first');
  t.deepEqual(await runtime.call(changingApp, 'input', 'x', { until: 'end' }), ['second x']);
  await open.put('input', { value: 'y' });
  t.is(await open.result(), 'first y');
  t.is((await open.status()).revision, 1);
  await open.put('release', { key: 'go', value: '' });
  t.deepEqual(await open.result({ until: 'end' }), ['first y']);
});

test.serial('addTrigger: a trigger that cannot be is refused, and the app goes on', async (t) => {
  const taken = changing.input.on(immediate(), changing.second, { name: 'to-first' });
  const error = await failureOf(t, 'InvalidDefinition', runtime.addTrigger(changingApp, taken));
  t.regex(error.message, /trigger\.name is "to-first": is taken/);
  t.regex(
    (await failureOf(t, 'InvalidDefinition', runtime.deleteTrigger(changingApp, 'none'))).message,
    /has no trigger none; it has to-first/,
  );
  t.is(await runtime.call(changingApp, 'input', 'x'), 'first x');
});

test.serial('createBucket and deleteBucket: a bucket comes and goes, but not while it is in use', async (t) => {
  await failureOf(t, 'UnknownBucket', runtime.call('changing', { extra: [{ value: 'x' }] }));
  await runtime.createBucket(changingApp, changing.extra);
  t.is(await runtime.call('changing', { extra: [{ value: 'x' }], input: [{ value: 'y' }] }), 'first y');
  t.regex((await failureOf(t, 'InvalidDefinition', runtime.createBucket(changingApp, changing.extra))).message, /extra.*taken/);
  await runtime.deleteBucket(changingApp, 'extra');
  await failureOf(t, 'UnknownBucket', runtime.call('changing', { extra: [{ value: 'x' }] }));
  const error = await failureOf(t, 'InvalidDefinition', runtime.deleteBucket(changingApp, changing.input));
  t.regex(error.message, /input/);
  t.regex((await failureOf(t, 'InvalidDefinition', runtime.deleteBucket(changingApp, 'none'))).message, /has no bucket none/);
});

test.serial('an app-scoped trigger switches at once, and one that is deleted releases what it held', async (t) => {
  await runtime.addTrigger(changingApp, changing.batching);
  const value = 'x'.repeat(5_000);
  await runtime.call(changingApp, { batched: [{ value }, { value }] });
  t.true((await runtime.stats()).storeBlocks >= 2, 'the batch holds two objects');
  await runtime.deleteTrigger(changingApp, 'batching');
  await assertEmpty(t, runtime);
});

test.serial('unregisterApp: its open sessions are cancelled, and it is unknown until it is registered again', async (t) => {
  const waiting = await runtime.start(changingApp, 'held', 'x');
  await runtime.unregisterApp(changingApp);
  await failureOf(t, 'SessionCancelled', waiting.result());
  t.regex((await failureOf(t, 'UnknownApp', runtime.call(changingApp, 'input', 'x'))).message, /no app named changing/);
  await failureOf(t, 'UnknownApp', runtime.unregisterApp(changingApp));
  await runtime.registerApp(changingApp);
  t.is(await runtime.call(changingApp, 'input', 'x'), 'first x');
});

/** Writes a module of its own, and imports it as if for the first time. */
async function writeApp(name: string, version: number, body: string): Promise<App> {
  const file = join(folder, `${name}.ts`);
  await writeFile(file, `import { bucket, bySet, defineApp, definePrimitive, fn, immediate } from 'pheromone';\n${body}\n`);
  const { default: app } = (await import(`${pathToFileURL(file).href}?${version}`)) as { default: App };
  return app;
}

const greeting = (text: string) => `
  const input = bucket('input');
  const held = bucket('held');
  const gate = bucket('gate');
  const greet = fn('greet', { input }, ({ value }, ctx) => ctx.output(\`${text} \${value}\`));
  const hold = fn('hold', { input: held, sends: [input] }, async (_, ctx) => {
    for (;;) {
      const guest = await ctx.get(gate, 'guest');
      if (guest) return void ctx.send(input, { value: guest.value });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
  export default defineApp('greeting', { module: import.meta.url, buckets: [gate], triggers: [input.on(immediate(), greet), held.on(immediate(), hold)] });`;

test.serial('registerApp: a module that has changed is a new revision; open sessions keep the old code', async (t) => {
  await runtime.registerApp(await writeApp('greeting', 1, greeting('hello')));
  const open = await runtime.start('greeting', { held: [{ value: 0 }] });
  t.is(await runtime.call('greeting', { input: [{ value: 'a' }] }), 'hello a');
  await runtime.registerApp(await writeApp('greeting', 2, greeting('good morning')));
  t.is(await runtime.call('greeting', { input: [{ value: 'a' }] }), 'good morning a');
  await open.put('gate', { key: 'guest', value: 'old friend' });
  t.is(await open.result(), 'hello old friend');
});

test.serial('unregisterApp, then registerApp: the module is read anew', async (t) => {
  const plain = (text: string) => `
    const input = bucket('input');
    export default defineApp('plain', { module: import.meta.url, triggers: [input.on(immediate(), fn('say', { input }, (_, ctx) => ctx.output('${text}')))] });`;
  await runtime.registerApp(await writeApp('plain', 1, plain('one')));
  t.is(await runtime.call('plain', { input: [{ value: 1 }] }), 'one');
  await runtime.unregisterApp('plain');
  await runtime.registerApp(await writeApp('plain', 2, plain('two')));
  t.is(await runtime.call('plain', { input: [{ value: 1 }] }), 'two');
});

const custom = (kind: string, count: number) => `
  const input = bucket('input');
  const few = definePrimitive({
    kind: '${kind}',
    init: () => ({ ids: [] }),
    admit(state, { id }) {
      state.ids.push(id);
      return state.ids.length < ${count} ? [] : [{ kind: 'fire', inputs: state.ids.splice(0) }];
    },
    forget: (state) => state.ids,
  });
  const tell = fn('tell', { inputs: input }, (inputs, ctx) => ctx.output(inputs.length));
  export default defineApp('custom', { module: import.meta.url, triggers: [input.on(few(), tell)] });`;

test.serial('registerApp: an app’s own primitives change with its revision', async (t) => {
  const four = { input: [1, 2, 3, 4].map((value) => ({ value })) };
  await runtime.registerApp(await writeApp('custom', 1, custom('few', 2)));
  t.deepEqual(await runtime.call('custom', four, { until: 'end' }), [2, 2]);
  await runtime.registerApp(await writeApp('custom', 2, custom('few', 4)));
  t.deepEqual(await runtime.call('custom', four, { until: 'end' }), [4]);
  await runtime.registerApp(await writeApp('custom', 3, custom('others', 1)));
  t.deepEqual(await runtime.call('custom', four, { until: 'end' }), [1, 1, 1, 1]);
});

test.serial('registerApp: a new revision that cannot be bundled, or fails to import, leaves the old one at work', async (t) => {
  const app = await writeApp('greeting', 3, greeting('hi'));
  await runtime.registerApp(app);
  const file = join(folder, 'greeting.ts');
  await writeFile(file, 'this is not code');
  t.regex((await failureOf(t, 'ModuleFailed', runtime.registerApp(app))).message, /greeting\.ts:1:\d+: Expected ";" but found "is"/);
  await writeFile(file, 'throw new Error("not today")');
  t.regex((await failureOf(t, 'ModuleFailed', runtime.registerApp(app))).message, /greeting\.ts failed to import: Error: not today/);
  t.is(await runtime.call('greeting', { input: [{ value: 'a' }] }), 'hi a');
});

test.serial('many changes of one app at once are made one after the other', async (t) => {
  await Promise.all(Array.from({ length: 20 }, (_, i) => runtime.createBucket(changingApp, bucket(`b${i}`))));
  await Promise.all(Array.from({ length: 20 }, (_, i) => runtime.deleteBucket(changingApp, `b${i}`)));
  const session = await runtime.start(changingApp, 'input', 'x');
  t.is((await session.status()).revision, 41);
});

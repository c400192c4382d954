/** What a runtime takes and gives follows from the app. Checked by `tsc`, never run. */
import { type App, bucket, defineApp, fn, immediate, type Runtime, type SessionHandle, type } from 'pheromone';

type Equal<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
/** Compiles only for `true`. */
function assert<_T extends true>(): void {}

const words = bucket('words', { value: type<string>() });
const lengths = bucket('lengths', { value: type<number>() });
const spare = bucket('spare', { value: type<Date>() });
const measure = fn('measure', { input: words, sends: [lengths] }, () => {});
const report = fn('report', { input: lengths, output: type<number>() }, () => {});
const app = defineApp('lengths', { module: import.meta.url, triggers: [words.on(immediate(), measure), lengths.on(immediate(), report)] });

/** Names of buckets that are typed by `bucket<T>(name)` are not known to the compiler; their values are. */
const parts = bucket<Uint8Array>('parts');
const totals = bucket<number>('totals');
const unnamed = defineApp('unnamed', {
  module: import.meta.url,
  triggers: [
    parts.on(
      immediate(),
      fn('sum', { input: parts, sends: [totals], output: type<string>() }, () => {}),
    ),
  ],
});

declare const runtime: Runtime;

export async function calls(): Promise<void> {
  const first = await runtime.call(app, { words: [{ value: 'a' }, { key: 'k', group: 'g', value: 'b' }] });
  assert<Equal<typeof first, number | undefined>>();
  const all = await runtime.call(app, { words: [{ value: 'a' }], lengths: [{ value: 1 }] }, { until: 'end', timeoutMs: 5 });
  assert<Equal<typeof all, number[]>>();
  const timed = await runtime.call(app, { words: [] }, { timeoutMs: 5 });
  assert<Equal<typeof timed, number | undefined>>();
  const single = await runtime.call(app, words, 'a');
  assert<Equal<typeof single, number | undefined>>();
  const named = await runtime.call(app, 'lengths', 5, { until: 'end' });
  assert<Equal<typeof named, number[]>>();
  const byName = await runtime.call('lengths', { words: [{ value: 'a' }] });
  assert<Equal<typeof byName, unknown>>();

  // @ts-expect-error words are strings
  await runtime.call(app, { words: [{ value: 1 }] });
  // @ts-expect-error no such bucket
  await runtime.call(app, { wrods: [{ value: 'a' }] });
  // @ts-expect-error an array of objects
  await runtime.call(app, { words: 'a' });
  // @ts-expect-error words are strings
  await runtime.call(app, words, 1);
  // @ts-expect-error lengths are numbers
  await runtime.call(app, 'lengths', 'a');
  // @ts-expect-error no such bucket
  await runtime.call(app, 'wrods', 'a');
  // @ts-expect-error a bucket of another app
  await runtime.call(app, spare, new Date());
  // @ts-expect-error output or end
  await runtime.call(app, { words: [] }, { until: 'done' });
  // @ts-expect-error no such option
  await runtime.call(app, { words: [] }, { timeout: 5 });
}

export async function callsWithoutNames(): Promise<void> {
  const text = await runtime.call(unnamed, { parts: [{ value: new Uint8Array(1) }] });
  assert<Equal<typeof text, string | undefined>>();
  await runtime.call(unnamed, parts, new Uint8Array(1));
  // @ts-expect-error no bucket of the app holds strings
  await runtime.call(unnamed, { parts: [{ value: 'a' }] });
  // @ts-expect-error parts are bytes
  await runtime.call(unnamed, parts, 1);
}

export async function sessions(): Promise<void> {
  const handle = await runtime.start(app, { words: [{ value: 'a' }] }, { id: 'mine', priority: 9 });
  assert<Equal<typeof handle, SessionHandle<number>>>();
  const result = await handle.result({ until: 'end' });
  assert<Equal<typeof result, number[]>>();
  await handle.put(words, { value: 'a' });
  // @ts-expect-error words are strings
  await handle.put(words, { value: 1 });
  // @ts-expect-error `until` is for calls
  await runtime.start(app, words, 'a', { until: 'end' });
  await runtime.put(handle.id, lengths, { value: 1 });
  // @ts-expect-error lengths are numbers
  await runtime.put(handle.id, lengths, { value: 'a' });

  const copied = await runtime.get(handle.id, words, 'k');
  assert<Equal<NonNullable<typeof copied>['value'], string>>();
  // @ts-expect-error a copy needs no release
  copied?.release();
  const pinned = await runtime.get(handle.id, words, 'k', { pin: true });
  pinned?.release();
  for await (const { session, value, from } of runtime.outputs(app)) {
    assert<Equal<[typeof session, typeof value, typeof from], [string, number, string]>>();
  }
}

/** Apps of all kinds are apps. */
export const apps: readonly App[] = [app, unnamed];

/** Compiled, never run: what a user's editor says of the package's types. */
import { type App, bucket, defineApp, fn, immediate, type Runtime, type } from 'pheromone';
import { map, mapApp, mapReduce, runMapReduce } from 'pheromone/mapreduce';

const names = bucket('names', { value: type<string>() });
const greet = fn('greet', { input: names, output: type<{ greeting: string }>() }, ({ value }, ctx) =>
  ctx.output({ greeting: `Hello, ${value}` }),
);
const greeter = defineApp('greeter', { module: import.meta.url, triggers: [names.on(immediate(), greet)] });
export const apps: readonly App[] = [greeter];

export async function main(runtime: Runtime): Promise<string | undefined> {
  await runtime.registerApp(greeter);
  // @ts-expect-error: names are strings.
  await runtime.call(greeter, { names: [{ value: 1 }] });
  const output = await runtime.call(greeter, { names: [{ value: 'Ada' }] });
  return output?.greeting;
}

const lengths = mapApp('lengths', { module: import.meta.url, fn: (text: string) => text.length });
const tops = mapReduce<string, number, { readonly word: string }, { readonly least: number }>('tops', {
  module: import.meta.url,
  map: (text, { emit }) => emit(text, 1),
  reduce(word, counts, { output, params }) {
    if (counts.length >= params.least) void output({ word });
    // @ts-expect-error: its outputs are objects.
    void output(word);
  },
});

export async function mapped(runtime: Runtime): Promise<number> {
  // @ts-expect-error: items are strings.
  void Promise.all(map(runtime, lengths, [1]));
  // @ts-expect-error: it has params.
  runMapReduce(runtime, tops, { inputs: ['a'] });
  // @ts-expect-error: inputs are strings.
  runMapReduce(runtime, tops, { inputs: [1], params: { least: 2 } });
  for await (const { value } of runMapReduce(runtime, tops, { inputs: ['a'], params: { least: 2 } })) return value.word.length;
  return Math.max(...(await Promise.all(map(runtime, lengths, ['a']))));
}

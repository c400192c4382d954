/** Compiled, never run: what a user's editor says of the package's types. */
import { type App, bucket, defineApp, fn, immediate, type Runtime, type } from 'pheromone';

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

/** More than a small runtime takes at once. */
import { bucket, defineApp, fn, immediate, type } from 'pheromone';

const module = import.meta.url;
const numbers = { value: type<number>() };

const naps = bucket('naps', numbers);
const nap = fn('nap', { input: naps, output: type<number>() }, async ({ value }, ctx) => {
  await new Promise((resolve) => setTimeout(resolve, value));
  void ctx.output(value);
});
export const napApp = defineApp('nap', { module, triggers: [naps.on(immediate(), nap)] });

const balls = bucket('balls', numbers);
const pingPong = fn('ping-pong', { input: balls, sends: [balls] }, ({ value }, ctx) => void ctx.send(balls, { value: value + 1 }));
export const endlessApp = defineApp('endless', { module, triggers: [balls.on(immediate(), pingPong)] });

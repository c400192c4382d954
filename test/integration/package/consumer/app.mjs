/** An app as its author writes it who has no TypeScript. */
import { bucket, bySet, defineApp, fn, immediate } from 'pheromone';

const numbers = bucket('numbers');
const squares = bucket('squares');

const square = fn('square', { input: numbers, sends: [squares] }, ({ key, value }, ctx) => ctx.send(squares, { key, value: value ** 2 }));
const sum = fn('sum', { inputs: squares }, (inputs, ctx) => ctx.output(inputs.reduce((total, { value }) => total + value, 0)));

export default defineApp('squares', {
  module: import.meta.url,
  triggers: [numbers.on(immediate(), square), squares.on(bySet({ keys: ['a', 'b', 'c'] }), sum)],
});

/** What scenarios choose as if by chance, and how they sum up what they measured. */
import test from 'ava';
import { idealTimesByFunction, idealTimesByWorkflow, isLost } from '../../../scenarios/fault-tolerance/losses.ts';
import { quantile } from '../../../scenarios/quantile.ts';
import { randomFrom } from '../../../scenarios/random.ts';

const workload = { chains: 1_000, steps: 4, ms: 100, percent: 1, seed: 1 };
const chains = Array.from({ length: workload.chains }, (_, chain) => chain);
const steps = Array.from({ length: workload.steps }, (_, step) => step);

test('losses: about as many functions are lost as the percentage says, in first tries as in later ones', (t) => {
  for (const seed of [0, 1, 2, 4_294_967_295]) {
    for (const tries of [0, 1, 2]) {
      const lost = chains.flatMap((chain) => steps.filter((step) => isLost({ ...workload, percent: 10, seed }, chain, step, tries)));
      t.true(Math.abs(lost.length - 400) < 80, `seed ${seed}, tries ${tries}: ${lost.length} of 4000`);
    }
  }
});

test('losses: none at 0 percent; the same ones each time; other ones with another seed', (t) => {
  const lostWith = (percent: number, seed: number) =>
    chains.flatMap((chain) => steps.filter((step) => isLost({ ...workload, percent, seed }, chain, step, 0)).map((step) => [chain, step]));
  t.deepEqual(lostWith(0, 1), []);
  t.deepEqual(lostWith(1, 1), lostWith(1, 1));
  const counts = Array.from({ length: 10 }, (_, seed) => lostWith(1, seed).length);
  t.true(new Set(counts).size > 3, `that many for each seed: ${counts.join(', ')}`);
});

test('losses: the ideal time of a chain is its functions and one time-out for each that is lost, or for each workflow that is', (t) => {
  const byFunction = idealTimesByFunction(workload, 200);
  const byWorkflow = idealTimesByWorkflow(workload, 800);
  const lost = chains.map((chain) => steps.filter((step) => isLost(workload, chain, step, 0)).length);
  t.true(lost.some((count) => count > 0));
  for (const chain of chains) {
    if (lost[chain] === 0) t.deepEqual([byFunction[chain], byWorkflow[chain]], [400, 400]);
    else t.true(byFunction[chain]! >= 400 + lost[chain]! * 200 && byWorkflow[chain]! >= 1_200);
  }
});

test('quantile: the smallest value that so many are not above, whatever their order', (t) => {
  t.is(quantile([3, 1, 2], 0.5), 2);
  t.is(quantile([4, 3, 1, 2], 0.5), 2);
  t.is(quantile([10, 9], 0.99), 10);
  t.is(quantile([7], 0), 7);
  t.is(quantile([1.23456], 0.5), 1.235);
});

test('random: the same numbers from the same seed, from 0 to below 1, spread evenly', (t) => {
  const [a, b] = [randomFrom(7), randomFrom(7)];
  const numbers = Array.from({ length: 10_000 }, a);
  t.deepEqual(numbers, Array.from({ length: 10_000 }, b));
  t.true(numbers.every((number) => number >= 0 && number < 1));
  for (let tenth = 0; tenth < 10; tenth++) {
    const count = numbers.filter((number) => Math.floor(number * 10) === tenth).length;
    t.true(Math.abs(count - 1_000) < 150, `${count} of 10000 in tenth ${tenth}`);
  }
});

/** An object handed from a function to another, in another executor: from its seal until the consumer runs. Its size must not matter. */
import type { Runtime } from 'pheromone';
import { pass } from '../apps/paths.ts';
import { type Measure, timed, warmUp } from '../measure.ts';
import { check, ours } from '../runtime.ts';

const times = 10;
const warmUps = 500;
export const sizes = { '1 KB': 1_000, '1 MB': 1_000_000, '10 MB': 10_000_000, '100 MB': 100_000_000 } as const;

export const memcpy = (name: string, unit: 'µs' | 'ms'): Measure => ({
  name,
  system: 'floor: memcpy',
  unit,
  settings: { size: '100 MB' },
  async prepare() {
    const from = new Uint8Array(sizes['100 MB']).fill(1);
    const to = new Uint8Array(sizes['100 MB']).fill(2);
    const copy = async () => [(unit === 'µs' ? 1_000 : 1) * (await timed(() => to.set(from)))];
    return { sample: copy, close: async () => undefined };
  },
});

/** Objects handed over in one session; those of a session are freed together, at its end. */
const inTurn = { '1 KB': 20, '1 MB': 20, '10 MB': 20, '100 MB': 5 } as const;

/** Those that stay where they are, since there is no other executor yet, are not counted. */
async function passOn(runtime: Runtime, size: keyof typeof sizes): Promise<readonly number[]> {
  const value = { sizeBytes: sizes[size], left: inTurn[size], tookUs: [] };
  const tookUs = await runtime.call(pass, { sizes: [{ value }] });
  check(tookUs !== undefined, 'pass');
  return tookUs ?? [];
}

async function passOften(runtime: Runtime, size: keyof typeof sizes): Promise<number[]> {
  const values: number[] = [];
  for (let i = 0; i < times; i++) values.push(...(await passOn(runtime, size)));
  check(values.length > 0, 'pass: none was handed over');
  return values;
}

export const passMeasures: readonly Measure[] = [
  ...(Object.keys(sizes) as (keyof typeof sizes)[]).map((size) =>
    ours(
      'pass',
      'µs',
      pass,
      { size, objects: inTurn[size], warmUps: warmUps * inTurn['1 KB'] },
      (runtime) => passOften(runtime, size),
      (runtime) => warmUp(warmUps, () => passOn(runtime, '1 KB')),
    ),
  ),
  memcpy('pass', 'µs'),
];

/** An object handed from a function to another, in another executor: from its seal until the consumer runs. Its size must not matter. */
import { pass } from '../apps/paths.ts';
import type { Measure } from '../measure.ts';
import { check, ours } from '../runtime.ts';

export const times = 10;
export const sizes = { '1 KB': 1_000, '1 MB': 1_000_000, '10 MB': 10_000_000, '100 MB': 100_000_000 } as const;

const memcpy: Measure = {
  name: 'pass',
  system: 'floor: memcpy',
  unit: 'µs',
  settings: { size: '100 MB' },
  async prepare() {
    const from = new Uint8Array(sizes['100 MB']).fill(1);
    const to = new Uint8Array(sizes['100 MB']).fill(2);
    const copy = async () => {
      const before = performance.now();
      to.set(from);
      return [1_000 * (performance.now() - before)];
    };
    return { sample: copy, close: async () => undefined };
  },
};

export const passMeasures: readonly Measure[] = [
  ...Object.entries(sizes).map(([size, sizeBytes]) =>
    ours('pass', 'µs', pass, { size }, async (runtime) => {
      const values = [];
      for (let i = 0; i < times; i++) {
        // To the end: the producer must have made room for the next.
        const [result] = await runtime.call(pass, 'sizes', sizeBytes, { until: 'end' });
        check(result?.good === true, 'pass');
        values.push(1_000 * (result?.tookMs ?? Number.NaN));
      }
      return values;
    }),
  ),
  memcpy,
];

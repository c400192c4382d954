/** Sessions of one no-op function, many open at once, from one client thread. */
import { one } from '../apps/paths.ts';
import { type Measure, timed } from '../measure.ts';
import { check, ours } from '../runtime.ts';

const sessions = 20_000;
const open = 1_024;

export const throughputMeasures: readonly Measure[] = [
  ours('throughput', 'sessions/s', one, { sessions, open }, async (runtime) => {
    let next = 0;
    const lane = async () => {
      while (next < sessions) {
        const i = next++;
        check((await runtime.call(one, 'questions', i)) === i + 1, 'throughput');
      }
    };
    const tookMs = await timed(() => Promise.all(Array.from({ length: open }, lane)));
    return [sessions / (tookMs / 1_000)];
  }),
];

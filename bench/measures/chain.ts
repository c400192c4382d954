/** A chain of functions, each started by the object of the one before. */
import { chain } from '../apps/paths.ts';
import { type Measure, timed } from '../measure.ts';
import { check, ours } from '../runtime.ts';

const length = 1_000;

const ofPayload = (payload: Uint8Array | null): Measure =>
  ours('chain', 'µs/hop', chain, { length, payload: payload ? `${payload.byteLength} bytes` : 'none' }, async (runtime) => {
    const call = async () => check((await runtime.call(chain, 'links', { left: length, payload })) === (payload?.byteLength ?? 0), 'chain');
    return [(1_000 * (await timed(call))) / length];
  });

const awaited: Measure = {
  name: 'chain',
  system: 'floor: await a function',
  unit: 'µs/hop',
  settings: { length },
  async prepare() {
    const hop = async (left: number): Promise<number> => left - 1;
    const run = async () => {
      let left = length * 100;
      while (left > 0) left = await hop(left);
    };
    return { sample: async () => [(1_000 * (await timed(run))) / (length * 100)], close: async () => undefined };
  },
};

export const chainMeasures: readonly Measure[] = [ofPayload(null), ofPayload(new Uint8Array(100)), awaited];

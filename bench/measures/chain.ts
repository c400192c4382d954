/** A chain of functions, each started by the object of the one before. */
import { chain, chainBytes, markByte, payloadBytes } from '../apps/paths.ts';
import { type Measure, timed } from '../measure.ts';
import { check, ours } from '../runtime.ts';

export const length = 1_000;

const ofNumbers = ours('chain', 'µs/hop', chain, { length, payload: 'none' }, async (runtime) => {
  const call = async () => check((await runtime.call(chain, 'links', length)) === 0, 'chain');
  return [(1_000 * (await timed(call))) / length];
});

const ofBytes = ours('chain', 'µs/hop', chainBytes, { length, payload: `${payloadBytes} bytes` }, async (runtime) => {
  const payload = new Uint8Array(payloadBytes).fill(markByte);
  new DataView(payload.buffer).setUint32(0, length, true);
  const call = async () => check((await runtime.call(chainBytes, 'byte-links', payload)) === payloadBytes, 'chain');
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

export const chainMeasures: readonly Measure[] = [ofNumbers, ofBytes, awaited];

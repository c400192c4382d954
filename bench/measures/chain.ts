/** A chain of functions, each started by the object of the one before. */
import type { App, Runtime } from 'pheromone';
import { chain, chainBytes, markByte, payloadBytes } from '../apps/paths.ts';
import { type Measure, timed, warmUp } from '../measure.ts';
import { check, ours } from '../runtime.ts';

const length = 1_000;
const times = 50;
const warmUps = 500;

// #region chain
const callChain = (runtime: Runtime) => runtime.call(chain, 'links', length);
// #endregion

const callNumbers = async (runtime: Runtime) => check((await callChain(runtime)) === 0, 'chain');

const callBytes = async (runtime: Runtime) => {
  const payload = new Uint8Array(payloadBytes).fill(markByte);
  new DataView(payload.buffer).setUint32(0, length, true);
  check((await runtime.call(chainBytes, 'byte-links', payload)) === payloadBytes, 'chain');
};

const chainOf = (app: App, payload: string, call: (runtime: Runtime) => Promise<unknown>) =>
  ours(
    'chain',
    'µs/hop',
    app,
    { length, payload, warmUps },
    async (runtime) => {
      const values = [];
      for (let i = 0; i < times; i++) values.push((1_000 * (await timed(() => call(runtime)))) / length);
      return values;
    },
    (runtime) => warmUp(warmUps, () => call(runtime)),
  );

const ofNumbers = chainOf(chain, 'none', callNumbers);
const ofBytes = chainOf(chainBytes, `${payloadBytes} bytes`, callBytes);

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

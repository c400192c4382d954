/**
 * Two threads that hand a number to and fro, and poll for it in their event loops: a look per turn, the processor given away after each that
 * was in vain; after half a millisecond they park. The floor of a call: there is no session and no function, and both may poll at a time.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import koffi from 'koffi';

const pollMs = 0.5;
// Indices of 32-bit words, in cache lines of their own: what is handed over, and whether the one who waits for it is parked.
const there = { value: 0, parked: 16 };
const back = { value: 32, parked: 48 };
const yieldProcessor = process.platform === 'linux' ? koffi.load(null).func('int sched_yield()') : () => undefined;

function give(words, { value, parked }, number) {
  Atomics.store(words, value, number);
  if (Atomics.exchange(words, parked, 0) === 1) Atomics.notify(words, value);
}

/** Resolves when the word is no longer `last`. */
function hear(words, { value, parked }, last) {
  const since = performance.now();
  return new Promise((resolve) => {
    const look = async () => {
      if (Atomics.load(words, value) !== last) return resolve();
      if (performance.now() - since > pollMs) {
        Atomics.store(words, parked, 1);
        await Atomics.waitAsync(words, value, last).value;
        return resolve();
      }
      yieldProcessor();
      setImmediate(() => void look());
    };
    setImmediate(() => void look());
  });
}

/** Gives a function that hands over once and comes back, and one that ends the other thread. */
export async function startPolling() {
  const words = new Int32Array(new SharedArrayBuffer(1_024));
  const worker = new Worker(new URL(import.meta.url), { workerData: words });
  await new Promise((resolve) => worker.once('message', resolve));
  let last = 0;
  return {
    async once() {
      const heard = hear(words, back, last);
      give(words, there, ++last);
      await heard;
    },
    close: async () => void (await worker.terminate()),
  };
}

if (!isMainThread && workerData instanceof Int32Array) {
  // Who is parked has nothing else to stay for.
  parentPort.ref();
  parentPort.postMessage('ready');
  for (let last = 0; ; last++) {
    await hear(workerData, there, last);
    give(workerData, back, last + 1);
  }
}

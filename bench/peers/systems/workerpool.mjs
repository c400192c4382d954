/** workerpool: functions that a worker script offers by name. A thread runs one at a time. */
import { fileURLToPath } from 'node:url';
import workerpool from 'workerpool';

export const packages = ['workerpool'];

const threads = 2;

export async function open() {
  // #region open
  const script = fileURLToPath(new URL('workerpool-thread.mjs', import.meta.url));
  const pool = workerpool.pool(script, { workerType: 'thread', minWorkers: threads, maxWorkers: threads });
  const run = (name, value) => pool.exec(name, [value]);
  // #endregion
  let words = null;

  return {
    // #region call
    call: (value) => run('next', value),
    // #endregion

    // #region chain
    async chain(length) {
      let hops = 0;
      for (let i = 0; i < length; i++) hops = await run('next', hops);
      return hops;
    },
    // #endregion

    async chainBytes(length, payload) {
      for (let i = 0; i < length; i++) payload = await run('hop', payload);
      return payload;
    },

    // #region fan
    async fan(width) {
      const pieces = await Promise.all(Array.from({ length: width }, (_, i) => run('same', i)));
      return run('sum', pieces);
    },
    // #endregion

    async pass(sizeBytes) {
      return run('consume', await run('produce', sizeBytes));
    },

    // #region word-count
    async wordCount(parts, reducers, functions) {
      const script = fileURLToPath(new URL('workerpool-words.mjs', import.meta.url));
      const workerThreadOpts = { workerData: { functions } };
      words ??= workerpool.pool(script, { workerType: 'thread', minWorkers: threads, maxWorkers: threads, workerThreadOpts });
      const mapped = await Promise.all(parts.map((part) => words.exec('mapPart', [part])));
      const shares = Array.from({ length: reducers }, (_, share) => mapped.map((blocks) => blocks[share]));
      return Promise.all(shares.map((blocks) => words.exec('reduceShare', [blocks])));
    },
    // #endregion

    async close() {
      await pool.terminate();
      await words?.terminate();
    },
  };
}

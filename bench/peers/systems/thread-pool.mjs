/** tinypool and piscina, which are used alike: functions of a module, each run by a thread that is free. What comes next is the caller's. */
import { fileURLToPath } from 'node:url';

const threads = 2;

/** @param {new (options: object) => import('piscina').Piscina} Pool */
export async function openPool(Pool) {
  // #region open
  const filename = fileURLToPath(new URL('pool-thread.mjs', import.meta.url));
  const pool = new Pool({ filename, minThreads: threads, maxThreads: threads });
  const run = (name, value) => pool.run(value, { name });
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

    // #region sleep
    async sleep(count, ms) {
      const filename = fileURLToPath(new URL('pool-sleep.mjs', import.meta.url));
      const pool = new Pool({ filename, minThreads: threads, maxThreads: threads, concurrentTasksPerWorker: Math.ceil(count / threads) });
      const woken = await Promise.all(Array.from({ length: count }, (_, i) => pool.run({ i, ms }, { name: 'doze' })));
      await pool.destroy();
      return new Set(woken).size;
    },
    // #endregion

    // #region word-count
    async wordCount(parts, reducers, filename) {
      words ??= new Pool({ filename, minThreads: threads, maxThreads: threads });
      const mapped = await Promise.all(parts.map((part) => words.run(part, { name: 'mapPart' })));
      const shares = Array.from({ length: reducers }, (_, share) => mapped.map((blocks) => blocks[share]));
      return Promise.all(shares.map((blocks) => words.run(blocks, { name: 'reduceShare' })));
    },
    // #endregion

    async close() {
      await pool.destroy();
      await words?.destroy();
    },
  };
}

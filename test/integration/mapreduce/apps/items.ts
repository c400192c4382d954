/** One function over many items. */
import { setTimeout as sleep } from 'node:timers/promises';
import { mapApp } from 'pheromone/mapreduce';

export interface Item {
  readonly number: number;
  readonly fails?: boolean;
  readonly waitMs?: number;
}

export default mapApp('squares', {
  module: import.meta.url,
  concurrency: 100,
  async fn({ number, fails = false, waitMs = 0 }: Item, { signal }) {
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    if (fails) throw new RangeError(`${number} has no square`);
    return number === 0 ? undefined : number ** 2;
  },
});

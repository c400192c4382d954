/** What several workers have done, as one. */
import type { WorkerStats } from '../actors/protocol/store.ts';

export const noStats: WorkerStats = {
  sessionsOpened: 0,
  sessionsOpen: 0,
  invocations: 0,
  invocationsQueued: 0,
  objects: 0,
  objectBytes: 0,
  executors: 0,
  storeBlocks: 0,
  storeUsedBytes: 0,
  storeHighWaterBytes: 0,
  storeSizeBytes: 0,
  invocationsForwarded: 0,
  invocationsPlacedNear: 0,
  invocationsLodged: 0,
  objectsFetched: 0,
  bytesFetched: 0,
  messagesSent: 0,
};

export function sumOf(a: WorkerStats, b: WorkerStats): WorkerStats {
  const fields = Object.keys(noStats) as (keyof WorkerStats)[];
  return Object.fromEntries(fields.map((field) => [field, a[field] + b[field]])) as unknown as WorkerStats;
}

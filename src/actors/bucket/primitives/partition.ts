/**
 * How `byBatchSize` and `byTime` keep groups apart: with `partitionBy: 'group'` each group has its own batch or window, and
 * its own timer; without it all objects are one partition, written as null.
 *
 *   G1  With `partitionBy` the objects without a group are one group more, also null.
 *   G2  A partition has a row in the state, and its timer is pending, only while it holds something (`fireEmpty` apart), so
 *       that groups which never come back cost nothing.
 */
import type { Action, Arrival } from './primitive.ts';

export interface Partitioned {
  /** A batch or window for each group; absent: one for all. */
  readonly partitionBy?: 'group';
}

export function partitionOf(arrival: Arrival, options: Partitioned): string | null {
  return options.partitionBy ? arrival.group : null;
}

export function fire(inputs: readonly number[], partition: string | null, options: Partitioned): Action {
  return options.partitionBy ? { kind: 'fire', inputs, group: partition } : { kind: 'fire', inputs };
}

export function startTimer(partition: string | null, atMs: number): Action {
  return { kind: 'startTimer', id: timerOf(partition), atMs };
}

export function stopTimer(partition: string | null): Action {
  return { kind: 'stopTimer', id: timerOf(partition) };
}

/** The partition whose timer has this id. */
export function partitionOfTimer(id: string): string | null {
  return id === timerOf(null) ? null : id.slice(prefix.length);
}

const prefix = 'group ';

function timerOf(partition: string | null): string {
  return partition === null ? 'all' : prefix + partition;
}

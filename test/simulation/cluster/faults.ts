/** What goes wrong in a simulated cluster beside what does in any simulated world: nodes that do not hear of each other for a while. */
import { type Faults, randomFaults } from '../faults.ts';
import type { Random } from '../random.ts';

export interface ClusterFaults extends Faults {
  /** From one partition to the next, on average; 0: never. Each cuts two nodes from each other, or one from all. */
  readonly partitionMsMean: number;
  /** The longest; shorter than what transports take for a peer's end (`peerTimeoutMs`), so that nothing that was sent is lost. */
  readonly partitionMsMax: number;
}

export const noPartitions = { partitionMsMean: 0, partitionMsMax: 0 } as const;

/** Half of all clusters have partitions. */
export function randomClusterFaults(random: Random): ClusterFaults {
  return { ...randomFaults(random), partitionMsMean: random.pick([0, 0, 500, 2_000]), partitionMsMax: random.pick([100, 3_000]) };
}

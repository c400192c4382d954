/** What goes wrong in a simulated cluster beside what does in any simulated world: nodes that do not hear of each other for a while. */
import { type Faults, randomFaults } from '../faults.ts';
import type { Random } from '../random.ts';

export interface ClusterFaults extends Faults {
  /** From one partition to the next, on average; 0: never. Each cuts two nodes from each other, or one from all. */
  readonly partitionMsMean: number;
  /** The longest; shorter than what transports take for a peer's end (`peerTimeoutMs`), so that nothing that was sent is lost. */
  readonly partitionMsMax: number;
  /** After so long a worker dies, and is not started again; null: none does. */
  readonly deathMs: number | null;
  /** After so long more the others hear of it. */
  readonly leaseMs: number;
}

export const noClusterFaults = { partitionMsMean: 0, partitionMsMax: 0, deathMs: null, leaseMs: 0 } as const;

/** Half of all clusters have partitions. Slow threads are not so slow that a session's deadline says little. */
export function randomClusterFaults(random: Random): ClusterFaults {
  return {
    ...randomFaults(random),
    slowFactor: 3,
    partitionMsMean: random.pick([0, 0, 500, 2_000]),
    partitionMsMax: random.pick([100, 3_000]),
    deathMs: random.chance(0.2) ? random.int(500, 4_000) : null,
    leaseMs: random.pick([100, 10_000]),
  };
}

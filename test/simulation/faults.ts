/** What goes wrong in a simulated world, and how often. All of it stops when the world heals. */
import type { Random } from './random.ts';

export interface Faults {
  /** A packet between hosts takes at least so long. */
  readonly delayMsMin: number;
  /** And on average so much longer; exponentially distributed, which reorders packets. */
  readonly delayMsMean: number;
  /** Share of packets between hosts that never arrive. */
  readonly lossShare: number;
  /** Share of packets between hosts that arrive twice. */
  readonly duplicateShare: number;
  /** From one death of an executor thread through nobody's fault to the next, on average; 0: never. */
  readonly threadCrashMsMean: number;
  /** Share of the messages under way from a thread that are lost with it: the newest. */
  readonly lostWithThreadShare: number;
  /** Share of the executor threads that are slow. */
  readonly slowThreadShare: number;
  /** What a slow thread does takes so many times longer. */
  readonly slowFactor: number;
  /** From one pause of a thread (a long garbage collection) to the next, on average; 0: never. */
  readonly pauseMsMean: number;
  /** Its longest. */
  readonly pauseMsMax: number;
  /** Share of thread starts that fail. */
  readonly startFailureShare: number;
  /** Share of imports of a module that fail. */
  readonly loadFailureShare: number;
}

export const noFaults: Faults = {
  delayMsMin: 1,
  delayMsMean: 0,
  lossShare: 0,
  duplicateShare: 0,
  threadCrashMsMean: 0,
  lostWithThreadShare: 0,
  slowThreadShare: 0,
  slowFactor: 1,
  pauseMsMean: 0,
  pauseMsMax: 0,
  startFailureShare: 0,
  loadFailureShare: 0,
};

/** A quarter of all worlds has a perfect network, a quarter has threads that never die: each kind of fault also comes alone. */
export function randomFaults(random: Random): Faults {
  const hasNetworkFaults = random.chance(0.75);
  const hasThreadFaults = random.chance(0.75);
  return {
    delayMsMin: random.pick([0, 1, 5]),
    delayMsMean: hasNetworkFaults ? random.pick([0, 2, 30]) : 0,
    lossShare: hasNetworkFaults ? random.pick([0, 0.05, 0.3]) : 0,
    duplicateShare: hasNetworkFaults ? random.pick([0, 0.05, 0.3]) : 0,
    threadCrashMsMean: hasThreadFaults ? random.pick([0, 100, 500, 3_000]) : 0,
    lostWithThreadShare: random.pick([0, 0.5, 1]),
    slowThreadShare: random.pick([0, 0.5]),
    slowFactor: random.pick([3, 20]),
    pauseMsMean: hasThreadFaults ? random.pick([0, 1_000]) : 0,
    pauseMsMax: 400,
    startFailureShare: hasThreadFaults ? random.pick([0, 0.2]) : 0,
    loadFailureShare: hasThreadFaults ? random.pick([0, 0.1]) : 0,
  };
}

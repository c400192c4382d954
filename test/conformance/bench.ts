/** What the conformance suite and the model test of registries need of each. */
import type { Registry } from '../../src/cluster/registry/registry.ts';
import type { Clock } from '../simulation/clock.ts';

export interface Bench {
  readonly registry: Registry;
  readonly clock: Clock;
  /** The same registry for another node. */
  another(): Registry;
  /** What is asked for together takes effect in the order in which it was asked for: more than every registry promises. */
  readonly isOrdered: boolean;
  /** Watchers have been told all that has happened. */
  quiet(): Promise<unknown>;
  /** Pieces of large values that are stored. Undefined: it stores none in pieces. */
  pieces?(): Promise<number>;
  close(): Promise<void>;
}

export function portsOf(clock: Clock) {
  return { nowMs: () => clock.nowMs, timers: clock.timers() };
}

/** What a bucket knows: the triggers of each revision, and the state of each trigger in each session. */
import type { PrimitiveLookup, TriggerDefinition } from '../app.ts';
import type { BucketIdentity, SessionNumber } from '../protocol/bucket.ts';
import type { Packing } from '../packing.ts';
import type { SparseMap } from '../sparse.ts';
import type { Primitive } from './primitives/primitive.ts';

/** The one "session" of an app-scoped bucket. */
export const allSessions: SessionNumber = -1;

export interface TriggerRow {
  readonly index: number;
  readonly definition: TriggerDefinition;
  readonly primitive: Primitive;
}

/** A trigger in a session: its state, and the timers that it waits for. */
export interface TriggerState {
  readonly row: TriggerRow;
  readonly state: unknown;
  /** When each is due, in milliseconds since the epoch. */
  readonly timers: SparseMap<string, number>;
}

export interface SessionTriggers {
  readonly triggers: TriggerState[];
}

export interface BucketState extends BucketIdentity {
  readonly lookup: PrimitiveLookup;
  readonly revisions: Map<number, readonly TriggerRow[]>;
  readonly sessions: Map<SessionNumber, SessionTriggers>;
  /** Null: no session rests. */
  readonly packing: Packing | null;
  /** Of sessions that rest: their revision, and the states of their triggers, packed. */
  readonly resting: Map<SessionNumber, string>;
}

export function createBucket(identity: BucketIdentity, lookup: PrimitiveLookup, packing: Packing | null = null): BucketState {
  return { ...identity, lookup, revisions: new Map(), sessions: new Map(), packing, resting: new Map() };
}

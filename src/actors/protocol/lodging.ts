/**
 * How an invocation is run by another worker than its session's: its home asks the coordinator for a place, and lodges it there.
 *
 *     home ── placementAsked ─► coordinator ── slotsAsked ─► workers
 *          ◄────── placed ─────             ◄─ slotsOffered ─
 *     home ── lodge, lodgerAnswer, unlodge, checkOut ─► host
 *          ◄─ objectSent, lodgerOutput, expectSent, objectsAsked, lodgerEnded ──
 *
 * All decisions about the invocation stay at home: the host runs one attempt, and says what came of it. Numbers of invocations are the
 * home's.
 */
import type { Ref } from '../../storage/object.ts';
import type { Address } from '../actor.ts';
import type { ErrorData } from './error.ts';
import type { Run } from './executor.ts';
import type { Input } from './object.ts';
import type { AttemptOutcome } from './scheduler.ts';

/** An invocation for which a place is sought. */
export interface PlacementRequest {
  readonly invocation: number;
  readonly app: string;
  readonly revision: number;
  /** Bytes of its inputs by the worker where they are. */
  readonly held: readonly { readonly worker: Address; readonly sizeBytes: number }[];
}

/** To a coordinator. */
export type PlacementMessage =
  | { readonly kind: 'placementAsked'; readonly home: Address; readonly requests: readonly PlacementRequest[] }
  /** Executors with nothing to do, now. */
  | { readonly kind: 'slotsOffered'; readonly worker: Address; readonly free: number }
  | { readonly kind: 'placementTimeoutReached' };

/** To a scheduler. */
export type LodgingMessage =
  | { readonly kind: 'slotsAsked'; readonly coordinator: Address }
  /** `worker` null: nobody has room. */
  | { readonly kind: 'placed'; readonly places: readonly { readonly invocation: number; readonly worker: Address | null }[] }
  | {
      readonly kind: 'lodge';
      readonly home: Address;
      /** Of the attempt. */
      readonly session: string;
      readonly invocation: number;
      readonly attempt: number;
      readonly app: string;
      readonly revision: number;
      readonly function: Run['function'];
      readonly priority: number;
      readonly inputs: readonly Input[];
      /** Blocks of inputs that were brought here for it. */
      readonly owned: readonly number[];
      readonly failure: ErrorData | null;
      /** To be refused where no executor is free any more. */
      readonly ifFree: boolean;
    }
  | {
      readonly kind: 'unlodge';
      readonly home: Address;
      readonly session: string;
      readonly invocation: number;
      readonly attempt: number;
      readonly graceMs: number;
    }
  /** What the attempt had asked for. */
  | {
      readonly kind: 'lodgerAnswer';
      readonly home: Address;
      readonly session: string;
      readonly invocation: number;
      readonly attempt: number;
      readonly request: number;
      readonly error: ErrorData | null;
      readonly objects: readonly Input[];
      readonly owned: readonly number[];
    }
  /** The session is over: what is held for it may go. */
  | { readonly kind: 'checkOut'; readonly home: Address; readonly session: string }
  /** The block is the receiver's. */
  | {
      readonly kind: 'lodgerOutput';
      readonly session: string;
      readonly invocation: number;
      readonly attempt: number;
      readonly ordinal: number;
      readonly ref: Ref;
      readonly failure: ErrorData | null;
    }
  | {
      readonly kind: 'lodgerEnded';
      readonly session: string;
      readonly invocation: number;
      readonly attempt: number;
      readonly outcome: AttemptOutcome;
      /** Executors with nothing to do, now. */
      readonly free: number;
    }
  /** Invocations have waited for long: others may have room. */
  | { readonly kind: 'forwardDue' }
  /** Nobody has said where. */
  | { readonly kind: 'placementOverdue' }
  /** Objects that were far away are here, held once each; or why not. */
  | { readonly kind: 'objectsBrought'; readonly request: number; readonly refs: readonly Ref[]; readonly error: ErrorData | null }
  /** A worker is no member of the cluster any more. */
  | { readonly kind: 'workerGone'; readonly worker: Address };

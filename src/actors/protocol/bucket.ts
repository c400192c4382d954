/** What a bucket may be told, and what it tells its home (the scheduler for session scope, the coordinator for app scope). */
import type { Address } from '../actor.ts';
import type { TriggerDefinition } from '../app.ts';
import type { Announcement, Arrival } from '../bucket/primitives/primitive.ts';
import type { ErrorData } from './error.ts';
import type { PendingTrigger } from './session.ts';

/** A trigger of this bucket. `index` is its place in the revision's table; for app scope names tell triggers apart. */
export interface BucketTrigger {
  readonly index: number;
  readonly definition: TriggerDefinition;
}

/** The home's number for the session, or -1: the one state that all sessions share. */
export type SessionNumber = number;

/** A bucket of an app, in one of its scopes. */
export interface BucketIdentity {
  readonly address: Address;
  readonly app: string;
  readonly bucket: string;
  /** The scheduler or the coordinator: who is told what each step caused. */
  readonly home: Address;
  /** `app`: one state for all sessions, and triggers that change with the app. `session`: a state each, and the triggers it opened with. */
  readonly scope: 'session' | 'app';
}

export type BucketMessage =
  /** From here on sessions of `revision` have these triggers. An app-scoped bucket has one revision: the newest. */
  | { readonly kind: 'configureBucket'; readonly revision: number; readonly triggers: readonly BucketTrigger[] }
  | { readonly kind: 'retireRevision'; readonly revision: number }
  | { readonly kind: 'objectReady'; readonly session: SessionNumber; readonly revision: number; readonly arrival: Arrival }
  | {
      readonly kind: 'announceJoin';
      readonly session: SessionNumber;
      readonly revision: number;
      readonly announcement: Announcement;
      /** Echoed in `joinAnnounced`. */
      readonly request: number;
    }
  | { readonly kind: 'sourcesDone'; readonly session: SessionNumber; readonly trigger: number }
  | {
      readonly kind: 'sourceLost';
      readonly session: SessionNumber;
      readonly revision: number;
      readonly trigger: number;
      readonly source: number;
      readonly cancelled: boolean;
    }
  /** Fire what is partial: of one trigger at its session's end, or of all (-1) when the app is drained. */
  | { readonly kind: 'flushTrigger'; readonly session: SessionNumber; readonly trigger: number }
  /** What waits in this session? Answered by `bucketSettled`. */
  | { readonly kind: 'settleSession'; readonly session: SessionNumber }
  /** Nothing happens in this session until something comes from outside, in days perhaps. */
  | { readonly kind: 'restSession'; readonly session: SessionNumber; readonly revision: number }
  | { readonly kind: 'forgetSession'; readonly session: SessionNumber }
  | { readonly kind: 'triggerTimerReached'; readonly session: SessionNumber; readonly trigger: string; readonly timer: string }
  | { readonly kind: 'closeBucket' };

export interface Firing {
  /** The trigger's index in the session's revision; app-scoped homes go by `name` and `function`. */
  readonly trigger: number;
  readonly name: string;
  readonly function: string;
  /** The arrivals' ids. */
  readonly inputs: readonly number[];
}

/** Everything that one message to a bucket caused, in one piece: a home never sees half of a step. */
export interface BucketStepped {
  readonly kind: 'bucketStepped';
  readonly app: string;
  readonly bucket: string;
  readonly session: SessionNumber;
  /** Whether the home's own message was stepped (exactly one of these answers each), or a timer's. */
  readonly answers: boolean;
  /** The arrival that was admitted, or -1; and how many triggers hold it or have fired it. */
  readonly admitted: number;
  readonly holders: number;
  readonly firings: readonly Firing[];
  readonly dropped: readonly { readonly input: number; readonly reason: DropReason }[];
  readonly cancelled: readonly CancelledSources[];
  readonly failed: { readonly trigger: number; readonly error: ErrorData } | null;
  readonly joined: { readonly by: number; readonly request: number; readonly error: ErrorData | null } | null;
  /** The triggers that wait for a timer now, by index. */
  readonly timed: readonly number[];
}

/** `unwanted`: nothing that its trigger ever fires. `released`: its trigger was deleted. */
export type DropReason = 'superseded' | 'late' | 'unwanted' | 'released';

export interface CancelledSources {
  readonly trigger: number;
  readonly functions: readonly string[];
  readonly except: readonly number[];
}

export type FromBucket =
  | BucketStepped
  | {
      readonly kind: 'bucketSettled';
      readonly session: SessionNumber;
      readonly bucket: string;
      readonly pending: readonly PendingTrigger[];
    };

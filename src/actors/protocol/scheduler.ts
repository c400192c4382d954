/** What a scheduler may be told. */
import type { Address } from '../actor.ts';
import type { AppDefinition } from '../app.ts';
import type { BucketIdentity, FromBucket } from './bucket.ts';
import type { CodeBundle } from './coordinator.ts';
import type { Ref } from '../../storage/object.ts';
import type { ErrorData } from './error.ts';
import type { ExitReason, FromThread } from './executor.ts';
import type { LodgingMessage } from './lodging.ts';
import type { Entry, Input } from './object.ts';
import type { LinkedFiring, SessionSpec } from './session.ts';

/** What came of an attempt, as the executor's keeper tells it. */
export type AttemptOutcome =
  | { readonly kind: 'returned'; readonly objects: number; readonly outputs: number }
  | { readonly kind: 'failed'; readonly error: ErrorData }
  /** It was aborted, and has let go of its inputs. */
  | { readonly kind: 'aborted' }
  /** Its executor had something else to do: it has not begun. */
  | { readonly kind: 'refused' }
  /** Its executor is no more. `culprit`: it ran alone there, so it was its doing. */
  | { readonly kind: 'lost'; readonly reason: ExitReason; readonly culprit: boolean; readonly text: string };

/**
 * A session that has run solo so far: all that has happened in it. Its triggers are evaluated again, object by object; what they fire
 * is compared with what has begun.
 */
export interface AdoptSession {
  readonly kind: 'adoptSession';
  /** Who has the slot, and is told that it is free: the client, or who keeps it for him. */
  readonly keeper: Address;
  /** The revision, by the number of its installation. */
  readonly install: number;
  readonly session: string;
  readonly client: Address;
  readonly openedMs: number;
  readonly sent: readonly SoloObjectSent[];
  /** In order: the n-th has the number n as an object's source. All but perhaps the last have returned. */
  readonly begun: readonly { readonly trigger: number; readonly inputs: readonly number[] }[];
  /** Where the last one still runs; -1: it has returned. */
  readonly executor: number;
  /** By which invocation. */
  readonly given: readonly { readonly source: number; readonly ref: Ref }[];
  readonly slot: number;
  readonly generation: number;
}

export interface SoloObjectSent {
  /** 0: a client. */
  readonly source: number;
  readonly bucket: number;
  readonly key: string;
  readonly group: string | null;
  readonly ref: Ref;
}

export type SchedulerMessage =
  | LodgingMessage
  | FromBucket
  | FromThread
  | {
      readonly kind: 'installApp';
      readonly coordinator: Address;
      /** On a cluster: in which the coordinator has the app's shard (`cluster/fence.ts`). */
      readonly epoch?: number;
      readonly revision: number;
      readonly definition: AppDefinition;
      readonly bundle: CodeBundle;
    }
  /** A bucket of app scope whose primitives are the app's own: it runs here, and its home is the coordinator. */
  | { readonly kind: 'hostBucket'; readonly epoch?: number; readonly identity: BucketIdentity }
  | { readonly kind: 'uninstallApp'; readonly app: string; readonly revision: number }
  /** `firing` and `inputs`: an app-scoped trigger has fired, and this session is its invocation. */
  | {
      readonly kind: 'startSession';
      readonly coordinator: Address;
      readonly epoch?: number;
      readonly spec: SessionSpec;
      readonly revision: number;
      readonly firing: LinkedFiring | null;
      readonly inputs: readonly Input[];
      /** Blocks of `inputs` that were brought here for it: they pass to the session. */
      readonly owned: readonly number[];
      /** The client is to be told that it is open; else he has been. */
      readonly announces: boolean;
      /** What it was to begin with could not be brought here. */
      readonly failure: ErrorData | null;
    }
  | AdoptSession
  | {
      readonly kind: 'putIntoSession';
      readonly session: string;
      readonly client: Address;
      readonly request: number;
      readonly entries: readonly Entry[];
    }
  | {
      readonly kind: 'getFromSession';
      readonly session: string;
      readonly client: Address;
      readonly request: number;
      readonly bucket: string;
      readonly key: string | null;
    }
  | {
      readonly kind: 'describeSession';
      /** Answers if the session is not open here any more. */
      readonly coordinator: Address;
      readonly session: string;
      readonly client: Address;
      readonly request: number;
    }
  | { readonly kind: 'stopSession'; readonly session: string; readonly error: ErrorData }
  | { readonly kind: 'appObjectAdmitted'; readonly object: number }
  | { readonly kind: 'appObjectReleased'; readonly object: number }
  | { readonly kind: 'executorReady'; readonly executor: number }
  /** Its thread has been told to end: it takes no more. */
  | { readonly kind: 'executorEnding'; readonly executor: number }
  | { readonly kind: 'executorGone'; readonly executor: number; readonly text: string }
  | {
      readonly kind: 'executorLoaded';
      readonly executor: number;
      readonly app: string;
      readonly revision: number;
      readonly error: ErrorData | null;
    }
  | {
      readonly kind: 'attemptEnded';
      readonly executor: number;
      readonly invocation: number;
      readonly attempt: number;
      readonly outcome: AttemptOutcome;
    }
  | { readonly kind: 'delayOver'; readonly session: number; readonly object: number }
  | { readonly kind: 'retryDue'; readonly invocation: number; readonly attempt: number }
  | { readonly kind: 'rerunTimeoutReached'; readonly invocation: number; readonly trigger: number; readonly attempt: number }
  /** Of the open sessions the one with the earliest deadline, at least, may have to end. */
  | { readonly kind: 'deadlineReached' }
  | { readonly kind: 'executorRestartDue' }
  | { readonly kind: 'startScheduler' }
  /** It accepts nothing new from here on, and says so; what is open may end. */
  | { readonly kind: 'retireScheduler' }
  | { readonly kind: 'stopScheduler' };

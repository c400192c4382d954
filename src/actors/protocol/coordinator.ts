/** What a coordinator may be told. */
import type { Address } from '../actor.ts';
import type { AppDefinition } from '../app.ts';
import type { CoordinatorRequest } from './client.ts';
import type { ErrorData } from './error.ts';
import type { PlacementMessage } from './lodging.ts';
import type { Input } from './object.ts';
import type { SessionSpec, SessionSummary } from './session.ts';
import type { FromBucket } from './bucket.ts';

/** An app's module as one file of JavaScript. */
export interface CodeBundle {
  /** SHA-256 of the code, hexadecimal. */
  readonly hash: string;
  readonly code: string;
  /** SHA-256 of the code apart from where its module lies: equal for the same module in another place, on another machine. */
  readonly content: string;
  /** The URL of the module that was bundled: relative imports of native packages start there. */
  readonly module: string;
}

/** What is kept of an app outside its coordinator: who acts for it next goes on from there. */
export interface AppRecord {
  readonly name: string;
  readonly revision: number;
  /** Who registered it last. */
  readonly client: Address;
  /** Null: it was unregistered. `bundle` without its code. */
  readonly app: { readonly definition: AppDefinition; readonly bundle: CodeBundle } | null;
}

/** Whom to tell of a change of an app, and what. */
export interface AppAnswer {
  readonly client: Address;
  readonly request: number;
  readonly result: unknown;
}

/** To whoever keeps them. `answer` is given when the record is kept; if it cannot be, the request is refused with `DurableStoreFailed`. */
export interface RecordApp {
  readonly kind: 'recordApp';
  readonly record: AppRecord;
  /** Null: nobody has asked for it. */
  readonly answer: AppAnswer | null;
}

export type CoordinatorMessage =
  | PlacementMessage
  | CoordinatorRequest
  | FromBucket
  | { readonly kind: 'openSession'; readonly spec: SessionSpec }
  | { readonly kind: 'admissionTimeoutReached'; readonly session: string }
  /** `install`: the number of the installation there. */
  | { readonly kind: 'appInstalled'; readonly worker: Address; readonly app: string; readonly revision: number; readonly install: number }
  | {
      readonly kind: 'appInstallFailed';
      readonly worker: Address;
      readonly app: string;
      readonly revision: number;
      readonly error: ErrorData;
    }
  /** An app of a shard for which this coordinator acts from now on. */
  | { readonly kind: 'appRestored'; readonly record: AppRecord }
  /** A worker is part of the cluster from here on. */
  | { readonly kind: 'workerJoined'; readonly worker: Address }
  /** It has left, or is not heard of any more: the sessions that it homed are lost. */
  | { readonly kind: 'workerLeft'; readonly worker: Address; readonly reason: string }
  /** The node is stopping: nothing more is taken. */
  | { readonly kind: 'stopCoordinator' }
  /** A session that had run solo is now known to its worker, and is from here on known here. */
  | { readonly kind: 'sessionAdopted'; readonly worker: Address; readonly spec: SessionSpec }
  | { readonly kind: 'sessionClosed'; readonly summary: SessionSummary }
  /** To `describeSession`, of a session that is not open there: its `sessionClosed` has come before this. */
  | { readonly kind: 'sessionNotOpen'; readonly session: string; readonly client: Address; readonly request: number }
  /** A worker has too much queued to be given new sessions, or has room again. */
  | { readonly kind: 'workerLoad'; readonly worker: Address; readonly accepts: boolean }
  /** An object for the app-scoped triggers of a bucket. The worker keeps its bytes until `appObjectReleased`. */
  | {
      readonly kind: 'appObjectReady';
      readonly worker: Address;
      /** Unique in the worker. */
      readonly object: number;
      readonly app: string;
      readonly bucket: string;
      readonly source: number;
      readonly sourceFunction: string | null;
      readonly input: Input;
    };

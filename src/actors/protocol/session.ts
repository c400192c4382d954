/** What messages say of sessions. */
import type { ErrorData } from './error.ts';
import type { Entry, Expectation } from './object.ts';

export interface SessionSpec {
  /** 26 characters of base32, made by whoever opens it. */
  readonly id: string;
  readonly app: string;
  /** The user's own name for it, for idempotent calls; null: none. */
  readonly requestId: string | null;
  /** Where outputs and the end are told: a client's address. */
  readonly client: string;
  /** Whether a call waits for its outputs; else they go to `runtime.outputs(app)`. */
  readonly called: boolean;
  readonly entries: readonly Entry[];
  readonly expects: readonly Expectation[];
  readonly priority: number;
  /** Null: 15 minutes, or 7 days for an app with an external bucket. */
  readonly deadlineMs: number | null;
  /** How long it may wait for admission. */
  readonly admitTimeoutMs: number;
  /** The session that this one tries again; it has been cancelled. */
  readonly retryOf: string | null;
}

/** What of it still matters when it has been opened. */
export type OpenedSpec = Pick<SessionSpec, 'id' | 'app' | 'client' | 'called' | 'priority' | 'retryOf'>;

/** A firing of an app-scoped trigger, as its session's only input. */
export interface LinkedFiring {
  readonly trigger: string;
  readonly function: string;
  /** The ids of the sessions whose objects it mixes, without repeats; the first 100. */
  readonly sessions: readonly string[];
}

export type SessionState = 'open' | 'ended' | 'failed' | 'cancelled';

export interface FunctionCounts {
  readonly function: string;
  readonly invocations: number;
  readonly attempts: number;
  readonly reruns: number;
  readonly failures: number;
}

/** What a session has done. */
export interface SessionHistory {
  readonly objects: number;
  readonly outputs: number;
  /** Objects dropped because an unfired set held their key already. */
  readonly superseded: number;
  /** Objects that came too late for their round. */
  readonly late: number;
  readonly functions: readonly FunctionCounts[];
  readonly linkedTo: readonly string[];
  readonly retryOf: string | null;
}

export interface SessionSummary {
  readonly id: string;
  readonly app: string;
  readonly revision: number;
  readonly state: SessionState;
  readonly openedMs: number;
  readonly endedMs: number | null;
  readonly error: ErrorData | null;
  readonly history: SessionHistory;
}

/** A trigger that waits, for `SessionIncomplete`. */
export interface PendingTrigger {
  readonly trigger: string;
  readonly bucket: string;
  readonly primitive: string;
  readonly function: string;
  readonly has: readonly string[];
  readonly lacks: readonly string[];
}

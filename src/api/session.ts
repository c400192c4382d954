/**
 * Sessions as a client sees them. Interfaces only.
 */
import type { SessionHistory, SessionSummary } from '../actors/protocol/session.ts';
import type { AnyBucket, ValueOf } from './bucket.ts';
import type { Outcome, ResultOptions } from './call-options.ts';
import type { Outgoing } from './context.ts';
import type { AnyPheromoneError } from './errors.ts';

export type { FunctionCounts, PendingTrigger, SessionHistory, SessionState } from '../actors/protocol/session.ts';

/** Where a session is. `endedMs` and `error` are null while it is open; times are milliseconds since the epoch. */
export interface SessionStatus extends Omit<SessionSummary, 'history' | 'error'> {
  /** Why it failed or was cancelled; null otherwise. */
  readonly error: AnyPheromoneError | null;
}

/** A session, by its id. Holding a handle costs nothing and keeps nothing alive. */
export interface SessionHandle<Out = unknown> {
  /** 26 characters of base32. */
  readonly id: string;
  /** Rejects with `UnknownSession` when it never was, or its summary is no longer kept. */
  status(): Promise<SessionStatus>;
  /**
   * Waits for its output as `call` does, and rejects as `call` does; to give up waiting does not cancel it. May be asked again, by the
   * client that has opened the session: in another it is `UnknownSession`.
   */
  result<U extends 'output' | 'end' = 'output'>(options?: ResultOptions<U>): Promise<Outcome<Out, U>>;
  /** Drops what is queued, aborts what runs. `call` rejects with `SessionCancelled`. Of an ended session: nothing happens. */
  cancel(reason?: string): Promise<void>;
  /** What it has done so far. */
  history(): Promise<SessionHistory>;
  /** Puts an object from outside into a bucket. Rejects with `SessionEnded` when it is over, and as `ctx.send` does. */
  put<B extends AnyBucket>(bucket: B, object: Outgoing<NoInfer<ValueOf<B>>>): Promise<void>;
  put(bucket: string, object: Outgoing): Promise<void>;
}

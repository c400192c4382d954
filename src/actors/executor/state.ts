/** What an executor's keeper knows: which attempts its thread runs, and which of them must stop. */
import type { Address } from '../actor.ts';
import type { ErrorData } from '../protocol/error.ts';

export interface RunningAttempt {
  readonly invocation: number;
  readonly attempt: number;
  readonly timeoutMs: number | null;
  /** Which of the runs that the thread was given, counted from 1; 0: none, it began solo. */
  readonly run: number;
  /** `timeout`: it fails with `FunctionTimedOut`. `cancelled`: nobody needs it. */
  stopping: 'timeout' | 'cancelled' | null;
  /** Its grace is over: it is why the thread is terminated. */
  overstayed: boolean;
}

export interface ExecutorLimits {
  /** From the thread's start until it is ready. */
  readonly startTimeoutMs: number;
  /** For importing an app's module. */
  readonly loadTimeoutMs: number;
  /** From an attempt's `signal` until its thread is terminated. */
  readonly abortGraceMs: number;
}

export interface ExecutorState {
  readonly executor: number;
  readonly address: Address;
  readonly thread: Address;
  readonly scheduler: Address;
  readonly limits: ExecutorLimits;
  /** Whether what its thread has not begun can be taken back: memory tells which that is, where sessions run solo. */
  readonly takesBack: boolean;
  /** How many the thread was given. */
  runs: number;
  readonly running: Map<number, RunningAttempt>;
  /** Apps whose module the thread is importing: `app@revision`. */
  readonly loading: Map<string, { readonly app: string; readonly revision: number }>;
  /** It was told to stop while its thread started. */
  stopWhenReady: boolean;
  /** Why the thread was told to end, for the log and for apps that were still loading. */
  condemnedFor: ErrorData | null;
}

export function createExecutor(
  executor: number,
  address: Address,
  scheduler: Address,
  limits: ExecutorLimits,
  takesBack: boolean,
): ExecutorState {
  return {
    executor,
    address,
    thread: `thread:${executor}`,
    scheduler,
    limits,
    takesBack,
    runs: 0,
    running: new Map(),
    loading: new Map(),
    stopWhenReady: false,
    condemnedFor: null,
  };
}

/**
 * An operating condition as data on the wire. At the API it becomes an error class with the same `code` (`api/errors.ts`).
 */
export const errorCodes = [
  /** A definition was refused: `detail.field`, `detail.value`. */
  'InvalidDefinition',
  /** An argument or option was refused: `detail.field`, `detail.value`. */
  'InvalidOption',
  'UnknownApp',
  'UnknownBucket',
  'UnknownSession',
  /** Another module has registered an app of this name. */
  'AppNameTaken',
  /** The app's module could not be bundled, or failed to import in an executor. */
  'ModuleFailed',
  /** A value cannot be encoded: `detail.path`. */
  'NotEncodable',
  /** Larger than the store can ever hold: `detail.sizeBytes`, `detail.sizeBytesMax`. */
  'ObjectTooLarge',
  /** No room in the store within the wait for it. */
  'StoreFull',
  /** The session has ended, failed, or been cancelled: nothing can be put into it. */
  'SessionEnded',
  /** It ended without output while triggers waited: `detail.pending`. */
  'SessionIncomplete',
  'SessionCancelled',
  /** The session's `deadlineMs` has passed. */
  'DeadlineExceeded',
  /** The caller's `timeoutMs` has passed. */
  'CallTimedOut',
  /** The caller's `signal` was aborted. */
  'CallAborted',
  /** User code threw, on its last attempt: `detail.function`, `detail.attempt`, `thrown`. */
  'FunctionFailed',
  /** User code did not return within its `timeoutMs`, on its last attempt. */
  'FunctionTimedOut',
  /** User code ended its executor: `process.exit`, or its heap ran out. */
  'ExecutorCrashed',
  /** A source never delivered what its trigger's `rerun` expects, on its last attempt. */
  'RerunExhausted',
  /** A primitive's evaluator threw, or returned what it may not. */
  'PrimitiveFailed',
  /** More than n − k sources of a `redundant` trigger are lost. */
  'TooManySourcesLost',
  'JoinAlreadyAnnounced',
  /** `expect` on a bucket that no `dynamicJoin` watches. */
  'NoJoinTrigger',
  /** More than `invocationsMax` in one session. */
  'InvocationsExceeded',
  /** Not admitted in time: `detail.retryAfterMs`. */
  'Overloaded',
  'RuntimeClosed',
  /** The attempt that asked has been aborted: what it still sends is refused. */
  'InvocationAborted',
  'DurableStoreFailed',
  /** Nobody answers there within the time-out: `detail.address`. */
  'PeerUnreachable',
  /** A peer speaks another version of the protocol: `detail.ours`, `detail.theirs`. */
  'ProtocolMismatch',
  /** A node of this name is in the cluster already: `detail.name`. */
  'NodeNameTaken',
  /** Something else listens there: `detail.address`. */
  'AddressInUse',
  /** The worker that homed the session has left the cluster, or is not heard of any more: `detail.worker`. */
  'WorkerLost',
  /** The coordinator that acted for the session's app has left the cluster, or is not heard of any more: `detail.coordinator`. */
  'CoordinatorLost',
  /** Objects that a session needs are on a node that is gone. */
  'InputsLost',
  /** What was known has changed meanwhile: `detail.key`. */
  'RegistryConflict',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** What user code threw, as far as it can be told: a non-Error has its printed form as message. */
export interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly stack: string | null;
}

export interface ErrorData {
  readonly code: ErrorCode;
  /** Says what, which, the limit, and the next step. */
  readonly message: string;
  /** Whether the same request may succeed later, unchanged. */
  readonly retryable: boolean;
  /** The ids and limits concerned. */
  readonly detail: Readonly<Record<string, unknown>>;
  readonly thrown: Thrown | null;
}

export function errorData(
  code: ErrorCode,
  message: string,
  detail: Record<string, unknown> = {},
  retryable = false,
  thrown: Thrown | null = null,
): ErrorData {
  return { code, message, retryable, detail, thrown };
}

/** `timeoutMs`: null if whoever waited had none of his own. */
export function callTimedOut(session: string | undefined, timeoutMs: number | null): ErrorData {
  const text = `session ${session} did not answer within timeoutMs${timeoutMs === null ? '' : ` (${timeoutMs} ms)`}`;
  return errorData('CallTimedOut', text, { session });
}

export function callAborted(session: string | undefined, reason: string): ErrorData {
  return errorData('CallAborted', `the call's signal was aborted: ${reason}`, { session });
}

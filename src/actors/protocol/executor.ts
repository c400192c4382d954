/** What an executor's keeper (the actor beside the scheduler) and the thread itself may be told. */
import type { Ref } from '../../storage/object.ts';
import type { AppDefinition } from '../app.ts';
import type { CodeBundle } from './coordinator.ts';
import type { ErrorData } from './error.ts';
import type { Input } from './object.ts';

export interface LoadApp {
  readonly kind: 'loadApp';
  readonly app: string;
  readonly revision: number;
  /** Of this revision here, in slots of solo sessions. */
  readonly install: number;
  readonly definition: AppDefinition;
  readonly bundle: CodeBundle;
}

/** An attempt to be run. (invocation, attempt) names it: whatever the thread says of another attempt is refused. */
export interface Run {
  readonly kind: 'run';
  readonly invocation: number;
  readonly attempt: number;
  readonly app: string;
  readonly revision: number;
  readonly function: number;
  readonly session: string;
  readonly inputs: readonly Input[];
}

/** Why a thread is no more. `lost` is nobody's fault; the others are the doing of code that ran in it. */
export type ExitReason = 'exit' | 'outOfMemory' | 'uncaught' | 'terminated' | 'lost';

export type ExecutorMessage =
  | { readonly kind: 'startExecutor' }
  | LoadApp
  | { readonly kind: 'unloadApp'; readonly app: string; readonly revision: number }
  | { readonly kind: 'invoke'; readonly run: Run; readonly timeoutMs: number | null }
  /** Abort the attempt: `signal`, then after `graceMs` the thread is terminated. */
  | { readonly kind: 'abortInvocation'; readonly invocation: number; readonly attempt: number; readonly graceMs: number }
  /** What a solo session runs on this thread is an attempt of the scheduler from here on. */
  | SoloAdopted
  /** The thread had something else to do: the attempt has not begun. */
  | { readonly kind: 'runRefused'; readonly invocation: number; readonly attempt: number }
  /** The node says for the thread: of the first `runs` that it was given, none after `begun` has begun, or will. */
  | { readonly kind: 'runsTakenBack'; readonly begun: number; readonly runs: number }
  | { readonly kind: 'stopExecutor' }
  | { readonly kind: 'threadReady' }
  | { readonly kind: 'appLoaded'; readonly app: string; readonly revision: number }
  | { readonly kind: 'appLoadFailed'; readonly app: string; readonly revision: number; readonly error: ErrorData }
  | AttemptDone
  | { readonly kind: 'threadExited'; readonly reason: ExitReason; readonly text: string }
  | { readonly kind: 'attemptTimeoutReached'; readonly invocation: number; readonly attempt: number }
  | { readonly kind: 'graceOver'; readonly invocation: number; readonly attempt: number }
  | { readonly kind: 'loadTimeoutReached'; readonly app: string; readonly revision: number }
  | { readonly kind: 'startTimeoutReached' };

/** The function that the solo session of a slot runs is this attempt. `timeoutMs`: its limit from here on; what it has taken so far is a few ms. */
export interface SoloAdopted {
  readonly kind: 'soloAdopted';
  readonly slot: number;
  readonly generation: number;
  readonly invocation: number;
  readonly attempt: number;
  readonly timeoutMs: number | null;
}

/** An attempt has returned, and all that it sent went before this message. */
export interface AttemptDone {
  readonly kind: 'attemptDone';
  readonly invocation: number;
  readonly attempt: number;
  /** How much it sent; the home has the same counts before the invocation is done. */
  readonly objects: number;
  readonly outputs: number;
  readonly error: ErrorData | null;
}

export type ThreadMessage =
  | LoadApp
  | { readonly kind: 'unloadApp'; readonly app: string; readonly revision: number }
  | Run
  | SoloAdopted
  | { readonly kind: 'abortAttempt'; readonly invocation: number; readonly attempt: number; readonly error: ErrorData }
  /** Blocks that were asked for, in the order of asking; `sizeBytes` is the size asked. */
  | { readonly kind: 'blocksGranted'; readonly request: number; readonly sizeBytes: number; readonly offsets: readonly number[] }
  | { readonly kind: 'blocksRefused'; readonly request: number; readonly error: ErrorData }
  | {
      readonly kind: 'answer';
      readonly request: number;
      readonly error: ErrorData | null;
      readonly objects: readonly Input[];
      readonly ref: Ref | null;
    };

/** What a thread may say of an attempt that it runs. `request` is echoed in the `answer`. */
export type FromThread =
  | {
      readonly kind: 'objectSent';
      readonly invocation: number;
      readonly attempt: number;
      readonly bucket: number;
      readonly key: string;
      /** Counts that key's sends to that bucket within the attempt: part of the object's id. */
      readonly ordinal: number;
      readonly group: string | null;
      readonly delayMs: number;
      readonly ref: Ref;
    }
  | { readonly kind: 'outputSent'; readonly invocation: number; readonly attempt: number; readonly ordinal: number; readonly ref: Ref }
  | {
      readonly kind: 'expectSent';
      readonly invocation: number;
      readonly attempt: number;
      readonly request: number;
      readonly bucket: number;
      readonly group: string | null;
      readonly keys: readonly string[] | null;
      readonly count: number | null;
    }
  | {
      readonly kind: 'objectsAsked';
      readonly invocation: number;
      readonly attempt: number;
      readonly request: number;
      readonly bucket: number;
      /** Null: all. */
      readonly key: string | null;
    };

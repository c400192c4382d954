/** What a client may be told. */
import type { Address } from '../actor.ts';
import type { AppDefinition } from '../app.ts';
import type { Ref } from '../../storage/object.ts';
import type { ErrorData } from './error.ts';
import type { CodeBundle } from './coordinator.ts';
import type { Entry, Expectation, Input } from './object.ts';
import type { ThreadMessage } from './executor.ts';
import type { SessionSummary } from './session.ts';
import type { StoreMessage } from './store.ts';

export interface AskCall {
  readonly kind: 'askCall';
  readonly request: number;
  readonly app: string;
  readonly entries: readonly Entry[];
  readonly expects: readonly Expectation[];
  /** `output`: settle with the first one. `end`: with all, when the session has ended. `open`: when it is admitted. */
  readonly until: 'output' | 'end' | 'open';
  readonly requestId: string | null;
  readonly timeoutMs: number | null;
  readonly admitTimeoutMs: number;
  readonly retries: number;
  readonly deadlineMs: number | null;
  readonly priority: number;
}

/** What the client's own user asks; answered by the effect `settle` with the same request number. */
export type ClientCommand =
  | AskCall
  /** A call whose session has run solo so far, and is at home now. `isAnswered`: its user has the first output already. */
  | { readonly kind: 'reclaimCall'; readonly session: string; readonly call: AskCall; readonly isAnswered: boolean }
  /** The user's signal: the call is given up and its session cancelled. */
  | { readonly kind: 'abandonCall'; readonly request: number; readonly reason: string }
  /** Waits for a session that this client has opened; `session` is its id or the user's own. */
  | {
      readonly kind: 'askResult';
      readonly request: number;
      readonly session: string;
      readonly until: 'output' | 'end';
      readonly timeoutMs: number | null;
    }
  /** A question that one message answers under the same request number. */
  | { readonly kind: 'ask'; readonly to: Address; readonly question: Question; readonly timeoutMs: number }
  /** No more intake; settled when the open sessions have ended, or after `drainMs`. */
  | { readonly kind: 'askClose'; readonly request: number; readonly drainMs: number };

export type Question = CoordinatorRequest | Extract<StoreMessage, { kind: 'durableGet' | 'durablePut' | 'statsAsked' | 'recallSolo' }>;

/** What a user's question is settled with. */
export type Reply =
  | Extract<ThreadMessage, { kind: 'answer' }>
  | { readonly kind: 'requestDone'; readonly request: number; readonly result: unknown }
  /** `outputs`: what the session had given before it failed. */
  | { readonly kind: 'requestRefused'; readonly request: number; readonly error: ErrorData; readonly outputs?: readonly Ref[] }
  | { readonly kind: 'objectsFound'; readonly request: number; readonly objects: readonly Input[] }
  | { readonly kind: 'outputsReady'; readonly request: number; readonly session: string; readonly outputs: readonly Ref[] }
  | { readonly kind: 'sessionReady'; readonly request: number; readonly session: string };

/** Requests to a coordinator that are answered by one `requestDone` or `requestRefused`. */
export type CoordinatorRequest =
  | {
      readonly kind: 'registerApp';
      readonly request: number;
      readonly client: Address;
      readonly definition: AppDefinition;
      readonly bundle: CodeBundle;
    }
  | { readonly kind: 'unregisterApp'; readonly request: number; readonly client: Address; readonly app: string }
  | { readonly kind: 'changeApp'; readonly request: number; readonly client: Address; readonly app: string; readonly change: AppChange }
  | { readonly kind: 'drainApp'; readonly request: number; readonly client: Address; readonly app: string }
  | {
      readonly kind: 'putObjects';
      readonly request: number;
      readonly client: Address;
      readonly session: string;
      readonly entries: readonly Entry[];
    }
  /** `key` null: all of the bucket, in the order of admission. Answered by `objectsFound`. */
  | {
      readonly kind: 'getObjects';
      readonly request: number;
      readonly client: Address;
      readonly session: string;
      readonly bucket: string;
      readonly key: string | null;
    }
  /** `session`: a session's id or the user's own request id. */
  | { readonly kind: 'querySession'; readonly request: number; readonly client: Address; readonly session: string }
  | {
      readonly kind: 'cancelSession';
      readonly request: number;
      readonly client: Address;
      readonly session: string;
      readonly reason: string;
    };

export type AppChange =
  | { readonly kind: 'addTrigger'; readonly trigger: AppDefinition['triggers'][number] }
  | { readonly kind: 'deleteTrigger'; readonly trigger: string }
  | { readonly kind: 'createBucket'; readonly bucket: AppDefinition['buckets'][number] }
  | { readonly kind: 'deleteBucket'; readonly bucket: string };

export type ClientMessage =
  | ClientCommand
  /** The objects that are found are pinned for the client, who releases each when it has copied it. */
  | Extract<Reply, { kind: 'requestDone' | 'requestRefused' | 'objectsFound' | 'answer' }>
  /**
   * `session` is the id that this client gave, `existing` the one it has joined by its request id, or the same. Of a session that is `called`
   * and whose objects are not with its client it is not told that it is open: who calls waits for more, and would be woken for nothing.
   */
  | { readonly kind: 'sessionOpened'; readonly session: string; readonly existing: string }
  | { readonly kind: 'sessionRefused'; readonly session: string; readonly error: ErrorData }
  /** The `index`-th output of the session; pinned for the client. `from` is the function. */
  | {
      readonly kind: 'sessionOutput';
      readonly session: string;
      readonly app: string;
      readonly index: number;
      readonly from: string;
      readonly ref: Ref;
      readonly called: boolean;
    }
  /** A session that ran solo in this slot is at home now: what becomes of it comes by messages. */
  | { readonly kind: 'sessionReclaimed'; readonly session: string; readonly slot: number; readonly generation: number }
  | { readonly kind: 'sessionEnded'; readonly summary: SessionSummary }
  | { readonly kind: 'callTimeoutReached'; readonly request: number }
  | { readonly kind: 'requestTimeoutReached'; readonly request: number }
  | { readonly kind: 'drainTimeoutReached' };

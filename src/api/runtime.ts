/**
 * The runtime as its user drives it: the same interface embedded (`startLocal`) and on a cluster. Interfaces only.
 *
 *   R1  Every promise settles: with a result, an error with a `code`, or `RuntimeClosed`.
 *   R2  User functions never run on the caller's thread, and a busy caller never stalls running sessions.
 *   R3  Values are encoded before the call returns: the caller may change them at once, unless he has said that they are `stable`.
 */
import type { WorkerStats } from '../actors/protocol/store.ts';
import type { ClusterStatus } from './cluster-status.ts';
import type { AnyBucket, ValueOf } from './bucket.ts';
import type { CallOptions, Outcome, StartOptions } from './call-options.ts';
import type { Durable, Outgoing } from './context.ts';
import type { App } from './define-app.ts';
import type { Entries, ValueFor } from './entries.ts';
import type { AnyPheromoneError } from './errors.ts';
import type { CloseOptions } from './local-options.ts';
import type { SessionHandle } from './session.ts';
import type { Trigger } from './trigger.ts';

/** An object as a client gets it: in memory of its own. */
export interface StoredObject<T = unknown> {
  readonly key: string;
  readonly group: string | null;
  readonly value: T;
  readonly bytes: Uint8Array;
}

/** An object read where it lies in the store, without a copy: `bytes` (and what in `value` aliases it) is valid until `release()`. */
export interface PinnedObject<T = unknown> extends StoredObject<T> {
  /** Must be called: the object's memory is not freed before. A second call does nothing. */
  release(): void;
}

/** An output of a session that nobody called: `start`, or a firing of a trigger that mixes sessions. */
export interface SessionOutput<Out = unknown> {
  readonly session: string;
  readonly value: Out;
  /** The function that gave it. */
  readonly from: string;
}

/** Outputs as they come. Leaving the loop ends it; so does the runtime's end. */
export interface Outputs<Out = unknown> extends AsyncIterableIterator<SessionOutput<Out>> {
  /** How many its reader was too slow for. */
  readonly dropped: number;
}

export type { WorkerStats };

export interface RuntimeEvents {
  /** A session failed, whether or not somebody waits for it. */
  sessionFailed: { readonly session: string; readonly app: string; readonly error: AnyPheromoneError };
}

export interface Runtime extends AsyncDisposable {
  /**
   * Bundles the app's module and makes the app known; sessions may be opened when it resolves. Registering an app again with
   * changed code or definition makes a new revision: open sessions keep theirs. Rejects with `ModuleFailed`, or `AppNameTaken`
   * when another module has an app of this name: one that lies elsewhere, and has other code.
   */
  registerApp(app: App): Promise<void>;
  /** Forgets the app. Its open sessions are cancelled. Rejects with `UnknownApp`. */
  unregisterApp(app: App | string): Promise<void>;

  /** Each of these four makes a new revision of a live app: open sessions keep theirs, app-scoped triggers switch at once. */
  createBucket(app: App | string, bucket: AnyBucket): Promise<void>;
  /** Refused (`InvalidDefinition`) while a trigger or a function's `sends` names it. */
  deleteBucket(app: App | string, bucket: AnyBucket | string): Promise<void>;
  /** The function must be one of the app's module: listed in its triggers or in `functions`. */
  addTrigger(app: App | string, trigger: Trigger): Promise<void>;
  /** By its name. What an app-scoped one held is released; the log says how many objects. */
  deleteTrigger(app: App | string, name: string): Promise<void>;

  /**
   * Opens a session by putting objects into buckets, and waits for its output: the first one (undefined if it ends without), or
   * with `until: 'end'` all of them. Rejects with what made the session fail (`FunctionFailed`, `SessionIncomplete`, …), with
   * `CallTimedOut`, `CallAborted`, or `Overloaded` when it was not admitted in time.
   */
  call<B extends AnyBucket, Out, U extends 'output' | 'end' = 'output'>(
    app: App<B, Out> | string,
    entries: NoInfer<Entries<B>>,
    options?: CallOptions<U>,
  ): Promise<Outcome<Out, U>>;
  /** The same with a single object; the bucket is given as itself or by its name. */
  call<B extends AnyBucket, Out, K extends B | B['name'], U extends 'output' | 'end' = 'output'>(
    app: App<B, Out> | string,
    bucket: K,
    value: NoInfer<ValueFor<B, K>>,
    options?: CallOptions<U>,
  ): Promise<Outcome<Out, U>>;

  /** Opens a session and resolves when it is admitted. Its outputs come by the handle, and by `outputs(app)`. */
  start<B extends AnyBucket, Out>(
    app: App<B, Out> | string,
    entries: NoInfer<Entries<B>>,
    options?: StartOptions,
  ): Promise<SessionHandle<Out>>;
  start<B extends AnyBucket, Out, K extends B | B['name']>(
    app: App<B, Out> | string,
    bucket: K,
    value: NoInfer<ValueFor<B, K>>,
    options?: StartOptions,
  ): Promise<SessionHandle<Out>>;

  /** Puts an object into an open session. Rejects with `SessionEnded`, `UnknownSession`, `UnknownBucket`, and as `ctx.send` does. */
  put<B extends AnyBucket>(session: string, bucket: B, object: Outgoing<NoInfer<ValueOf<B>>>): Promise<void>;
  put(session: string, bucket: string, object: Outgoing): Promise<void>;

  /** The first object admitted to the bucket under this key, undefined if there is none. Only while the session is open. */
  get<B extends AnyBucket, P extends boolean = false>(
    session: string,
    bucket: B | string,
    key: string,
    options?: { readonly pin?: P | undefined },
  ): Promise<(P extends true ? PinnedObject<ValueOf<B>> : StoredObject<ValueOf<B>>) | undefined>;

  /** A session by its id, or by the `id` that `call` or `start` was given. Asks nothing until a method of the handle is called. */
  session<Out = unknown>(id: string): SessionHandle<Out>;

  /**
   * Outputs of the app's sessions that no `call` waits for, from now on. Bounded (`outputsWaitingMax`): when its reader is slow,
   * the oldest is dropped and counted. Ends when the runtime closes or the loop is left.
   */
  outputs<B extends AnyBucket, Out>(app: App<B, Out> | string): Outputs<Out>;

  /** Fires the partial batches and windows of app-scoped triggers, and resolves when the sessions they started have ended. */
  drain(app: App | string): Promise<void>;

  /** The app's durable store. */
  durable(app: App | string): Durable;

  /**
   * What the worker has done since it started, and what it holds now: a moment's picture. Without open sessions and pinned
   * objects the store is empty (`storeBlocks` 0) but for blocks that threads keep in advance for a second.
   */
  stats(): Promise<WorkerStats>;

  /** The nodes that it runs on, which coordinator acts for what, and how much each has to do. */
  clusterStatus(): Promise<ClusterStatus>;

  /** Listens; returns the function that stops it. A listener that throws is logged, and nothing else. */
  on<E extends keyof RuntimeEvents>(event: E, listener: (detail: RuntimeEvents[E]) => void): () => void;

  /** Stops intake, lets sessions finish for `drainMs`, aborts the rest, rejects pending calls with `RuntimeClosed`, frees everything. Idempotent. */
  close(options?: CloseOptions): Promise<void>;
}

/** What a coordinator knows: the apps of its shard, where their sessions are homed, and the objects of app-scoped triggers. */
import type { Address } from '../actor.ts';
import type { AppDefinition, AppTable } from '../app.ts';
import type { CoordinatorRequest } from '../protocol/client.ts';
import type { CodeBundle } from '../protocol/coordinator.ts';
import type { PlacementRequest } from '../protocol/lodging.ts';
import type { Input } from '../protocol/object.ts';
import { createSessionIdMaker, type SessionIdMaker } from '../protocol/session-id.ts';
import type { LinkedFiring, SessionSpec } from '../protocol/session.ts';
import { Summaries } from './summaries.ts';

export interface CoordinatorLimits {
  readonly sessionsOpenMax: number;
  /** Of these, clients may open so many without asking: sessions that run solo. */
  readonly soloSessions: number;
  /** Sessions that wait for admission; more are refused at once. */
  readonly admissionsWaitingMax: number;
  /** None waits longer, whatever its client would wait. */
  readonly admitTimeoutMs: number;
  /** Requests that wait until an app's installation is over. */
  readonly appChangesWaitingMax: number;
  readonly summariesBytesMax: number;
  readonly summaryAgeMsMax: number;
}

export type AppRequest = Extract<CoordinatorRequest, { kind: 'registerApp' | 'changeApp' | 'unregisterApp' }>;

export interface AppRow {
  readonly name: string;
  /** Where the one that was registered last lies. */
  module: string;
  /** Who registered it last: outputs of sessions that nobody opened go there. */
  client: Address;
  /** The revision that new sessions get; null until the first is installed. */
  current: AppRevision | null;
  /** Of one that was restored: the revision that workers may still have of the coordinator before, until one has the current one. */
  former: number | null;
  installing: Installing | null;
  /** Changes that came meanwhile, in order. */
  readonly waiting: AppRequest[];
  /** Of `CoordinatorState.sessions` so many are of this app. */
  sessions: number;
  /** By home, the row that sessions have which have nothing of their own to say. */
  readonly plainRows: Map<Address, SessionRow>;
  /** App-scoped triggers' objects that are not yet done with. */
  objects: number;
  /** The actors of buckets with app-scoped triggers, by the buckets' names. */
  readonly buckets: Map<string, Address>;
  drain: Drain | null;
}

export interface Installing {
  readonly revision: AppRevision;
  readonly request: AppRequest;
  /** Workers that have not yet said whether it can be run there. */
  readonly asked: Set<Address>;
}

export interface Drain {
  readonly requests: { readonly client: Address; readonly request: number }[];
  /** Buckets that have not yet answered the newest flush. */
  flushing: number;
  /** Something has happened since the newest flush: another may fire more. */
  stale: boolean;
}

export interface AppRevision {
  readonly table: AppTable;
  readonly definition: AppDefinition;
  readonly bundle: CodeBundle;
  /** Where it can be run. */
  readonly workers: Set<Address>;
}

export interface WorkerRow {
  /** It has not too much queued to be given new sessions. */
  accepts: boolean;
  /** Open sessions that are homed there. */
  sessions: number;
}

/** What is known of a session beside its id. Many may be open for long, and most would say the same: these share one. */
export interface SessionRow {
  readonly app: AppRow;
  /** Who opened it. */
  readonly client: Address;
  /** The user's own name for it. */
  readonly requestId: string | null;
  readonly retryOf: string | null;
  /** Its home; null while it has none. */
  readonly worker: Address | null;
  /** The objects that it was fired with, if an app-scoped trigger opened it. */
  readonly linked: readonly number[];
}

/** An object that app-scoped triggers hold, or that a session they opened works on. */
export interface AppObject {
  readonly app: AppRow;
  /** Where its bytes are; null: they are lost with their worker. */
  worker: Address | null;
  readonly object: number;
  readonly input: Input;
  /** Triggers and sessions that still need it. */
  holders: number;
}

export interface CoordinatorState {
  readonly address: Address;
  readonly limits: CoordinatorLimits;
  readonly workers: Map<Address, WorkerRow>;
  /** Primitives of the apps' own can be evaluated here; else at a worker. */
  readonly loadsCode: boolean;
  /** Who keeps what is to survive this coordinator; null: nobody. */
  readonly records: Address | null;
  readonly apps: Map<string, AppRow>;
  /** The newest revision by the app's name. Kept when an app goes: one that comes back must not have a revision twice. */
  readonly revisions: Map<string, number>;
  /** Open ones, and those that wait for admission. */
  readonly sessions: Map<string, SessionRow>;
  /** Those that wait for admission by their ids, oldest first. */
  readonly waiting: Map<string, SessionSpec>;
  /** The user's own ids, of open and of remembered sessions. */
  readonly requestIds: Map<string, string>;
  readonly summaries: Summaries;
  /** Sessions that were cancelled before their homes had said that they have them: the newest of these. */
  readonly cancelledEarly: Set<string>;
  readonly objects: Map<number, AppObject>;
  /** Sessions that triggers opened while no worker could run them, in order. */
  readonly homeless: { readonly spec: SessionSpec; readonly firing: LinkedFiring }[];
  /** Homes that look for a place, and what workers have said of theirs in this round. */
  readonly placement: {
    readonly asked: { readonly home: Address; readonly requests: readonly PlacementRequest[] }[];
    readonly awaited: Set<Address>;
    readonly offers: Map<Address, number>;
  };
  readonly ids: SessionIdMaker;
  nextObject: number;
}

export function createCoordinator(
  address: Address,
  limits: CoordinatorLimits,
  workers: readonly Address[],
  random: () => number,
  loadsCode = true,
  records: Address | null = null,
): CoordinatorState {
  return {
    address,
    limits,
    workers: new Map(workers.map((worker) => [worker, { accepts: true, sessions: 0 }])),
    loadsCode,
    records,
    apps: new Map(),
    revisions: new Map(),
    sessions: new Map(),
    waiting: new Map(),
    requestIds: new Map(),
    summaries: new Summaries(limits.summariesBytesMax, limits.summaryAgeMsMax),
    cancelledEarly: new Set(),
    objects: new Map(),
    homeless: [],
    placement: { asked: [], awaited: new Set(), offers: new Map() },
    ids: createSessionIdMaker(random),
    nextObject: 1,
  };
}

/** The user's own ids of sessions whose summaries have gone. */
export function forgetIds({ requestIds }: CoordinatorState, gone: ReturnType<Summaries['keep']>): void {
  // A retry may have taken it over.
  for (const { id, requestId } of gone) if (requestIds.get(requestId) === id) requestIds.delete(requestId);
}

/** `host`: the scheduler of the worker where its evaluators run; null: they run here. There a former coordinator's may still be. */
export function appBucketAddress(app: string, bucket: string, host: Address | null, revision: number): Address {
  if (host === null) return `app-bucket:${app}/${bucket}`;
  return `app-bucket:${app}/${bucket}/${revision}${host.slice(host.indexOf('@'))}`;
}

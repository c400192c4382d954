/**
 * What a scheduler knows: the sessions homed here, their objects and invocations, and its executors.
 *
 * Sessions, objects and invocations are rows, not actors: a step costs a table look-up, not a mailbox.
 */
import type { Ref } from '../../storage/object.ts';
import type { Address } from '../actor.ts';
import type { AppFunction, AppTable } from '../app.ts';
import type { SessionNumber } from '../protocol/bucket.ts';
import type { CodeBundle } from '../protocol/coordinator.ts';
import type { Input } from '../protocol/object.ts';
import type { SchedulerMessage } from '../protocol/scheduler.ts';
import type { Packing } from '../packing.ts';
import type { LinkedFiring, OpenedSpec, PendingTrigger } from '../protocol/session.ts';
import type { SparseMap, SparseSet } from '../sparse.ts';
import { DeadlineHeap } from './deadline-heap.ts';
import { ReadyQueue } from './ready-queue.ts';

export interface SchedulerLimits {
  readonly executors: number;
  /** Above it the coordinator sends no new sessions; running ones go on. */
  readonly queuedInvocationsMax: number;
  /** Against endless loops: more fails the session. */
  readonly invocationsPerSessionMax: number;
  /** How often an invocation that is not to blame may lose its executor. */
  readonly executorLossesMax: number;
  readonly deadlineMs: number;
  readonly deadlineExternalMs: number;
  readonly abortGraceMs: number;
  /** Before an executor is started again that ended while it started. */
  readonly executorRestartMs: number;
}

/** An object of a session, sealed. It holds its block until the session ends. */
export interface SessionObject extends Input {
  /** Changes when it is brought here from another worker. */
  ref: Ref;
  /** Its place in `session.objects`: the id that triggers know it by. */
  readonly index: number;
  readonly bucket: number;
  /** Null: a client, or an invocation that was done before its session slept. */
  readonly source: Invocation | null;
  /** The executor where it was made, or -1. */
  readonly near: number;
}

export interface Invocation {
  readonly number: number;
  readonly session: Session;
  readonly fn: AppFunction;
  readonly inputs: readonly Input[];
  /** Blocks of inputs that are held for the attempt. */
  pinned: readonly number[] | null;
  /** When the attempt began. */
  startedMs: number;
  /** Where its inputs were produced, or -1: the executor to prefer. */
  readonly near: number;
  /**
   * `placing`: it is being found out which worker is to run it, or its inputs are on their way here; `queued` for an executor; `running` on
   * one; `resting` before its next attempt; `watched`: returned, but a `rerun` still expects an object of it; `stopping`: still running,
   * needed by nobody; `done`.
   */
  place: 'placing' | 'queued' | 'running' | 'resting' | 'watched' | 'stopping' | 'done';
  /** Its entry in the queue. */
  queuedAs: number;
  /** Since when it is in the queue, or a place is sought for it. */
  queuedMs: number;
  /** The worker that runs its attempt, if that is another one; its scheduler's address. */
  host: Address | null;
  /** Of a lodger: what its home calls it. */
  readonly origin: { readonly invocation: number; readonly attempt: number } | null;
  /** Where its newest attempt runs or ran; -1 before the first. */
  executor: number;
  /** An executor has an attempt of it, whose end has not been told. */
  held: boolean;
  /** Counts its starts. Names the running attempt: what another one still sends is refused. */
  attempt: number;
  /** Attempts that count against the function's `retry.attemptsMax`. */
  spent: number;
  losses: number;
  reruns: number;
  /** The running attempt is being aborted so that the invocation can run again. */
  rerunDue: boolean;
  /** What the running attempt has sent, as far as it arrived. */
  objectsArrived: number;
  outputsArrived: number;
  /** Highest output ordinal that any attempt delivered. */
  outputsDelivered: number;
  /** Ids of its objects: `bucket/key/ordinal`; filled from the second attempt on, null while there is only one. */
  seen: Set<string> | null;
  /** What to put into `seen`, should there be a second attempt. */
  readonly sent: SentObject[];
  /** Blocks that the running attempt got by `ctx.get`, pinned for it. */
  borrowed: number[] | null;
  /** Reruns whose object has come, by trigger index. */
  delivered: Set<number> | null;
}

export interface SentObject {
  readonly bucket: number;
  readonly key: string;
  readonly ordinal: number;
}

export interface Session {
  readonly number: SessionNumber;
  readonly spec: OpenedSpec;
  readonly coordinator: Address;
  readonly app: InstalledApp;
  readonly table: AppTable;
  readonly firing: LinkedFiring | null;
  /** Where it is homed, if that is another worker: here are only some of its invocations, and what they have sent. */
  readonly home: Address | null;
  /** Workers that run, or have run, some of its invocations. */
  readonly hosts: SparseSet<Address>;
  readonly openedMs: number;
  /** Its deadline. */
  readonly dueMs: number;
  open: boolean;
  endedMs: number | null;
  readonly objects: SessionObject[];
  /** Blocks beside its objects' that are held for as long as it is open. */
  readonly owned: number[];
  /** First admitted object by bucket and key; built at the first `get`. */
  firstByKey: Map<string, SessionObject>[] | null;
  readonly invocations: SparseSet<Invocation>;
  /** Live invocations by function index, and of all functions. */
  readonly live: number[];
  liveTotal: number;
  /** Messages to buckets that are not yet answered. */
  stepping: number;
  /** Objects that `delayMs` holds back. */
  readonly delayed: SparseSet<SessionObject>;
  /** Objects that the coordinator has not yet acknowledged. */
  unacknowledged: number;
  /** Objects for the coordinator that are on their way here, and those behind them: null while there are none. */
  outgoing: SessionObject[] | null;
  /** Triggers that wait for a timer, by bucket name. */
  readonly timed: SparseMap<string, readonly number[]>;
  /** Late triggers that may hold something, by index. */
  readonly late: SparseSet<number>;
  /** Buckets that keep state for this session, by index. */
  readonly touched: SparseSet<number>;
  /** Buckets that have been asked what waits, and what they said. */
  settling: { waiting: number; readonly pending: PendingTrigger[] } | null;
  /** Of a session that came home: the firings that had begun, until its buckets fire them again. */
  replay: Set<string> | null;
  outputs: number;
  superseded: number;
  tooLate: number;
  readonly counts: { invocations: number; attempts: number; reruns: number; failures: number }[];
  invocationsMade: number;
}

export interface InstalledApp {
  /** Counts the installations here: what slots of solo sessions call this revision. */
  readonly install: number;
  readonly table: AppTable;
  readonly bundle: CodeBundle;
  readonly coordinator: Address;
  /** Whom to tell that the first executor has loaded it, until it has. */
  installing: Address | null;
  sessions: number;
  /** No new sessions; it goes when the last has ended. */
  retired: boolean;
}

export interface ExecutorSlot {
  readonly number: number;
  readonly address: Address;
  ready: boolean;
  /** Its thread has been told to end: it takes no more. */
  ending: boolean;
  running: number;
  /** The smallest `concurrency` of what runs there: so many interleave. */
  limit: number;
}

/** An object that an app-scoped trigger at the coordinator still needs. */
export interface AppObject {
  readonly offset: number;
  readonly session: SessionNumber;
}

/** Objects on their way here, and what they are needed for. */
export interface Bringing {
  readonly session: Session;
  readonly objects: readonly SessionObject[];
  readonly goal:
    | { readonly kind: 'run'; readonly invocation: Invocation }
    /** An answer to a client, or to a function. */
    | { readonly kind: 'again'; readonly message: SchedulerMessage }
    /** App-scoped triggers. */
    | { readonly kind: 'forward' };
}

/** What it takes to have other workers run what cannot run here soon. */
export interface ClusterState {
  /** This node's name. */
  readonly node: string;
  /** Sessions of which some invocations lodge here, by home and id. */
  readonly guests: Map<string, Session>;
  /** Lodgers by home, number and attempt. */
  readonly lodgers: Map<string, Invocation>;
  /** Invocations whose inputs are on their way here, by request. */
  readonly bringing: Map<number, Bringing>;
  nextRequest: number;
  /** How long an attempt takes here, in milliseconds: smoothed. */
  serviceMs: number;
  /** When an executor here has begun something last. */
  beganMs: number;
  /** Workers that had executors free a moment ago, for one app: what they have said with the end of a lodger. */
  readonly offers: Map<Address, { readonly app: InstalledApp; free: number; readonly sinceMs: number }>;
  /** A timer runs, or a coordinator has been asked. */
  isForwarding: boolean;
  /** Coordinators have been asked for places, and a timer says when it is time to do without. */
  isAsking: boolean;
  /** Times in a row that nobody had room. */
  fruitless: number;
  readonly totals: { forwarded: number; lodged: number; placedNear: number };
}

export interface SchedulerState {
  readonly address: Address;
  readonly limits: SchedulerLimits;
  /** Those that sleep apart. */
  readonly sessions: Map<SessionNumber, Session>;
  readonly sessionById: Map<string, Session>;
  /** Open ones that wait for the outside, by id: their rows, packed. */
  readonly asleep: Map<string, string>;
  /** Null: none sleeps. */
  readonly packing: Packing | null;
  readonly deadlines: DeadlineHeap;
  readonly invocations: Map<number, Invocation>;
  /** By name, then by revision; the newest last. */
  readonly apps: Map<string, Map<number, InstalledApp>>;
  /** The same apps by the number of their installation. */
  readonly installs: Map<number, InstalledApp>;
  readonly executors: Map<number, ExecutorSlot>;
  readonly queue: ReadyQueue;
  readonly appObjects: Map<number, AppObject>;
  /** Null: there are no other workers. */
  readonly cluster: ClusterState | null;
  readonly coordinators: Set<Address>;
  /** Since the start, for statistics. */
  readonly totals: { sessions: number; invocations: number; objects: number; objectBytes: number };
  nextInstall: number;
  nextSession: SessionNumber;
  nextInvocation: number;
  nextExecutor: number;
  nextAppObject: number;
  /** What coordinators were last told. */
  accepts: boolean;
  /** It accepts nothing new any more. */
  retiring: boolean;
  stopping: boolean;
}

/** `node`: its name in the cluster; null: there are no others. `packing`: null if no session is to sleep. */
export function createScheduler(
  address: Address,
  limits: SchedulerLimits,
  node: string | null = null,
  packing: Packing | null = null,
): SchedulerState {
  return {
    address,
    limits,
    sessions: new Map(),
    sessionById: new Map(),
    asleep: new Map(),
    packing,
    deadlines: new DeadlineHeap(),
    invocations: new Map(),
    apps: new Map(),
    installs: new Map(),
    executors: new Map(),
    queue: new ReadyQueue(),
    appObjects: new Map(),
    cluster: node === null ? null : createCluster(node),
    coordinators: new Set(),
    totals: { sessions: 0, invocations: 0, objects: 0, objectBytes: 0 },
    nextInstall: 1,
    nextSession: 1,
    nextInvocation: 1,
    nextExecutor: 0,
    nextAppObject: 1,
    accepts: true,
    retiring: false,
    stopping: false,
  };
}

function createCluster(node: string): ClusterState {
  return {
    node,
    guests: new Map(),
    lodgers: new Map(),
    bringing: new Map(),
    nextRequest: 1,
    serviceMs: 1,
    // Nothing yet: whatever waits for the first executors waits for its time.
    beganMs: Number.POSITIVE_INFINITY,
    offers: new Map(),
    isForwarding: false,
    isAsking: false,
    fruitless: 0,
    totals: { forwarded: 0, lodged: 0, placedNear: 0 },
  };
}

export function bucketAddress(app: string, bucket: string): Address {
  return `bucket:${app}/${bucket}`;
}

export function clusterOf({ cluster }: SchedulerState): ClusterState {
  if (!cluster) throw new Error('bug: there are no other workers');
  return cluster;
}

/** Whether an invocation still counts for its session. */
export function isLive(invocation: Invocation): boolean {
  return invocation.place !== 'stopping' && invocation.place !== 'done';
}

export function holdsBlock(ref: Ref): boolean {
  return ref.offset >= 0;
}

export function executorAddress(executor: number): Address {
  return `executor:${executor}`;
}

export function threadAddress(executor: number): Address {
  return `thread:${executor}`;
}

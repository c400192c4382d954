/** Every limit of a worker and its coordinator: unit, default, reason. `startLocal` and the roles of a cluster read these. */
import { availableParallelism } from 'node:os';
import type { LogLevel } from '../api/local-options.ts';
import { defaultArenaBytes } from '../storage/segment.ts';

export interface Config {
  /** Threads that run functions. A thread costs 8 MB; more than there are processors pay only for functions that wait. */
  readonly executors: number;
  /** The object store. Reserved, not used up: pages are taken as objects come. */
  readonly arenaBytes: number;
  /** Where the durable store lies; made at its first use. */
  readonly dataDir: string;
  /** Objects up to this size travel inside messages: below it a copy costs less than the bookkeeping of a block. */
  readonly inlineBytesMax: number;
  /** Open sessions; others wait for admission. One costs about 1 KiB. */
  readonly sessionsOpenMax: number;
  /** Sessions that wait for admission; more are refused at once. */
  readonly admissionsWaitingMax: number;
  /** Above so many queued invocations no new session is admitted; running ones go on. */
  readonly queuedInvocationsMax: number;
  /** In one session, against endless loops. */
  readonly invocationsPerSessionMax: number;
  /** How long `call`, `start`, `put` wait for admission and for room in the store. */
  readonly admitTimeoutMs: number;
  /** How long a function's `send` waits for room before it fails with `StoreFull`. */
  readonly storeWaitMs: number;
  /** A session's end at the latest; with an external bucket it may wait for a human. */
  readonly deadlineMs: number;
  readonly deadlineExternalMs: number;
  /** From the abort of an attempt until its executor is terminated. */
  readonly abortGraceMs: number;
  /** From a thread's start until it is ready; and for importing an app's module. */
  readonly executorStartTimeoutMs: number;
  readonly loadTimeoutMs: number;
  /** Before an executor that died while it started is replaced. */
  readonly executorRestartMs: number;
  /** How often an invocation may lose its executor through no fault of its own. */
  readonly executorLossesMax: number;
  /** Summaries of ended sessions. */
  readonly summariesBytesMax: number;
  readonly summaryAgeMsMax: number;
  /** Outputs of ended sessions that `result()` may still ask for, in the client. */
  readonly resultsBytesMax: number;
  /** Outputs that wait for the reader of `outputs(app)`; when full, the oldest is dropped and counted. */
  readonly outputsWaitingMax: number;
  /** Changes of one app that wait while another is being installed. */
  readonly appChangesWaitingMax: number;
  /** Questions to the runtime (`status`, `get`, …) that have no time-out of their own. */
  readonly askTimeoutMs: number;
  /** A JavaScript heap of each executor; null: Node's own default. */
  readonly executorHeapMiB: number | null;
  /** Overwrites freed blocks, so that a late read shows: for tests. */
  readonly poison: boolean;
  /** A SharedArrayBuffer instead of mapped memory. */
  readonly mapped: boolean;
  readonly logLevel: LogLevel;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

export function defaultConfig(): Config {
  return {
    executors: Math.max(2, availableParallelism()),
    arenaBytes: defaultArenaBytes(),
    dataDir: '.pheromone',
    inlineBytesMax: 1_024,
    sessionsOpenMax: 100_000,
    admissionsWaitingMax: 100_000,
    queuedInvocationsMax: 1_000_000,
    invocationsPerSessionMax: 1_000_000,
    admitTimeoutMs: 5_000,
    storeWaitMs: 5_000,
    deadlineMs: 15 * minuteMs,
    deadlineExternalMs: 7 * dayMs,
    abortGraceMs: 1_000,
    executorStartTimeoutMs: 30_000,
    loadTimeoutMs: 10_000,
    executorRestartMs: 1_000,
    executorLossesMax: 3,
    summariesBytesMax: 2 * 2 ** 20,
    summaryAgeMsMax: 60 * minuteMs,
    resultsBytesMax: 16 * 2 ** 20,
    outputsWaitingMax: 10_000,
    appChangesWaitingMax: 100,
    askTimeoutMs: 30_000,
    executorHeapMiB: null,
    poison: false,
    mapped: true,
    logLevel: 'warn',
  };
}

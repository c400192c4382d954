/**
 * Every limit of a worker and its coordinator: unit, default, reason. `startLocal` and the roles of a cluster read these.
 *
 * A user may set those of `settingRules`; the docs here are the ones that he reads. The rest are fixed until somebody needs them.
 */
import { availableParallelism } from 'node:os';
import { milliseconds, oneOf, type Rule, text, trueOrFalse, wholeNumber } from '../api/option-rules.ts';
import { defaultArenaBytes, segmentBytesMax } from '../storage/segment.ts';
import { sessionsMax as soloSessionsMax } from '../storage/solo/memory.ts';
import { type LogLevel, logLevels } from './log.ts';

export interface Config {
  /** Threads that run functions, 1 to 1,024. Default: the processors, at least 2. One costs 8 MB; more than processors pay only for functions that wait. */
  readonly executors: number;
  /** The object store, 1 MiB to 4 GiB less a page. Default: 1 GiB or a quarter of the memory limit, the smaller. Reserved, not used up: pages are taken as objects come. */
  readonly arenaBytes: number;
  /** The directory of the durable store, made at its first use. Default `.pheromone` in the working directory. */
  readonly dataDir: string;
  /** Objects up to this size travel inside messages: below it a copy costs less than the bookkeeping of a block. */
  readonly inlineBytesMax: number;
  /** Open sessions; others wait for admission. Default 100,000. One that waits for the outside costs less than 1 KB. */
  readonly sessionsOpenMax: number;
  /**
   * Sessions that one executor may run alone, at a time; 0: none. Default 1,024. They are a part of `sessionsOpenMax`, at most a quarter,
   * and taken in steps of 32.
   */
  readonly soloSessionsMax: number;
  /** Sessions that wait for admission; more are refused at once. */
  readonly admissionsWaitingMax: number;
  /** While more invocations are queued, new sessions wait for admission; running ones go on. Default 1,000,000. */
  readonly queuedInvocationsMax: number;
  /** Invocations of one session, against endless loops; then it fails with `InvocationsExceeded`. Default 1,000,000. */
  readonly invocationsPerSessionMax: number;
  /** How long `call`, `start`, `put` wait for admission (then `Overloaded`), and for room in the store (then `StoreFull`). Default 5,000. */
  readonly admitTimeoutMs: number;
  /** How long a function's `send` waits for room in the store; then `StoreFull`. Default 5,000. */
  readonly storeWaitMs: number;
  /** A session's end at the latest, where its call does not say. Default 15 minutes. */
  readonly deadlineMs: number;
  /** A session's end at the latest, for apps with an external bucket: it may wait for a human. */
  readonly deadlineExternalMs: number;
  /** From the abort of an attempt (its `signal`) until its executor is terminated. Default 1,000. */
  readonly abortGraceMs: number;
  /** From a thread's start until it is ready. */
  readonly executorStartTimeoutMs: number;
  /** For importing an app's module in an executor; then `ModuleFailed`. Default 10,000. */
  readonly loadTimeoutMs: number;
  /** Before an executor that died while it started is replaced. */
  readonly executorRestartMs: number;
  /** How often an invocation may lose its executor through no fault of its own. */
  readonly executorLossesMax: number;
  /** Summaries of ended sessions, at each coordinator; the oldest go. */
  readonly summariesBytesMax: number;
  /** A summary goes when it is so old. */
  readonly summaryAgeMsMax: number;
  /** Outputs of ended sessions that `result()` may still ask for, in the client. */
  readonly resultsBytesMax: number;
  /** Outputs that wait for the reader of `outputs(app)`; when full, the oldest is dropped and counted. Default 10,000. */
  readonly outputsWaitingMax: number;
  /** Changes of one app that wait while another is being installed. */
  readonly appChangesWaitingMax: number;
  /** Questions to the runtime (`status`, `get`, …) that have no time-out of their own. */
  readonly askTimeoutMs: number;
  /** The JavaScript heap of each executor, 16 to 1,048,576 MiB: a function that exhausts it ends its executor alone. Default: Node's own limit. */
  readonly executorHeapMiB: number | null;
  /** Overwrites freed blocks of the store, so that a function that keeps `bytes` beyond its invocation reads rubbish at once: for tests. Default false. */
  readonly poison: boolean;
  /** False: a SharedArrayBuffer instead of mapped memory. */
  readonly mapped: boolean;
  /** What is logged, as JSON lines on standard error. Default `warn`. */
  readonly logLevel: LogLevel;
}

/** What a user may set, and what is good. */
export const settingRules = {
  executors: wholeNumber(1, 1_024),
  arenaBytes: wholeNumber(2 ** 20, segmentBytesMax, 'bytes'),
  dataDir: text(4_096),
  sessionsOpenMax: wholeNumber(1, 10_000_000),
  soloSessionsMax: wholeNumber(0, soloSessionsMax),
  queuedInvocationsMax: wholeNumber(1, 100_000_000),
  invocationsPerSessionMax: wholeNumber(1, 100_000_000),
  admitTimeoutMs: milliseconds(0),
  storeWaitMs: milliseconds(0),
  deadlineMs: milliseconds(1),
  abortGraceMs: milliseconds(0),
  loadTimeoutMs: milliseconds(1),
  outputsWaitingMax: wholeNumber(1, 10_000_000),
  executorHeapMiB: wholeNumber(16, 2 ** 20, 'MiB'),
  poison: trueOrFalse,
  logLevel: oneOf(...logLevels),
} satisfies { readonly [K in keyof Config]?: Rule };

/** What each is, for `--help`: beside it stand the limit, of `settingRules`, and the default, of `defaultConfig`. */
export const settingDocs: { readonly [K in keyof typeof settingRules]: string } = {
  executors: 'threads that run functions; more than processors pay only for functions that wait',
  arenaBytes: 'the object store; reserved, not used up',
  dataDir: 'directory of what is durable, made at its first use',
  sessionsOpenMax: 'open sessions; others wait for admission',
  soloSessionsMax: 'sessions that one executor may run alone, at a time; 0: none',
  queuedInvocationsMax: 'while more invocations are queued, new sessions wait for admission',
  invocationsPerSessionMax: 'invocations of one session, against endless loops',
  admitTimeoutMs: 'how long calls wait for admission and for room in the store',
  storeWaitMs: "how long a function's send waits for room in the store",
  deadlineMs: "a session's end at the latest, where its call does not say",
  abortGraceMs: 'from the abort of an attempt until its executor is terminated',
  loadTimeoutMs: "for importing an app's module in an executor",
  outputsWaitingMax: 'outputs that wait for the reader of outputs(app); when full, the oldest is dropped',
  executorHeapMiB: 'JavaScript heap of each executor',
  poison: 'overwrite freed blocks of the store at once: for tests',
  logLevel: 'what is logged, as JSON lines on standard error',
};

/** `Config`, as far as it is a user's to set. */
export type Settings = { readonly [K in keyof Pick<Config, keyof typeof settingRules>]?: NonNullable<Config[K]> | undefined };

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

export function defaultConfig(): Config {
  return {
    executors: Math.max(2, availableParallelism()),
    arenaBytes: defaultArenaBytes(),
    dataDir: '.pheromone',
    inlineBytesMax: 1_024,
    sessionsOpenMax: 100_000,
    soloSessionsMax,
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

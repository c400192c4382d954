/** Options of a runtime as a whole: how `startLocal` makes it and `close` ends it. */
import { isApp, type App } from './define-app.ts';
import { checkOptions, milliseconds, oneOf, type Rule, text, wholeNumber } from './option-rules.ts';

export interface LocalOptions {
  /** Registered before `startLocal` resolves. */
  readonly apps?: readonly App[] | undefined;
  /** Threads that run functions, 1 to 1,024. Default: the processors, at least 2. */
  readonly executors?: number | undefined;
  /** The object store, 1 MiB to 4 GiB. Default: 1 GiB or a quarter of the memory limit, the smaller. Reserved, not used up. */
  readonly arenaBytes?: number | undefined;
  /** The directory of the durable store. Needed only by apps that use it. */
  readonly dataDir?: string | undefined;
  /** Sessions above it wait for admission. */
  readonly sessionsOpenMax?: number | undefined;
  /** While more invocations are queued, new sessions wait for admission. */
  readonly queuedInvocationsMax?: number | undefined;
  /** How long `call`, `start`, `put` wait for admission; then `Overloaded`. Default 5,000. */
  readonly admitTimeoutMs?: number | undefined;
  readonly logLevel?: LogLevel | undefined;
}

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface CloseOptions {
  /** How long open sessions may go on, 0 to 2³¹ − 1. Default 0. */
  readonly drainMs?: number | undefined;
}

const localRules = {
  apps: (value) => (Array.isArray(value) && value.every(isApp) ? null : 'must be an array of apps, each made by defineApp'),
  executors: wholeNumber(1, 1_024),
  arenaBytes: wholeNumber(2 ** 20, 2 ** 32, 'bytes'),
  dataDir: text(4_096),
  sessionsOpenMax: wholeNumber(1, 10_000_000),
  queuedInvocationsMax: wholeNumber(1, 100_000_000),
  admitTimeoutMs: milliseconds(0),
  logLevel: oneOf(...logLevels),
} satisfies Record<keyof LocalOptions, Rule>;

const closeRules = { drainMs: milliseconds(0) } satisfies Record<keyof CloseOptions, Rule>;

/** The options of `startLocal`, typed. Throws `InvalidOption` for the first bad one. */
export function checkLocalOptions(options: unknown): LocalOptions {
  checkOptions('startLocal', options, localRules);
  return options ?? {};
}

/** The same for `close`. */
export function checkCloseOptions(options: unknown): CloseOptions {
  checkOptions('close', options, closeRules);
  return options ?? {};
}

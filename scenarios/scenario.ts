/**
 * What a scenario is, and how it is played: start a runtime with its app, let it run, check what it found, report.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type App, connect, isPheromoneError, type Runtime, type SessionOutput, startLocal, type WorkerStats } from 'pheromone';

/** An app, something to do with it, and how to know that the answer is right. */
export interface Scenario<O extends Options = Options> {
  /** In a line. */
  readonly about: string;
  readonly app: App;
  /** Of the command line: `maxWaitMs` becomes `--max-wait-ms`. */
  readonly options: O;
  run(runtime: Runtime, options: Values<O>, stage: Stage): Promise<Findings>;
}

export type Option = NumberOption | TextsOption | TextOption | FlagOption;
export type Options = Readonly<Record<string, Option>>;

/** A whole number. Default null: the scenario finds one itself, and `about` says how. */
export interface NumberOption<D extends number | null = number | null> {
  readonly about: string;
  readonly default: D;
  readonly min: number;
  readonly max: number;
}

/** Any number of texts. Default none. */
export interface TextsOption {
  readonly about: string;
  readonly kind: 'texts';
}

/** A text, the name of a file for instance. Default null. */
export interface TextOption {
  readonly about: string;
  readonly kind: 'text';
}

/** Given or not. */
export interface FlagOption {
  readonly about: string;
  readonly kind: 'flag';
}

/** Thrown by a scenario that cannot run with an option's value. */
export class BadOption extends Error {
  constructor(option: string, value: unknown, rule: string) {
    super(`option '--${option}' is ${JSON.stringify(value)}: ${rule}`);
  }
}

/** The options as a scenario gets them. */
export type Values<O extends Options> = {
  readonly [N in keyof O]: ValueOf<O[N]>;
};

type ValueOf<T extends Option> =
  T extends NumberOption<infer D> ? number | D : T extends TextsOption ? readonly string[] : T extends TextOption ? string | null : boolean;

/** What a scenario tells those who watch. */
export interface Stage {
  /** How many invocations it will take, more or less: for the progress bar. */
  expectInvocations(total: number): void;
}

/** What a scenario has found. All of it is plain data that JSON can hold. */
export interface Findings {
  readonly result: Readonly<Record<string, unknown>>;
  /** What fields of `result` or `details` must be, found in another way than the app's. */
  readonly expected: Readonly<Record<string, unknown>>;
  /** More fields for the report. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** What it has worked through: reported per second. */
  readonly work?: { readonly unit: string; readonly amount: number };
  /** The result in lines, for people. Default: its fields. */
  readonly lines?: readonly string[];
}

export interface Report {
  readonly scenario: string;
  readonly mode: 'embedded' | 'cluster';
  readonly ok: boolean;
  readonly elapsedMs: number;
  /** What is wrong with the answer, or what the run failed of; only if it is not ok. */
  readonly wrong?: readonly string[];
  readonly result?: Findings['result'];
  readonly [field: string]: unknown;
}

export interface Played {
  readonly report: Report;
  readonly lines?: readonly string[] | undefined;
}

/** Types the options of `run` by those that are declared. */
export function defineScenario<const O extends Options>(scenario: Scenario<O>): Scenario<O> {
  return scenario;
}

/** Shows a runtime at work until `stop`. */
export type ShowProgress = (runtime: Runtime, label: string) => Stage & { stop(): Promise<void> };

/** How and where a scenario is played. */
export interface Where {
  readonly showProgress: ShowProgress;
  /** The address of a cluster; undefined: embedded. */
  readonly connect?: string | undefined;
  /** The key with which to connect, where the cluster has keys. */
  readonly keyFile?: string | undefined;
}

/** Plays a scenario to its end. What fails is reported as a wrong answer is; `BadOption` and bugs are thrown. */
export async function play<O extends Options>(
  name: string,
  scenario: Scenario<O>,
  options: Values<O>,
  { showProgress, connect: address, keyFile }: Where,
): Promise<Played> {
  const apps = [scenario.app];
  const mode = address === undefined ? 'embedded' : 'cluster';
  const runtime = address === undefined ? await startLocal({ apps }) : await connect(address, { apps, keyFile: keyFile || undefined });
  const progress = showProgress(runtime, name);
  try {
    return await measure({ scenario: name, mode }, runtime, () => scenario.run(runtime, options, progress));
  } finally {
    await progress.stop();
    await runtime.close();
  }
}

type Header = Pick<Report, 'scenario' | 'mode'>;

/** Runs it, and reports what it found, how long it took, and how much of all the runtime has done since it started was for it. */
async function measure(header: Header, runtime: Runtime, run: () => Promise<Findings>): Promise<Played> {
  const before = await runtime.stats();
  const startedMs = performance.now();
  try {
    const findings = await run();
    const elapsedMs = millisecondsSince(startedMs);
    const after = await settledStats(runtime);
    const sessions = after.sessionsOpened - before.sessionsOpened;
    const invocations = after.invocations - before.invocations;
    const objects = after.objects - before.objects;
    return describeFindings({ ...header, elapsedMs, sessions, invocations, objects }, findings);
  } catch (error) {
    const isFailure = isPheromoneError(error) || (error instanceof Error && 'syscall' in error);
    if (!isFailure) throw error;
    return { report: { ...header, ok: false, elapsedMs: millisecondsSince(startedMs), wrong: [`${error.name}: ${error.message}`] } };
  }
}

const settleRoundsMax = 10;
const settleMs = 20;

/** A session whose first output was what its caller waited for is still ending, and is counted then. */
async function settledStats(runtime: Runtime): Promise<WorkerStats> {
  let stats = await runtime.stats();
  for (let round = 0; round < settleRoundsMax; round++) {
    await sleep(settleMs);
    const before = stats;
    stats = await runtime.stats();
    if (stats.sessionsOpened === before.sessionsOpened && stats.objects === before.objects) break;
  }
  return stats;
}

interface Counts extends Header {
  readonly elapsedMs: number;
  readonly sessions: number;
  readonly invocations: number;
  readonly objects: number;
}

function describeFindings({ scenario, mode, elapsedMs, ...counts }: Counts, findings: Findings): Played {
  const { result, expected, details = {}, work, lines } = findings;
  const wrong = differences({ ...details, ...result }, expected);
  const rate = work && { [`${work.unit}PerSecond`]: Math.round((work.amount / elapsedMs) * 1_000) };
  const ok = wrong.length === 0;
  return { report: { scenario, mode, ok, elapsedMs, ...counts, ...rate, ...details, result, ...(ok ? {} : { wrong }) }, lines };
}

/** With one digit behind the point. */
function millisecondsSince(startedMs: number): number {
  return Math.round((performance.now() - startedMs) * 10) / 10;
}

function differences(found: Readonly<Record<string, unknown>>, expected: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(expected)
    .filter(([field, value]) => !isDeepStrictEqual(found[field], value))
    .map(([field, value]) => `${field} is ${shown(found[field])}, but should be ${shown(value)}`);
}

const shownCharactersMax = 200;

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, shownCharactersMax);
}

/**
 * Takes the values of outputs until what they amount to is `total`: then no more is to come. If none comes for `quietMs`,
 * resolves with what there is, for the check to complain of.
 */
export async function takeOutputs<T>(
  outputs: AsyncIterableIterator<SessionOutput<T>>,
  amountOf: (value: T) => number,
  { total, quietMs }: { readonly total: number; readonly quietMs: number },
): Promise<T[]> {
  const values: T[] = [];
  const quiet = setTimeout(() => void outputs.return?.(), quietMs);
  let amount = 0;
  while (amount < total) {
    const next = await outputs.next();
    if (next.done) break;
    const { value } = next.value;
    quiet.refresh();
    values.push(value);
    amount += amountOf(value);
  }
  clearTimeout(quiet);
  await outputs.return?.();
  return values;
}

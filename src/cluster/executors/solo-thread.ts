/**
 * Solo sessions in an executor thread: the runner, its box, and the attempts that it starts.
 *
 *   Q1  While the scheduler's attempts run here, the box is closed; while a solo function runs, what the scheduler gives waits.
 */
import type { SoloAdopted } from '../../actors/protocol/executor.ts';
import type { Handler } from '../../api/fn.ts';
import type { SoloHandle } from '../../storage/solo/memory.ts';
import { SoloTable } from '../../storage/solo/table.ts';
import { Doorbell } from '../solo/doorbell.ts';
import { SoloJob } from '../solo/job.ts';
import { SoloRunner } from '../solo/runner.ts';
import type { SoloApp } from '../solo/running.ts';
import { Attempt, type Failure } from './attempt.ts';
import { OwnProcessor } from './processor.ts';
import { type AttemptName, NodeExit } from './exit.ts';
import type { ThreadServices } from './services.ts';

export interface LoadedApp extends SoloApp {
  readonly install: number;
  /** By index in the table. */
  readonly handlers: readonly Handler[];
}

export interface SoloOwner {
  isFree(): boolean;
  /** The attempt is the scheduler's from here on. */
  kept(name: AttemptName, attempt: Attempt): void;
  finished(name: AttemptName, attempt: Attempt, failure: Failure): void;
  /** No solo function runs. */
  paused(): void;
}

const answersPerLook = 8;

export class SoloThread {
  /** By the number of their installation. */
  readonly apps = new Map<number, LoadedApp>();
  readonly processor: OwnProcessor;
  readonly #table: SoloTable;
  readonly #place: number;
  readonly #services: ThreadServices;
  readonly #runner: SoloRunner<LoadedApp>;
  readonly #doorbell: Doorbell;
  #answers = 0;

  constructor(
    { memory, place, invocationsMax }: { readonly memory: SoloHandle; readonly place: number; readonly invocationsMax: number },
    services: ThreadServices,
    owner: SoloOwner,
  ) {
    this.#table = new SoloTable(memory);
    this.#place = place;
    this.processor = new OwnProcessor(this.#table, place);
    this.#services = services;
    this.#runner = new SoloRunner<LoadedApp>({
      table: this.#table,
      place,
      invocationsMax,
      nowMs: () => performance.now(),
      inTurn: (callback) => {
        this.processor.noteNowAndThen();
        setImmediate(callback);
      },
      appOf: (install) => this.apps.get(install),
      isFree: () => owner.isFree(),
      start: (job) => this.#start(job),
      exitOf: (name) => new NodeExit(services, name),
      adopted: (job, name) => owner.kept(name, attemptOf(job)),
      ended: (job, name, failure) => owner.finished(name, attemptOf(job), failure),
      handedOver: (slot, generation) => services.node.send('solo', { kind: 'soloHandedOver', slot, generation }),
      freeBlocks: (offsets) => services.blocks.release(offsets),
      paused: () => owner.paused(),
      rested: () => this.#doorbell.attend(),
    });
    this.#doorbell = new Doorbell({
      table: this.#table,
      box: place,
      answer: () => {
        // A single one is over before a move would have paid.
        if (++this.#answers % answersPerLook === 0) this.processor.noteNowAndThen();
        this.#runner.answer();
      },
      isWanted: () => true,
      isFree: () => owner.isFree() && !this.#runner.isBusy,
      isTurnAwaited: () => this.#runner.isWaitingForTurn,
    });
  }

  get isBusy(): boolean {
    return this.#runner.isBusy;
  }

  start(): void {
    this.#table.setBusy(this.#place, false);
    this.#doorbell.attend();
  }

  /** False: it was taken back. */
  begins(run: number): boolean {
    return this.#table.beginRun(this.#place, run);
  }

  /** The scheduler has, or has not, something running here. */
  noteRunning(isRunning: boolean): void {
    if (isRunning) return this.#table.setAtWork(this.#place);
    this.#table.setBusy(this.#place, false);
    this.#runner.answer();
  }

  adopt({ slot, generation, invocation, attempt }: SoloAdopted): void {
    this.#runner.adopt(slot, generation, { invocation, attempt });
  }

  /** Those that run, and are not the scheduler's. */
  attempts(): Attempt[] {
    return this.#runner.jobs().map(attemptOf);
  }

  #start(job: SoloJob<LoadedApp>): boolean {
    const attempt = new Attempt(job, this.#services, job);
    job.task = attempt;
    const isOver = attempt.run(handlerOf(job.running.app, job.function), this.#finished);
    if (isOver && !job.isAway) attempt.end();
    return isOver;
  }

  readonly #finished = (failure: Failure, attempt: Attempt): void => {
    const job = jobOf(attempt);
    if (!job.isAway) attempt.end();
    this.#runner.finished(job, failure);
  };
}

function jobOf(attempt: Attempt): SoloJob<LoadedApp> {
  const work = Attempt.workOf(attempt);
  if (!(work instanceof SoloJob)) throw new Error('bug: an attempt of a solo function has no job');
  return work as SoloJob<LoadedApp>;
}

function attemptOf({ task }: SoloJob<LoadedApp>): Attempt {
  if (!(task instanceof Attempt)) throw new Error('bug: a solo function runs without an attempt');
  return task;
}

export function handlerOf({ table, handlers }: LoadedApp, index: number): Handler {
  const handler = handlers[index];
  if (!handler) throw new Error(`bug: app ${table.name} has no function ${index}`);
  return handler;
}

/** Solo sessions in simulated worlds: tables, calls, runners and journals are the real ones; bells ring in virtual time. */
import type { Message } from '../../src/actors/protocol/message.ts';
import type { Input } from '../../src/actors/protocol/object.ts';
import { compileApp } from '../../src/actors/app.ts';
import type { LoadApp, SoloAdopted } from '../../src/actors/protocol/executor.ts';
import { planSolo } from '../../src/actors/solo/plan.ts';
import type { Failure } from '../../src/cluster/executors/attempt.ts';
import type { AttemptName, Exit } from '../../src/cluster/executors/exit.ts';
import type { DoorbellOptions, Listener } from '../../src/cluster/solo/doorbell.ts';
import type { SoloJob } from '../../src/cluster/solo/job.ts';
import { SoloRunner } from '../../src/cluster/solo/runner.ts';
import { nameOf, type SoloApp } from '../../src/cluster/solo/running.ts';
import { stageOf } from '../../src/storage/solo/slot-state.ts';
import type { SoloTable } from '../../src/storage/solo/table.ts';
import type { SimulatedAttempt } from './attempt.ts';
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

interface Bell {
  readonly options: DoorbellOptions;
  seen: number;
  isAnswering: boolean;
}

export interface SoloWorld {
  readonly table: SoloTable;
  readonly bells: Bells;
  /** Promises are to be settled before time goes on. */
  settleSoon(): void;
}

export class Bells {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #bells = new Set<Bell>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  listen(options: DoorbellOptions): Listener {
    const bell: Bell = { options, seen: options.table.bell(options.box), isAnswering: false };
    this.#bells.add(bell);
    return { attend: () => {}, stop: () => void this.#bells.delete(bell) };
  }

  /** After each event: who has been rung answers a little later. */
  poll(): void {
    for (const bell of this.#bells) {
      const { table, box, answer } = bell.options;
      if (bell.isAnswering || table.bell(box) === bell.seen) continue;
      bell.isAnswering = true;
      this.#clock.after(this.#random.next() / 20, () => {
        bell.isAnswering = false;
        bell.seen = table.bell(box);
        if (this.#bells.has(bell)) answer();
      });
    }
  }
}

/** Whether any session runs solo. */
export function runsSolo(table: SoloTable): boolean {
  for (let slot = 0; slot < table.slots; slot++) {
    const stage = stageOf(table.state(slot));
    if (stage === 1 || stage === 2) return true;
  }
  return false;
}

export interface SimulatedSoloApp extends SoloApp {
  readonly definition: LoadApp['definition'];
}

/** What solo sessions need of a simulated thread. */
export interface SoloThreadPorts {
  readonly world: SoloWorld;
  readonly place: number;
  readonly invocationsMax: number;
  nowMs(): number;
  later(ms: number, run: () => void): void;
  send(to: string, message: Message): void;
  isFree(): boolean;
  attempt(job: SoloJob<SimulatedSoloApp>, app: SimulatedSoloApp, finished: (failure: Failure) => void): SimulatedAttempt;
  exitOf(name: AttemptName): Exit;
  kept(name: AttemptName, attempt: SimulatedAttempt): void;
  finished(name: AttemptName, attempt: SimulatedAttempt, failure: Failure): void;
  paused(): void;
  release(offsets: readonly number[]): void;
}

export class SimulatedSolo {
  readonly #ports: SoloThreadPorts;
  readonly #runner: SoloRunner<SimulatedSoloApp>;
  readonly #listener: Listener;
  readonly #apps = new Map<number, SimulatedSoloApp>();

  constructor(ports: SoloThreadPorts) {
    this.#ports = ports;
    const { table, bells } = ports.world;
    const { place, invocationsMax } = ports;
    this.#runner = new SoloRunner<SimulatedSoloApp>({
      table,
      place,
      invocationsMax,
      nowMs: () => ports.nowMs(),
      inTurn: (callback) => ports.later(0, callback),
      appOf: (install) => this.#apps.get(install),
      isFree: () => ports.isFree(),
      start: (job) => this.#start(job),
      exitOf: (name) => ports.exitOf(name),
      adopted: (job, name) => ports.kept(name, job.task as SimulatedAttempt),
      ended: (job, name, failure) => ports.finished(name, job.task as SimulatedAttempt, failure),
      handedOver: (slot, generation) => ports.send('solo', { kind: 'soloHandedOver', slot, generation }),
      freeBlocks: (offsets) => ports.release(offsets),
      paused: () => ports.paused(),
      rested: () => {},
    });
    this.#listener = bells.listen({ table, box: place, answer: () => ports.later(0, () => this.#runner.answer()), isWanted: () => true });
  }

  get isBusy(): boolean {
    return this.#runner.isBusy;
  }

  start(): void {
    this.#ports.world.table.setBusy(this.#ports.place, false);
    this.#runner.answer();
  }

  stop(): void {
    this.#listener.stop();
  }

  load({ install, definition, revision }: LoadApp): void {
    const table = compileApp(definition, revision);
    this.#apps.set(install, { table, plan: planSolo(table), definition });
  }

  begins(run: number): boolean {
    return this.#ports.world.table.beginRun(this.#ports.place, run);
  }

  noteRunning(isRunning: boolean): void {
    this.#ports.world.table.setBusy(this.#ports.place, isRunning);
    if (!isRunning) this.#runner.answer();
  }

  adopt({ slot, generation, invocation, attempt }: SoloAdopted): void {
    this.#ports.world.settleSoon();
    this.#runner.adopt(slot, generation, { invocation, attempt });
  }

  #start(job: SoloJob<SimulatedSoloApp>): boolean {
    let isStarting = true;
    let isOver = false;
    // Every session is one that somebody may ask for: its summary is compared with the reference.
    nameOf(job.running);
    const attempt = this.#ports.attempt(job, job.running.app, (failure) => {
      if (isStarting && !failure) isOver = true;
      else this.#ports.later(0, () => this.#runner.finished(job, failure));
    });
    job.task = attempt;
    attempt.start();
    isStarting = false;
    return isOver;
  }
}

/** The inputs of a job, for programs. */
export function runOf(job: SoloJob<SimulatedSoloApp>, inputs: readonly Input[] = job.inputs) {
  const { table } = job;
  return {
    kind: 'run',
    invocation: job.invocation,
    attempt: 1,
    app: table.name,
    revision: table.revision,
    function: job.function,
    session: job.session,
    inputs,
  } as const;
}

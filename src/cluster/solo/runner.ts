/**
 * An executor's solo sessions: it evaluates their triggers and runs their functions, one after the other, without asking anybody.
 * Each step is in the session's journal before it is taken, so that the node can take a session over at any moment.
 *
 *   R1  One function of solo sessions runs at a time, and only while the scheduler has given this executor nothing to run.
 *   R2  A session leaves when it has to be decided elsewhere (handed over), when the node has taken its slot (recalled), or when its
 *       next function is to run on another executor (passed on). A function that still runs then goes on as an attempt of its home.
 *   R3  After `hopsMax` functions or `turnMs` the event loop gets its turn: timers, messages, other sessions.
 */
import type { SoloFiring, SoloObject } from '../../actors/solo/session.ts';
import {
  placeOf,
  positionOf,
  slotState,
  stageEnded,
  stageOf,
  stageQueued,
  stageRecalled,
  stageRunning,
} from '../../storage/solo/slot-state.ts';
import { clientBox, slotsMax } from '../../storage/solo/memory.ts';
import type { SoloTable } from '../../storage/solo/table.ts';
import type { AttemptName, Exit, Leaving } from '../executors/exit.ts';
import type { Failure } from '../executors/attempt.ts';
import type { Ref } from '../../storage/object.ts';
import { SoloJob } from './job.ts';
import { admit, openSession, readOn, type RunningSession, type SoloApp } from './running.ts';

export interface RunnerPorts<A extends SoloApp> {
  readonly table: SoloTable;
  readonly place: number;
  /** A session with more is its home's affair. */
  readonly invocationsMax: number;
  /** Monotonic. */
  nowMs(): number;
  /** After other events have had their turn. */
  inTurn(callback: () => void): void;
  appOf(install: number): A | undefined;
  /** Whether the scheduler has nothing running here. */
  isFree(): boolean;
  /** Runs a function. True: it has come to a good end. False: the runner's `finished` will be called, once. */
  start(job: SoloJob<A>): boolean;
  exitOf(name: AttemptName): Exit;
  /** The job runs on as an attempt of the scheduler. */
  adopted(job: SoloJob<A>, name: AttemptName): void;
  /** A job that was adopted is over. */
  ended(job: SoloJob<A>, name: AttemptName, failure: Failure): void;
  /** The session is the node's from here on. */
  handedOver(slot: number, generation: number): void;
  freeBlocks(offsets: number[]): void;
  /** No function of a solo session runs: others may. */
  paused(): void;
  /** There is nothing to do for the moment. */
  rested(): void;
}

/** Sessions that were passed on and may come back, kept so that not all of their journal need be read again. */
const passedMax = 64;
const hopsMax = 256;
const turnMs = 1;
/** A session that has more to run at once goes where there are more executors. */
const aloneMs = 1;

export class SoloRunner<A extends SoloApp> {
  /** It goes on in the next turn of the event loop. */
  isWaitingForTurn = false;
  readonly #ports: RunnerPorts<A>;
  readonly #table: SoloTable;
  /** Slots out of the box, not yet looked at. */
  #incoming: number[] = [];
  #incomingHead = 0;
  /** Sessions whose turn was over. */
  #ready: RunningSession<A>[] = [];
  /** The function that runs now. */
  #current: SoloJob<A> | null = null;
  /** Jobs whose sessions have left, until the scheduler has named them; by slot and generation. */
  readonly #away = new Map<number, SoloJob<A>>();
  /** Sessions that were passed on, as far as they are known here; by slot. */
  readonly #passed = new Map<number, RunningSession<A>>();
  #isGoing = false;
  #hops = 0;
  #turnBeganMs = 0;

  constructor(ports: RunnerPorts<A>) {
    this.#ports = ports;
    this.#table = ports.table;
  }

  /** Whether a function of a solo session is at work. */
  get isBusy(): boolean {
    return this.#current !== null;
  }

  /** Those at work whose sessions are here, or have left and are not yet named. */
  jobs(): SoloJob<A>[] {
    const away = [...this.#away.values()].filter((job) => job !== this.#current && !job.ended);
    return this.#current ? [this.#current, ...away] : away;
  }

  /** Looks into the box, and goes on. */
  answer(): void {
    this.#turnBeganMs = this.#ports.nowMs();
    this.#table.drain(this.#ports.place, (slot) => this.#incoming.push(slot));
    this.go();
  }

  /** Runs what there is to run, as far as it may; `first` before the others. */
  go(first: RunningSession<A> | null = null): void {
    let next = first;
    if (this.#isGoing || this.#current || this.isWaitingForTurn) {
      if (next) this.#ready.unshift(next);
      return;
    }
    this.#isGoing = true;
    while (!this.#current) {
      this.#ports.paused();
      if (!this.#ports.isFree()) break;
      if (this.#isTurnOver()) {
        this.#awaitTurn();
        break;
      }
      const running = next ?? this.#ready.shift() ?? this.#nextIncoming();
      next = null;
      if (!running) break;
      this.#advance(running);
    }
    if (next) this.#ready.unshift(next);
    this.#isGoing = false;
    if (!this.#current) this.#ports.rested();
  }

  /** The node has taken the session of a slot, and says what its function is called from here on. */
  adopt(slot: number, generation: number, name: AttemptName): void {
    this.#noticeRecall(slot, generation);
    const job = this.#away.get(awayKey(slot, generation));
    if (!job) return;
    this.#away.delete(awayKey(slot, generation));
    job.adopt(name, this.#ports.exitOf(name));
    if (this.#current === job) this.#current = null;
    if (job.ended) this.#ports.ended(job, name, job.ended.failure);
    else this.#ports.adopted(job, name);
    this.go();
  }

  /** What a function sends. False: it has to go by its session's home. */
  sendObject(job: SoloJob<A>, object: Leaving): boolean {
    const { running } = job;
    const { bucket, key, group, delayMs, ref } = object;
    if (delayMs > 0 || !running.journal.object(job.invocation, bucket, key, group, ref)) return this.#handOver(running);
    if (!this.#publish(running)) return false;
    if (!admit(running, object, job.invocation)) this.#handOver(running);
    return true;
  }

  sendOutput(job: SoloJob<A>, ref: Ref): boolean {
    const { running } = job;
    // One, and a small one: who gives more has a reader that waits for the end, or nobody.
    if (running.solo.outputs > 0 || !ref.inline || !running.journal.output(ref.encoding, ref.inline)) return this.#handOver(running);
    if (!this.#publish(running)) return false;
    running.solo.outputs = 1;
    running.journal.showOutput();
    running.isOutputNews = true;
    return true;
  }

  /** The function asks what only its session's home can answer. */
  leaveForHome(job: SoloJob<A>): void {
    if (!job.isAway) this.#handOver(job.running);
  }

  #nextIncoming(): RunningSession<A> | null {
    for (;;) {
      if (this.#incomingHead === this.#incoming.length) {
        this.#incoming.length = 0;
        this.#incomingHead = 0;
        this.#table.drain(this.#ports.place, (slot) => this.#incoming.push(slot));
        if (this.#incoming.length === 0) return null;
      }
      const session = this.#take(this.#incoming[this.#incomingHead++] as number);
      if (session) return session;
    }
  }

  /** Makes a slot that was posted here this executor's own. */
  #take(slot: number): RunningSession<A> | null {
    const table = this.#table;
    const { place } = this.#ports;
    const queued = table.state(slot);
    if (stageOf(queued) !== stageQueued || placeOf(queued) !== place) return null;
    const state = slotState(stageRunning, place, positionOf(queued));
    if (!table.swap(slot, queued, state)) return null;
    table.beat(place);
    const known = this.#passed.get(slot);
    this.#passed.delete(slot);
    const running =
      known?.generation === table.generation(slot) ? known : openSession(table, slot, (install) => this.#ports.appOf(install));
    if (running) {
      running.journal.state = state;
      running.beganMs = this.#ports.nowMs();
      running.isForHere = true;
      if (readOn(table, running)) return running;
    }
    if (table.swap(slot, state, slotState(stageRecalled, place, positionOf(state)))) this.#ports.handedOver(slot, table.generation(slot));
    return null;
  }

  /** Nothing of it runs: what is next? */
  #advance(running: RunningSession<A>): void {
    for (;;) {
      const firing = running.solo.peek();
      if (!firing) return this.#finish(running);
      if (running.isOutputNews) this.#tellOutput(running);
      if (this.#hasEnough(running)) return this.#leave(running);
      if (!running.isForHere && running.app.plan.spreads[firing.trigger.function] && this.#passOn(running)) return;
      if (this.#isTurnOver()) return void this.#ready.push(running);
      const job = this.#begin(running, firing);
      if (!job) return;
      this.#current = job;
      if (!this.#ports.start(job)) return running.isOutputNews ? this.#tellOutput(running) : undefined;
      this.#current = null;
      if (job.isAway) return this.#endAway(job, null);
    }
  }

  /** More would be too much for one executor, or for one session. */
  #hasEnough({ solo, beganMs }: RunningSession<A>): boolean {
    if (solo.begun >= this.#ports.invocationsMax) return true;
    return solo.due > 1 && this.#ports.nowMs() - beganMs > aloneMs;
  }

  #begin(running: RunningSession<A>, firing: SoloFiring): SoloJob<A> | null {
    if (!running.journal.begin(firing.trigger.index, firing.inputs)) {
      this.#leave(running);
      return null;
    }
    if (!this.#publish(running)) {
      this.#endLost(running);
      return null;
    }
    running.solo.begin();
    running.isForHere = false;
    this.#hops++;
    const job = new SoloJob(this, running, firing);
    running.lastJob = job;
    return job;
  }

  /** A function that took its time has come to its end. */
  finished(job: SoloJob<A>, failure: Failure): void {
    if (failure && !job.isAway) this.#handOver(job.running);
    if (this.#current === job) this.#current = null;
    if (!job.isAway) return this.go(job.running);
    this.#endAway(job, failure);
    this.go();
  }

  /** Its home counts it as running until it hears of its end. */
  #endAway(job: SoloJob<A>, failure: Failure): void {
    if (job.name) this.#ports.ended(job, job.name, failure);
    else job.ended = { failure };
  }

  /** Nothing runs and nothing is due. */
  #finish(running: RunningSession<A>): void {
    const { slot, solo, journal } = running;
    if (!solo.isOver()) return this.#leave(running);
    journal.tell({ superseded: solo.superseded, late: solo.tooLate, tookMs: this.#ports.nowMs() - running.beganMs });
    const offsets = running.hasBlocks ? blocksOf(solo.objects) : [];
    if (!this.#table.swap(slot, journal.state, slotState(stageEnded, this.#ports.place, journal.position))) {
      this.#lose(running);
      return this.#endLost(running);
    }
    // From here on the slot is the client's.
    this.#table.count(this.#ports.place, 1, solo.begun, solo.objects.length, running.objectBytes);
    if (offsets.length > 0) this.#ports.freeBlocks(offsets);
    this.#table.post(clientBox, slot);
  }

  #tellOutput(running: RunningSession<A>): void {
    running.isOutputNews = false;
    this.#table.post(clientBox, running.slot);
  }

  /** To another executor that has nothing to do. */
  #passOn(running: RunningSession<A>): boolean {
    const target = this.#neighbour();
    if (target === -1 || running.solo.due > 1) return false;
    const { slot, journal } = running;
    if (!journal.done()) return false;
    const { lastJob } = running;
    running.lastJob = null;
    this.#passed.set(slot, running);
    if (this.#passed.size > passedMax) this.#passed.delete(this.#passed.keys().next().value as number);
    if (this.#table.swap(slot, journal.state, slotState(stageQueued, target, journal.position))) {
      this.#table.post(target, slot);
      return true;
    }
    this.#passed.delete(slot);
    running.lastJob = lastJob;
    this.#lose(running);
    this.#endLost(running);
    return true;
  }

  /** The nearest that is awake, else the nearest; -1: none. */
  #neighbour(): number {
    const { place } = this.#ports;
    const { places } = this.#table;
    let parked = -1;
    for (let i = 1; i < places; i++) {
      const other = (place + i) % places;
      if (this.#table.isBusy(other)) continue;
      if (!this.#table.isParked(other)) return other;
      if (parked === -1) parked = other;
    }
    return parked;
  }

  /** In the middle of a function. Returns false, as what it wanted has to take another way. */
  #handOver(running: RunningSession<A>): false {
    const { slot, generation, journal } = running;
    const { state } = journal;
    this.#lose(running);
    if (this.#table.swap(slot, state, slotState(stageRecalled, this.#ports.place, positionOf(state))))
      this.#ports.handedOver(slot, generation);
    return false;
  }

  /** Between two functions. */
  #leave(running: RunningSession<A>): void {
    const { slot, generation, journal } = running;
    const { state } = journal;
    const isTold = journal.done();
    const position = isTold ? journal.position : positionOf(state);
    if (this.#table.swap(slot, state, slotState(stageRecalled, this.#ports.place, position))) {
      this.#ports.handedOver(slot, generation);
      if (isTold) return;
    }
    this.#lose(running);
    this.#endLost(running);
  }

  /** What the journal says counts from here on. False: the session has left, with its last function as one that runs. */
  #publish(running: RunningSession<A>): boolean {
    const { slot, journal } = running;
    const state = slotState(stageRunning, this.#ports.place, journal.position);
    if (this.#table.swap(slot, journal.state, state)) {
      journal.state = state;
      return true;
    }
    this.#lose(running);
    return false;
  }

  /** Whoever waits for something, or for its turn, has not tried to go on since the node took its slot. */
  #noticeRecall(slot: number, generation: number): void {
    const current = this.#current?.running;
    if (current?.slot === slot && current.generation === generation) return this.#lose(current);
    const index = this.#ready.findIndex((running) => running.slot === slot && running.generation === generation);
    const [running] = index === -1 ? [] : this.#ready.splice(index, 1);
    if (!running) return;
    this.#lose(running);
    this.#endLost(running);
  }

  #lose({ slot, generation, lastJob }: RunningSession<A>): void {
    if (!lastJob || lastJob.isAway) return;
    lastJob.isAway = true;
    this.#away.set(awayKey(slot, generation), lastJob);
  }

  /** Its last function has returned, which its home does not know. */
  #endLost({ lastJob }: RunningSession<A>): void {
    if (lastJob) this.#endAway(lastJob, null);
  }

  #isTurnOver(): boolean {
    if (this.#hops < hopsMax && (this.#hops & 7) !== 7) return false;
    return this.#hops >= hopsMax || this.#ports.nowMs() - this.#turnBeganMs > turnMs;
  }

  #awaitTurn(): void {
    this.isWaitingForTurn = true;
    this.#ports.inTurn(() => {
      this.isWaitingForTurn = false;
      this.#hops = 0;
      this.#turnBeganMs = this.#ports.nowMs();
      this.go();
    });
  }
}

function blocksOf(objects: readonly (SoloObject | null)[]): number[] {
  return objects.flatMap((object) => (object && object.ref.offset >= 0 ? [object.ref.offset] : []));
}

function awayKey(slot: number, generation: number): number {
  return generation * slotsMax + slot;
}

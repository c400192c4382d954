/**
 * The node's part in solo sessions, under the address `solo`: it has none of their work, and takes over those that cannot go on alone.
 *
 *   V1  A session that has not moved for `looksMax` looks is recalled: what is due in it, and what waits behind it, can run elsewhere.
 *       If its executor's thread is in a function that does not return, or was put aside, after `stillLooksMax`; so is one that waits for
 *       its turn there, when the executor has begun nothing for as long.
 *   V2  Before a thread that has died is buried, all solo sessions are recalled: what the dead one ran is lost like any attempt, and
 *       blocks that it had been granted may lie in others.
 *   V3  Whoever swaps a slot's state to `recalled` sees to it that its session comes home, once.
 *   V4  Where a function has kept its executor for so long, nothing new is posted until that says that it is free again.
 *   V5  When no solo session has begun for 0.1 s, there is no timer.
 */
import type { Message } from '../../actors/protocol/message.ts';
import type { AdoptSession } from '../../actors/protocol/scheduler.ts';
import { sessionIdText } from '../../actors/protocol/session-id.ts';
import { readFields, readJournal } from '../../storage/solo/journal.ts';
import { placeOf, positionOf, slotState, stageOf, stageQueued, stageRecalled, stageRunning } from '../../storage/solo/slot-state.ts';
import type { SoloTable } from '../../storage/solo/table.ts';
import type { Timers } from '../../storage/timers.ts';

const lookMs = 1;
/** Its function waits for something, and lets its thread go on. */
const looksMax = 3;
/**
 * Fewer would also find those whose executor's heap is being tidied up, or that the system has put aside: more threads than there are
 * processors take turns of some milliseconds.
 */
const stillLooksMax = 10;
/** How long it looks on when nothing begins any more: 0.1 s. */
const lingerLooks = 100;
/**
 * What is brought home in one look: each costs about as much as ten calls. One at first, and twice as many in each look after: mostly the
 * executor goes on meanwhile.
 */
const recallsPerLookMax = 32;

export interface SoloServiceOptions {
  readonly table: SoloTable;
  readonly timers: Timers;
  /** Who has the slots: a client, or who keeps them for several. */
  readonly keeper: string;
  /** Whose session is in the slot. */
  clientOf(slot: number): string;
  /** The executor that has a place now; -1: none. */
  executorAt(place: number): number;
  deliver(to: string, message: Message): void;
}

export class SoloService {
  readonly #options: SoloServiceOptions;
  readonly #table: SoloTable;
  /** What each slot looked like, the last time. */
  readonly #seen: { state: number; generation: number; beats: number; looks: number }[];
  /** The newest generation of each slot that was brought home. */
  readonly #home: number[];
  /** Sessions that executors have begun, at the last look. */
  #begun = 0;
  #activeLooks = 0;
  #timer: unknown = null;
  #isClosed = false;

  constructor(options: SoloServiceOptions) {
    this.#options = options;
    this.#table = options.table;
    this.#home = Array.from({ length: options.table.slots }, () => 0);
    this.#seen = Array.from({ length: options.table.slots }, () => ({ state: 0, generation: 0, beats: 0, looks: 0 }));
  }

  start(): void {
    void this.#awaitWatch();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer) this.#options.timers.clearTimeout(this.#timer);
  }

  take(message: Message): void {
    switch (message.kind) {
      case 'soloHandedOver':
        return this.#bringHome(message.slot, message.generation);
      case 'takeBackRuns':
        return this.#takeBackRuns(message);
      case 'recallSolo':
        return this.#takeRecall(message);
      default:
        throw new Error(`bug: the solo service was sent ${message.kind}`);
    }
  }

  #takeBackRuns({ executor, runs }: Extract<Message, { kind: 'takeBackRuns' }>): void {
    for (let place = 0; place < this.#table.places; place++) {
      if (this.#options.executorAt(place) !== executor) continue;
      const begun = this.#table.takeBackRuns(place, runs);
      return this.#options.deliver(`executor:${executor}`, { kind: 'runsTakenBack', begun, runs });
    }
  }

  /** Answered behind what it has caused: a message to itself is handled after the sessions' home has told who must know. */
  #takeRecall(message: Extract<Message, { kind: 'recallSolo' }>): void {
    const { owner, request, slots } = message;
    if (slots.length === 0) return this.#options.deliver(owner, { kind: 'requestDone', request, result: null });
    for (const { slot, generation } of slots) this.#recall(slot, generation);
    this.#options.deliver('solo', { ...message, slots: [] });
  }

  /** Also those that a dying executor had handed over without a word. */
  recallAll(): void {
    for (let slot = 0; slot < this.#table.slots; slot++) this.#recall(slot, this.#table.generation(slot));
  }

  /** Takes the slot from whoever has it. */
  #recall(slot: number, generation: number): void {
    for (;;) {
      const state = this.#table.state(slot);
      const stage = stageOf(state);
      if (this.#table.generation(slot) !== generation) return;
      // Its executor has handed it over, and its message is on its way or lost: who asks for the recall must not be answered before.
      if (stage === stageRecalled) return this.#bringHome(slot, generation);
      if (stage !== stageQueued && stage !== stageRunning) return;
      const recalled = slotState(stageRecalled, placeOf(state), positionOf(state));
      // Else it has gone on in between. Whichever session has the slot by now is the one that was taken.
      if (this.#table.swap(slot, state, recalled)) return this.#bringHome(slot, this.#table.generation(slot));
    }
  }

  /** Once: a message that says so may be lost with its sender, or come after its death was noticed. */
  #bringHome(slot: number, generation: number): void {
    if (this.#table.generation(slot) !== generation || this.#home[slot] === generation) return;
    this.#home[slot] = generation;
    const message = this.#read(slot, generation);
    // Its thread says so itself when it hears of this, if it can: a function that blocks it lets it hear of nothing.
    const place = placeOf(this.#table.state(slot));
    if (message.executor !== -1) this.#table.setBusy(place, true);
    else this.#table.endAtWork(place);
    this.#options.deliver('scheduler', message);
  }

  #read(slot: number, generation: number): AdoptSession {
    const state = this.#table.state(slot);
    const { install, openedMs, maker, counter } = readFields(this.#table, slot);
    const sent: AdoptSession['sent'][number][] = [];
    const begun: AdoptSession['begun'][number][] = [];
    const given: AdoptSession['given'][number][] = [];
    let runs = false;
    for (const record of readJournal(this.#table, slot, 0, positionOf(state))) {
      if (record.kind === 'object') sent.push(record);
      if (record.kind === 'begin') begun.push(record);
      if (record.kind === 'output') given.push({ source: begun.length, ref: record.ref });
      if (record.kind === 'begin') runs = true;
      if (record.kind === 'done') runs = false;
    }
    return {
      kind: 'adoptSession',
      keeper: this.#options.keeper,
      client: this.#options.clientOf(slot),
      install,
      session: sessionIdText(openedMs, maker, counter),
      openedMs,
      sent,
      begun,
      executor: runs ? this.#options.executorAt(placeOf(state)) : -1,
      given,
      slot,
      generation,
    };
  }

  async #awaitWatch(): Promise<void> {
    while (!this.#isClosed) {
      const bell = this.#table.watchBell;
      this.#table.setWatching(false);
      this.look();
      if (!this.#isActive()) await this.#table.awaitWatch(bell);
      if (this.#isClosed) return;
      this.#activeLooks = lingerLooks;
      this.#table.setWatching(true);
      await new Promise<void>((resolve) => this.#lookOn(resolve));
    }
  }

  /** Until nothing runs. */
  #lookOn(done: () => void): void {
    this.#timer = this.#options.timers.setTimeout(() => {
      this.look();
      if (this.#isClosed || !this.#isActive()) done();
      else this.#lookOn(done);
    }, lookMs);
  }

  /** Whether anything runs, or has begun not long ago: waking for each call would cost more than looking on. */
  #isActive(): boolean {
    return this.#activeLooks > 0;
  }

  look(): void {
    let begun = 0;
    for (let place = 0; place < this.#table.places; place++) begun += this.#table.beats(place);
    this.#activeLooks = begun === this.#begun ? Math.max(0, this.#activeLooks - 1) : lingerLooks;
    this.#begun = begun;
    let recalls = 0;
    for (let slot = 0; slot < this.#table.slots; slot++) {
      const state = this.#table.state(slot);
      const stage = stageOf(state);
      const seen = this.#seen[slot];
      if (!seen) continue;
      if (stage !== stageQueued && stage !== stageRunning) {
        seen.state = 0;
        // Slots are taken from the first on: where one was never used, none behind it was.
        if (this.#table.generation(slot) === 0) break;
        continue;
      }
      this.#activeLooks = lingerLooks;
      const generation = this.#table.generation(slot);
      // What waits for its turn does not move, but the executor does.
      const beats = stage === stageQueued ? this.#table.beats(placeOf(state)) : 0;
      const hasMoved = seen.state !== state || seen.generation !== generation || seen.beats !== beats;
      seen.looks = hasMoved ? 0 : seen.looks + 1;
      const isWaiting = stage === stageRunning && this.#table.isAway(placeOf(state));
      const tooMany = seen.looks - (isWaiting ? looksMax : stillLooksMax);
      if (tooMany >= 0 && recalls < Math.min(recallsPerLookMax, 2 ** tooMany)) {
        recalls++;
        this.#recall(slot, generation);
      }
      seen.state = state;
      seen.generation = generation;
      seen.beats = beats;
    }
  }
}

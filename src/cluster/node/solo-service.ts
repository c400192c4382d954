/**
 * The node's part in solo sessions, under the address `solo`: it has none of their work, and takes over those that cannot go on alone.
 *
 *   V1  A session that has not moved from one look to the next (`lookMs`) is recalled: what is due in it, and what waits behind it,
 *       can run elsewhere.
 *   V2  Before a thread that has died is buried, all solo sessions are recalled: what the dead one ran is lost like any attempt, and
 *       blocks that it had been granted may lie in others.
 *   V3  Whoever swaps a slot's state to `recalled` sees to it that its session comes home, once.
 *   V4  While no solo session runs, there is no timer.
 */
import type { Message } from '../../actors/protocol/message.ts';
import type { AdoptSession } from '../../actors/protocol/scheduler.ts';
import { sessionIdText } from '../../actors/protocol/session-id.ts';
import { readFields, readJournal } from '../../storage/solo/journal.ts';
import {
  placeOf,
  positionOf,
  slotState,
  type SoloTable,
  stageOf,
  stageQueued,
  stageRecalled,
  stageRunning,
} from '../../storage/solo/table.ts';
import type { Timers } from '../../storage/timers.ts';

const lookMs = 1;

export interface SoloServiceOptions {
  readonly table: SoloTable;
  readonly timers: Timers;
  /** Whose sessions these are. */
  readonly client: string;
  /** The executor that has a place now; -1: none. */
  executorAt(place: number): number;
  deliver(to: string, message: Message): void;
}

export class SoloService {
  readonly #options: SoloServiceOptions;
  readonly #table: SoloTable;
  /** What each slot looked like, the last time. */
  readonly #seen: { state: number; generation: number }[];
  #timer: unknown = null;
  #isClosed = false;

  constructor(options: SoloServiceOptions) {
    this.#options = options;
    this.#table = options.table;
    this.#seen = Array.from({ length: options.table.slots }, () => ({ state: 0, generation: 0 }));
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
        if (this.#table.generation(message.slot) === message.generation) this.#bringHome(message.slot, message.generation);
        return;
      case 'recallSolo':
        return this.#takeRecall(message);
      default:
        throw new Error(`bug: the solo service was sent ${message.kind}`);
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
    for (let slot = 0; slot < this.#table.slots; slot++) {
      if (stageOf(this.#table.state(slot)) !== 0) this.#recall(slot, this.#table.generation(slot));
    }
  }

  /** Takes the slot from whoever has it. */
  #recall(slot: number, generation: number): void {
    for (;;) {
      const state = this.#table.state(slot);
      const stage = stageOf(state);
      if ((stage !== stageQueued && stage !== stageRunning) || this.#table.generation(slot) !== generation) return;
      const recalled = slotState(stageRecalled, placeOf(state), positionOf(state));
      // It may have gone on in between.
      if (this.#table.swap(slot, state, recalled)) return this.#bringHome(slot, generation);
    }
  }

  #bringHome(slot: number, generation: number): void {
    this.#options.deliver('scheduler', this.#read(slot, generation));
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
    this.#table.releaseSlabs(slot);
    return {
      kind: 'adoptSession',
      coordinator: 'coordinator',
      client: this.#options.client,
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
      if (!this.look()) await this.#table.awaitWatch(bell);
      if (this.#isClosed) return;
      this.#table.setWatching(true);
      await new Promise<void>((resolve) => this.#lookOn(resolve));
    }
  }

  /** Until nothing runs. */
  #lookOn(done: () => void): void {
    this.#timer = this.#options.timers.setTimeout(() => {
      if (this.#isClosed || !this.look()) done();
      else this.#lookOn(done);
    }, lookMs);
  }

  /** Whether any session runs solo. */
  look(): boolean {
    let runs = false;
    for (let slot = 0; slot < this.#table.slots; slot++) {
      const state = this.#table.state(slot);
      const stage = stageOf(state);
      const seen = this.#seen[slot];
      if (!seen) continue;
      if (stage !== stageQueued && stage !== stageRunning) {
        seen.state = 0;
        continue;
      }
      runs = true;
      const generation = this.#table.generation(slot);
      if (seen.state === state && seen.generation === generation) this.#recall(slot, generation);
      seen.state = state;
      seen.generation = generation;
    }
    return runs;
  }
}

/**
 * Calls whose sessions run solo: the client writes a session into a slot, posts it to an executor, and reads there what came of it.
 *
 *   S1  A call is settled once: by its slot, or by the client actor after its session was brought home (`reclaim`).
 *   S2  A slot is free again when its session has ended and been read, or is at home.
 *   S3  An app whose sessions keep being brought home is called the long way for a while.
 */
import { type AppDefinition, type AppTable, compileApp } from '../../actors/app.ts';
import { canRunSolo } from '../../actors/solo/plan.ts';
import type { AskCall, ClientCommand, Reply } from '../../actors/protocol/client.ts';
import type { ErrorData } from '../../actors/protocol/error.ts';
import { createSessionIdMaker, nextCounter, sessionIdText } from '../../actors/protocol/session-id.ts';
import type { SessionSummary } from '../../actors/protocol/session.ts';
import {
  hasSlabs,
  JournalWriter,
  readFields,
  readJournal,
  readNotes,
  readOutput,
  type SlotNotes,
  writeFields,
} from '../../storage/solo/journal.ts';
import { positionOf, slotState, stageEnded, stageFree, stageOf, stageQueued, stageRecalled } from '../../storage/solo/slot-state.ts';
import { clientBox, type SoloHandle } from '../../storage/solo/memory.ts';
import { SoloTable } from '../../storage/solo/table.ts';
import type { DoorbellOptions, Listener } from './doorbell.ts';
import { Pace, Places, type Posted } from './places.ts';
import type { ShortCall, ShortCalls, ShortRoute, SoloEntry, SoloOutcome } from './short-calls.ts';

export type { SoloEntry, SoloOutcome } from './short-calls.ts';

/** An app that may be called solo, and how that has gone. */
interface Route extends ShortRoute {
  readonly install: number;
  readonly table: AppTable;
  readonly pace: Pace;
  /** Sessions in a row, nearly, that had begun and had to be brought home: halved with each that had not. */
  trouble: number;
  /** Calls that go the long way before another is tried. */
  pauseLeft: number;
}

/** A call that is out. */
export interface SoloCall extends ShortCall, Posted {
  readonly generation: number;
  readonly route: Route;
  readonly timeoutMs: number | null;
  settle: ((outcome: SoloOutcome) => void) | null;
  /** What the client actor knows it by, once its session is at home; else -1. */
  request: number;
}

export interface SoloCallsOptions {
  readonly memory: SoloHandle;
  readonly inlineBytesMax: number;
  /**
   * How long a slot rests whose session was brought home: an executor that the system had put aside in the middle of a record may go on
   * to write it.
   */
  readonly restMs: number;
  /** Calls of an app that go the long way at most, after its sessions had to be brought home. */
  readonly pauseMax: number;
  /** A session whose id somebody has seen has ended. */
  named(summary: SessionSummary): void;
  listen(options: DoorbellOptions): Listener;
  nowMs(): number;
  /** Monotonic. */
  elapsedMs(): number;
  random(): number;
  /** Brings the sessions of these slots home; resolves when they are, or have ended. */
  recall(slots: readonly { readonly slot: number; readonly generation: number }[]): Promise<unknown>;
  /** Of a session that has been brought home; unless it has ended. */
  cancel(session: string, reason: string): void;
}

const troubleMax = 16;
const unluckyMax = 5;

export class SoloCalls implements ShortCalls {
  readonly #options: SoloCallsOptions;
  readonly #table: SoloTable;
  readonly #doorbell: Listener;
  readonly #routes = new Map<string, Route>();
  readonly #suspended = new Map<string, number>();
  readonly #rows: (SoloCall | undefined)[];
  /** The last is taken first, so that one that was never used is taken when all before it are in use: who looks through them counts on it. */
  readonly #free: number[];
  /** Slots that rest, the oldest first. */
  readonly #resting: { readonly slot: number; readonly sinceMs: number }[] = [];
  readonly #ids: ReturnType<typeof createSessionIdMaker>;
  readonly #places: Places;
  #open = 0;
  #isClosed = false;

  constructor(options: SoloCallsOptions) {
    this.#options = options;
    this.#table = new SoloTable(options.memory);
    const { slots } = options.memory;
    this.#rows = Array.from({ length: slots });
    this.#free = Array.from({ length: slots }, (_, i) => slots - 1 - i);
    this.#places = new Places(this.#table, () => options.elapsedMs());
    this.#ids = createSessionIdMaker(options.random);
    this.#doorbell = options.listen({
      table: this.#table,
      box: clientBox,
      answer: () => this.#table.drain(clientBox, (slot) => this.#look(slot)),
      isWanted: () => this.#open > 0,
    });
  }

  /** From here on sessions of this revision may run solo, if the app is one that can. */
  allow(app: string, install: number, definition: AppDefinition, revision: number): void {
    const table = compileApp(definition, revision);
    if (canRunSolo(table)) this.#routes.set(app, { app, install, table, pace: new Pace(), trouble: 0, pauseLeft: 0 });
    else this.#routes.delete(app);
  }

  disallow(app: string): void {
    this.#routes.delete(app);
  }

  /** While an app is being changed, its sessions take the long way; those that are out come home first. */
  async suspend(app: string): Promise<void> {
    this.#suspended.set(app, (this.#suspended.get(app) ?? 0) + 1);
    await this.recallApp(app);
  }

  resume(app: string): void {
    const left = (this.#suspended.get(app) ?? 1) - 1;
    if (left > 0) this.#suspended.set(app, left);
    else this.#suspended.delete(app);
  }

  /** The route of an app that can be called now; null: the long way. */
  routeOf(app: string): Route | null {
    const route = this.#routes.get(app);
    if (!route || this.#isClosed || this.#suspended.has(app) || !this.#hasSlot() || this.#table.isClosed) return null;
    if (route.pauseLeft === 0) return route;
    route.pauseLeft--;
    return null;
  }

  /** Null: it cannot be done this way, and nothing has happened. */
  call(route: Route, entries: readonly SoloEntry[], timeoutMs: number | null, settle: (outcome: SoloOutcome) => void): SoloCall | null {
    const place = this.#places.choose(route.pace);
    const slot = place === -1 ? undefined : this.#free.pop();
    if (slot === undefined) return null;
    const position = this.#write(slot, route, entries);
    if (position === -1) {
      this.#table.releaseSlabs(slot);
      this.#free.push(slot);
      return null;
    }
    const row: SoloCall = { slot, generation: this.#table.nextGeneration(slot), place, route, timeoutMs, settle, request: -1 };
    this.#rows[slot] = row;
    this.#open++;
    this.#places.posted(row);
    this.#table.give(slot, slotState(stageQueued, place, position));
    const hasWoken = this.#table.post(place, slot);
    this.#doorbell.attend(!hasWoken);
    // Whoever calls may be busy from here on, and so may what he has called.
    this.#table.askWatch();
    return row;
  }

  /** The session of this slot is at home: what its call is to the client actor. Null: nobody waits for it any more. */
  reclaim(
    { session, slot, generation }: { readonly session: string; readonly slot: number; readonly generation: number },
    request: (settle: (reply: Reply) => void) => number,
  ): Extract<ClientCommand, { kind: 'reclaimCall' }> | null {
    const row = this.#rows[slot];
    if (row?.generation !== generation) return null;
    const { route, settle } = row;
    if (this.#hasBegun(slot)) this.#noteTrouble(route);
    this.#release(row);
    this.#resting.push({ slot, sinceMs: this.#options.nowMs() });
    this.#hasSlot();
    if (settle) row.request = request(settle);
    return { kind: 'reclaimCall', session, call: askOf(row, row.request), isAnswered: settle === null };
  }

  /** Else it had to wait too long behind others: that says nothing of its app. */
  #hasBegun(slot: number): boolean {
    return readJournal(this.#table, slot, 0, positionOf(this.#table.state(slot))).some(({ kind }) => kind === 'begin');
  }

  #noteTrouble(route: Route): void {
    route.trouble = Math.min(troubleMax, route.trouble + 1);
    route.pace.noteLong();
    // Now and then one is unlucky.
    route.pauseLeft = Math.min(this.#options.pauseMax, 2 ** (route.trouble - unluckyMax) - 1) | 0;
  }

  /**
   * Whoever waits for this call does so no longer: he is told at once, whatever holds up the others, unless his answer is there. The session
   * comes home, to be cancelled there.
   */
  async giveUp(call: SoloCall, error: ErrorData): Promise<void> {
    const { slot, generation } = call;
    if (this.#rows[slot] === call) this.#look(slot);
    if (this.#rows[slot] !== call || !call.settle) return;
    const session = this.sessionOf(call);
    const { settle } = call;
    call.settle = null;
    settle({ kind: 'requestRefused', request: -1, error });
    await this.#options.recall([{ slot, generation }]);
    this.#options.cancel(session, error.message);
  }

  async recall(concerns: (app: string, session: () => string) => boolean): Promise<void> {
    if (this.#open === 0) return;
    const slots = this.#rows.flatMap((row) => {
      if (!row) return [];
      const { slot, generation, route } = row;
      return concerns(route.table.name, () => this.sessionOf(row)) ? [{ slot, generation }] : [];
    });
    if (slots.length === 0) return;
    await this.#options.recall(slots);
    // Those that have ended instead: whether or not their executors have said so yet.
    for (const { slot } of slots) this.#look(slot);
  }

  recallApp(app: string): Promise<void> {
    return this.recall((other) => other === app);
  }

  recallSession(session: string): Promise<void> {
    return this.recall((_, id) => id() === session);
  }

  /** No more; those that are out come home. */
  async end(): Promise<void> {
    this.#isClosed = true;
    await this.recall(() => true);
  }

  /** Nothing more comes from the executors. */
  close(error: ErrorData): void {
    this.#isClosed = true;
    for (const row of this.#rows) {
      if (!row) continue;
      this.#release(row);
      row.settle?.({ kind: 'requestRefused', request: -1, error });
    }
    this.#doorbell.stop();
  }

  sessionOf({ slot }: SoloCall): string {
    return this.#idOf(slot);
  }

  #idOf(slot: number): string {
    const { openedMs, maker, counter } = readFields(this.#table, slot);
    return sessionIdText(openedMs, maker, counter);
  }

  #write(slot: number, { install, table }: Route, entries: readonly SoloEntry[]): number {
    writeFields(this.#table, slot, {
      install,
      openedMs: this.#options.nowMs(),
      maker: this.#ids.maker,
      counter: nextCounter(this.#ids, table.name),
    });
    const journal = new JournalWriter(this.#table, slot);
    for (const { bucket, key, group, encoded } of entries) {
      const { encoding, bytes } = encoded;
      const index = table.bucketByName.get(bucket)?.index;
      if (index === undefined || bytes.byteLength > this.#options.inlineBytesMax) return -1;
      if (!journal.object(0, index, key, group, { encoding, sizeBytes: bytes.byteLength, inline: bytes, offset: -1 })) return -1;
    }
    return journal.position;
  }

  /** Whether a slot is to be had; one that has rested for long enough is. */
  #hasSlot(): boolean {
    const [oldest] = this.#resting;
    if (oldest && this.#options.nowMs() - oldest.sinceMs >= this.#options.restMs) {
      this.#resting.shift();
      this.#table.releaseSlabs(oldest.slot);
      this.#free.push(oldest.slot);
    }
    return this.#open < this.#table.sessions && this.#free.length > 0;
  }

  #summarize({ slot, route }: SoloCall, { superseded, late }: SlotNotes): SessionSummary {
    const { table } = route;
    const { openedMs } = readFields(this.#table, slot);
    const records = readJournal(this.#table, slot, 0, positionOf(this.#table.state(slot)));
    const counts = table.functions.map(() => 0);
    for (const record of records) {
      const index = record.kind === 'begin' ? table.triggers[record.trigger]?.functionIndex : undefined;
      if (index !== undefined) counts[index] = (counts[index] ?? 0) + 1;
    }
    const functions = table.functions.flatMap(({ name, index }) => {
      const invocations = counts[index] ?? 0;
      return invocations > 0 ? [{ function: name, invocations, attempts: invocations, reruns: 0, failures: 0 }] : [];
    });
    const count = (kind: string) => records.filter((record) => record.kind === kind).length;
    return {
      id: this.#idOf(slot),
      app: table.name,
      revision: table.revision,
      state: 'ended',
      openedMs,
      endedMs: this.#options.nowMs(),
      error: null,
      history: { objects: count('object'), outputs: count('output'), superseded, late, functions, linkedTo: [], retryOf: null },
    };
  }

  #look(slot: number): void {
    const row = this.#rows[slot];
    if (!row) return;
    const stage = stageOf(this.#table.state(slot));
    if (stage === stageRecalled) return;
    const { settle } = row;
    // Who has had his answer needs no second copy.
    const output = settle && readOutput(this.#table, slot);
    if (stage === stageEnded) {
      row.route.trouble >>= 1;
      const notes = readNotes(this.#table, slot);
      row.route.pace.note(notes.tookMs);
      if (notes.isNamed) this.#options.named(this.#summarize(row, notes));
      if (hasSlabs(this.#table, slot)) this.#table.releaseSlabs(slot);
      this.#release(row);
      this.#free.push(slot);
    } else if (!output) return;
    if (!settle) return;
    row.settle = null;
    settle({ kind: 'ended', output });
  }

  #release(row: SoloCall): void {
    const { slot } = row;
    this.#rows[slot] = undefined;
    this.#open--;
    this.#places.left(row);
    this.#table.give(slot, stageFree);
  }
}

function askOf({ route, timeoutMs }: SoloCall, request: number): AskCall {
  return {
    kind: 'askCall',
    request,
    app: route.table.name,
    entries: [],
    expects: [],
    until: 'output',
    requestId: null,
    timeoutMs,
    admitTimeoutMs: 0,
    retries: 0,
    deadlineMs: null,
    priority: 5,
  };
}

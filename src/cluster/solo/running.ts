/** A solo session as the executor knows it that runs it: its triggers, its journal, and what the executor has to remember beside these. */
import type { AppTable } from '../../actors/app.ts';
import { sessionIdText } from '../../actors/protocol/session-id.ts';
import type { SoloPlan } from '../../actors/solo/plan.ts';
import { type SoloObject, SoloSession } from '../../actors/solo/session.ts';
import { JournalWriter, readFields, readJournal, type SlotFields } from '../../storage/solo/journal.ts';
import { positionOf } from '../../storage/solo/slot-state.ts';
import type { SoloTable } from '../../storage/solo/table.ts';
import type { SoloJob } from './job.ts';

export interface SoloApp {
  readonly table: AppTable;
  readonly plan: SoloPlan;
}

/** A session that runs here. */
export interface RunningSession<A extends SoloApp = SoloApp> {
  readonly slot: number;
  readonly generation: number;
  readonly app: A;
  readonly fields: SlotFields;
  readonly solo: SoloSession;
  readonly journal: JournalWriter;
  /** The last function that began here; null: it has begun elsewhere, and its end is in the journal. */
  lastJob: SoloJob<A> | null;
  beganMs: number;
  /** What is due was fired elsewhere, for this executor: it is not to be passed on again. */
  isForHere: boolean;
  objectBytes: number;
  hasBlocks: boolean;
  /** An output was given, and the client has not been told. */
  isOutputNews: boolean;
  id: string | null;
}

/** Null: its app is not loaded here. */
export function openSession<A extends SoloApp>(
  table: SoloTable,
  slot: number,
  appOf: (install: number) => A | undefined,
): RunningSession<A> | null {
  const fields = readFields(table, slot);
  const app = appOf(fields.install);
  if (!app) return null;
  return {
    slot,
    generation: table.generation(slot),
    app,
    fields,
    solo: new SoloSession(app.plan),
    journal: new JournalWriter(table, slot),
    lastJob: null,
    beganMs: 0,
    isForHere: false,
    objectBytes: 0,
    hasBlocks: false,
    isOutputNews: false,
    id: null,
  };
}

/** False: its home must decide what that means. */
export function admit(running: RunningSession, object: SoloObject, source: number): boolean {
  running.objectBytes += object.ref.sizeBytes;
  if (object.ref.offset >= 0) running.hasBlocks = true;
  return running.solo.admit(object, source);
}

/** What others have written since this executor had the session. False: its home must decide what that means. */
export function readOn(table: SoloTable, running: RunningSession): boolean {
  const { solo, slot, journal } = running;
  const { state } = journal;
  for (const record of readJournal(table, slot, journal.position, positionOf(state))) {
    if (record.kind === 'begin') solo.begin();
    if (record.kind === 'output') solo.outputs = 1;
    if (record.kind === 'object' && !admit(running, record, record.source)) return false;
  }
  journal.moveTo(positionOf(state));
  return true;
}

/** The session's id. Whoever reads it may ask for the session later, when it has ended. */
export function nameOf(session: RunningSession): string {
  if (session.id === null) {
    const { openedMs, maker, counter } = session.fields;
    session.id = sessionIdText(openedMs, maker, counter);
    session.journal.noteNamed();
  }
  return session.id;
}

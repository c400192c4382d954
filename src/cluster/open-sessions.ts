/**
 * The sessions that a client of a cluster has opened and that have not ended: nothing that becomes of them may pass it by.
 *
 *   Q1  When the way to the cluster was interrupted, what was under way may be lost. Each session's coordinator is asked what became of
 *       it: until it answers, or `roundsMax` times.
 *   Q2  What can still be told is: that it is open, how it ended. An output that was lost is nobody's any more: then it has failed for
 *       this client with `CoordinatorLost`, and so has one of which nothing is known.
 *   Q3  Whatever more is lost of a session that has failed here, and its end, are not told: it has ended once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { errorData, type ErrorData } from '../actors/protocol/error.ts';
import type { Message } from '../actors/protocol/message.ts';
import type { SessionSummary } from '../actors/protocol/session.ts';

export interface OpenSessionsOptions {
  /** What the session's coordinator answers to `querySession`; null: nothing in time. */
  query(session: string): Promise<Message | null>;
  /** In the order of what comes from the cluster about the session. */
  tell(message: Message): void;
  readonly pauseMs?: number;
}

interface Row {
  readonly coordinator: string;
  /** That have come; null: some may have been told another way. */
  outputs: number | null;
}

const pauseMsDefault = 1_000;
const roundsMax = 5;
/** Of more that have failed here the end may be told again. */
const failedMax = 10_000;
/** Asked about at a time. */
const questionsMax = 256;

export class OpenSessions {
  readonly #options: OpenSessionsOptions;
  readonly #rows = new Map<string, Row>();
  /** That have failed here, and have not ended there. */
  readonly #failed = new Set<string>();
  #inquiry = 0;

  constructor(options: OpenSessionsOptions) {
    this.#options = options;
  }

  /** `isHomed`: it ran solo before. */
  add(session: string, coordinator: string, isHomed = false): void {
    this.#rows.set(session, { coordinator, outputs: isHomed ? null : 0 });
  }

  /** Of all that comes from the cluster. Returns whether it is to be told. */
  note(message: Message): boolean {
    if (message.kind === 'sessionEnded') {
      this.#rows.delete(message.summary.id);
      return !this.#failed.delete(message.summary.id);
    }
    // Another has its id: this one never was.
    const isRefused = message.kind === 'sessionOpened' && message.existing !== message.session;
    if (message.kind === 'sessionRefused' || isRefused) this.#rows.delete(message.session);
    const row = message.kind === 'sessionOutput' ? this.#rows.get(message.session) : undefined;
    if (row && row.outputs !== null) row.outputs++;
    return true;
  }

  /** An output cannot be had: for this client the session has failed. Returns whether that is news. */
  outputLost(session: string): boolean {
    if (this.#failed.has(session)) return false;
    this.#rows.delete(session);
    this.#failed.add(session);
    for (const first of this.#failed) {
      if (this.#failed.size <= failedMax) break;
      this.#failed.delete(first);
    }
    return true;
  }

  /** Nobody will say what becomes of those that it acted for. */
  lose(coordinator: string): void {
    const lost = [...this.#rows].filter(([, row]) => row.coordinator === coordinator);
    for (const [session] of lost) this.#fail(session, `coordinator ${coordinator}, which acted for session ${session}, is gone`);
  }

  /** The way to the cluster was interrupted, and is there again. An inquiry that is under way is given up for this one. */
  async inquire(): Promise<void> {
    const inquiry = ++this.#inquiry;
    let left: readonly string[] = [...this.#rows.keys()];
    for (let round = 1; left.length > 0; round++) {
      const unsettled: string[] = [];
      for (let from = 0; from < left.length; from += questionsMax) {
        const some = left.slice(from, from + questionsMax);
        const settled = await Promise.all(some.map((session) => this.#ask(session, round, () => inquiry === this.#inquiry)));
        unsettled.push(...some.filter((_, i) => settled[i] === false));
        if (inquiry !== this.#inquiry) return;
      }
      left = unsettled;
      if (left.length > 0) await sleep(this.#options.pauseMs ?? pauseMsDefault);
      if (inquiry !== this.#inquiry) return;
    }
  }

  close(): void {
    this.#inquiry++;
    this.#rows.clear();
    this.#failed.clear();
  }

  /** False: to be asked again. */
  async #ask(session: string, round: number, isCurrent: () => boolean): Promise<boolean> {
    const reply = await this.#options.query(session);
    const row = this.#rows.get(session);
    if (!row || !isCurrent()) return true;
    if (reply?.kind === 'requestDone') return this.#take(row, reply.result as SessionSummary, round);
    const isUnknown = reply?.kind === 'requestRefused' && reply.error.code === 'UnknownSession';
    if (!isUnknown && round < roundsMax) return false;
    const why = isUnknown ? 'its coordinator does not know it' : 'its coordinator does not answer';
    this.#fail(
      session,
      `the coordinator by which this client is connected was started anew, and of session ${session} nothing is known: ${why}`,
    );
    return true;
  }

  #take(row: Row, summary: SessionSummary, round: number): boolean {
    const { id } = summary;
    if (row.outputs !== null && row.outputs < summary.history.outputs) {
      // The answer may have come by a shorter way than the output.
      if (round === 1) return false;
      this.#fail(id, `the coordinator by which this client is connected was started anew, and an output of session ${id} was lost with it`);
    } else if (summary.state === 'open') this.#options.tell({ kind: 'sessionOpened', session: id, existing: id });
    else this.#options.tell({ kind: 'sessionEnded', summary });
    return true;
  }

  #fail(session: string, text: string): void {
    const coordinator = this.#rows.get(session)?.coordinator;
    this.#rows.delete(session);
    const error = errorData('CoordinatorLost', text, { session, coordinator }, true);
    this.#options.tell({ kind: 'sessionEnded', summary: failedSummary(session, '', error) });
  }
}

export function failedSummary(id: string, app: string, error: ErrorData): SessionSummary {
  const history = { objects: 0, outputs: 0, superseded: 0, late: 0, functions: [], linkedTo: [], retryOf: null };
  return { id, app, revision: 0, state: 'failed', openedMs: 0, endedMs: Date.now(), error, history };
}

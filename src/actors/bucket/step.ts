/**
 * One step of a bucket: the actions of its primitives, gathered into the one message that its home gets.
 *
 *   B1  A step's firings, drops and timers reach the home in one `bucketStepped`, so no one sees half of it.
 *   B2  Each message of the home about a session is answered by exactly one step with `answers: true`.
 *   B3  A host timer exists exactly for each timer that a trigger's state waits for.
 */
import { type Effect, send } from '../actor.ts';
import type { BucketStepped, CancelledSources, DropReason, Firing, SessionNumber } from '../protocol/bucket.ts';
import { errorCodes, type ErrorCode, errorData, type ErrorData } from '../protocol/error.ts';
import type { Action } from './primitives/primitive.ts';
import type { BucketState, SessionTriggers, TriggerState } from './state.ts';

const none: readonly never[] = [];

export class Step {
  readonly #bucket: BucketState;
  readonly #session: SessionNumber;
  readonly #nowMs: number;
  #effects: Effect[] | null = null;
  #firings: Firing[] | null = null;
  #dropped: { input: number; reason: DropReason }[] | null = null;
  #cancelled: CancelledSources[] | null = null;
  #failed: BucketStepped['failed'] = null;
  joined: BucketStepped['joined'] = null;
  admitted = -1;
  holders = 0;

  constructor(bucket: BucketState, session: SessionNumber, nowMs: number) {
    this.#bucket = bucket;
    this.#session = session;
    this.#nowMs = nowMs;
  }

  take(trigger: TriggerState, actions: readonly Action[]): void {
    for (const action of actions) this.#takeOne(trigger, action);
  }

  drop(input: number, reason: DropReason): void {
    (this.#dropped ??= []).push({ input, reason });
  }

  stopTimers(trigger: TriggerState): void {
    for (const id of trigger.timers.keys()) this.#effect({ kind: 'stopTimer', id: timerId(this.#session, trigger, id) });
    trigger.timers.clear();
  }

  /** The host's part, then the home's. */
  end(triggers: SessionTriggers | undefined, answers: boolean): readonly Effect[] {
    const message: BucketStepped = {
      kind: 'bucketStepped',
      app: this.#bucket.app,
      bucket: this.#bucket.bucket,
      session: this.#session,
      answers,
      admitted: this.admitted,
      holders: this.holders,
      firings: this.#firings ?? none,
      dropped: this.#dropped ?? none,
      cancelled: this.#cancelled ?? none,
      failed: this.#failed,
      joined: this.joined,
      timed: timedTriggers(triggers),
    };
    const told = send(this.#bucket.home, message);
    return this.#effects ? [...this.#effects, told] : [told];
  }

  #takeOne(trigger: TriggerState, action: Action): void {
    const { index, definition } = trigger.row;
    switch (action.kind) {
      case 'fire':
        (this.#firings ??= []).push({ trigger: index, name: definition.name, function: definition.function, inputs: action.inputs });
        return;
      case 'startTimer':
        trigger.timers.set(action.id, action.atMs);
        this.#effect({
          kind: 'startTimer',
          id: timerId(this.#session, trigger, action.id),
          afterMs: Math.max(0, action.atMs - this.#nowMs),
          message: { kind: 'triggerTimerReached', session: this.#session, trigger: definition.name, timer: action.id },
        });
        return;
      case 'stopTimer':
        if (trigger.timers.delete(action.id)) this.#effect({ kind: 'stopTimer', id: timerId(this.#session, trigger, action.id) });
        return;
      case 'drop':
        this.drop(action.input, action.reason);
        return;
      case 'cancelSources':
        (this.#cancelled ??= []).push({ trigger: index, functions: action.functions, except: action.except });
        return;
      case 'fail':
        this.#failed ??= { trigger: index, error: this.#error(trigger, action.code, action.message) };
    }
  }

  #error(trigger: TriggerState, code: string, message: string): ErrorData {
    const { definition } = trigger.row;
    const detail = { app: this.#bucket.app, trigger: definition.name, bucket: definition.bucket, primitive: definition.primitive };
    const known = errorCodes.find((candidate) => candidate === code) ?? ('PrimitiveFailed' satisfies ErrorCode);
    return errorData(known, `trigger ${definition.name}: ${message}`, detail);
  }

  #effect(effect: Effect): void {
    (this.#effects ??= []).push(effect);
  }
}

function timedTriggers(triggers: SessionTriggers | undefined): readonly number[] {
  let timed: number[] | null = null;
  for (const trigger of triggers?.triggers ?? none) if (trigger.timers.size > 0) (timed ??= []).push(trigger.row.index);
  return timed ?? none;
}

/** The host's name for a trigger's timer in a session. */
export function timerId(session: SessionNumber, trigger: TriggerState, id: string): string {
  return `${session}/${trigger.row.definition.name}/${id}`;
}

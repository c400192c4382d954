/**
 * `byTime`: fires for what has arrived in a window of time. `windowMs`: tumbling windows; `quietMs`: bursts, closed by a pause.
 *
 *   W1  Windows are aligned to the epoch: [n × windowMs, (n + 1) × windowMs), by the time of arrival at the trigger's home.
 *   W2  A window is closed by its timer. When the timer is late, an arrival at or after the end closes it first, and is not in it.
 *   W3  A timer exists only while its window holds an object. With `fireEmpty` there is always one, and windows without an
 *       object fire too; those that a late timer has jumped over (a machine that slept) do not.
 *   W4  With `quietMs` every arrival puts the end off; the timer stays, and is started anew for the rest when it is due.
 */
import { boolean, checkFields, milliseconds, oneOf, optional, problem } from './options.ts';
import { fire, type Partitioned, partitionOf, partitionOfTimer, startTimer, stopTimer } from './partition.ts';
import { type Action, noActions, type Primitive } from './primitive.ts';

/** Exactly one of `windowMs` and `quietMs`. */
export interface ByTimeOptions extends Partitioned {
  /** The length of a window. */
  readonly windowMs?: number;
  /** The pause after which what has come fires. */
  readonly quietMs?: number;
  /** Whether objects of all sessions share windows. Default `app`. */
  readonly scope?: 'app' | 'session';
  /** With `windowMs`, app scope and no `partitionBy`: also windows without an object fire. Default false. */
  readonly fireEmpty?: boolean;
}

interface Window {
  readonly inputs: number[];
  /** Its end: the first moment that is not in it. */
  dueMs: number;
}

/** The open windows by partition, the oldest first. */
export type ByTimeState = Map<string | null, Window>;

const fields = {
  windowMs: optional(milliseconds),
  quietMs: optional(milliseconds),
  partitionBy: optional(oneOf('group')),
  scope: optional(oneOf('app', 'session')),
  fireEmpty: optional(boolean),
};

export const byTime: Primitive<ByTimeOptions, ByTimeState> = {
  kind: 'byTime',
  arity: 'many',
  scope: (options) => options.scope ?? 'app',

  check(options) {
    const bad = checkFields('byTime', options, fields);
    if (bad) return bad;
    const { windowMs, quietMs, partitionBy, scope, fireEmpty } = options ?? {};
    if (windowMs === undefined && quietMs === undefined)
      return problem('options.windowMs', windowMs, 'is missing: a window needs windowMs or quietMs');
    if (windowMs !== undefined && quietMs !== undefined) return problem('options.quietMs', quietMs, 'cannot be together with windowMs');
    if (!fireEmpty) return null;
    if (scope === 'session') return problem('options.fireEmpty', fireEmpty, "is only for scope 'app': it would keep every session open");
    if (windowMs === undefined) return problem('options.fireEmpty', fireEmpty, 'is only for windowMs');
    if (partitionBy)
      return problem('options.fireEmpty', fireEmpty, 'cannot be together with partitionBy: the groups of an empty window are unknown');
    return null;
  },

  init: () => new Map(),

  start(state, options, nowMs) {
    return options.fireEmpty ? [openWindow(state, null, [], options, nowMs)] : noActions;
  },

  admit(state, arrival, options, nowMs) {
    const partition = partitionOf(arrival, options);
    const open = state.get(partition);
    if (open && nowMs < open.dueMs) {
      open.inputs.push(arrival.id);
      if (options.quietMs !== undefined) open.dueMs = Math.max(open.dueMs, nowMs + options.quietMs);
      return noActions;
    }
    const started = openWindow(state, partition, [arrival.id], options, nowMs);
    return open ? [fire(open.inputs, partition, options), started] : [started];
  },

  timer(state, id, options, nowMs) {
    const partition = partitionOfTimer(id);
    const open = state.get(partition);
    if (!open) return noActions;
    if (nowMs < open.dueMs) return [startTimer(partition, open.dueMs)];
    const fired = fire(open.inputs, partition, options);
    if (options.fireEmpty) return [fired, openWindow(state, partition, [], options, nowMs)];
    state.delete(partition);
    return [fired];
  },

  flush(state, options) {
    const actions: Action[] = [];
    for (const [partition, window] of state) {
      if (window.inputs.length > 0) actions.push(fire([...window.inputs], partition, options));
      if (options.fireEmpty) {
        // The window goes on, and fires again at its end with what comes until then.
        window.inputs.length = 0;
        continue;
      }
      actions.push(stopTimer(partition));
      state.delete(partition);
    }
    return actions;
  },

  forget: (state) => [...state.values()].flatMap(({ inputs }) => inputs),
  /** Its timer fires it. */
  pending: () => null,
};

/** Puts a window around `nowMs` in the place of the one before, and starts its timer. */
function openWindow(state: ByTimeState, partition: string | null, inputs: number[], options: ByTimeOptions, nowMs: number): Action {
  const dueMs = endMs(options, nowMs);
  // Deleted first, so that the map stays in the order of the windows' openings.
  state.delete(partition);
  state.set(partition, { inputs, dueMs });
  return startTimer(partition, dueMs);
}

function endMs({ windowMs = 0, quietMs }: ByTimeOptions, nowMs: number): number {
  return quietMs !== undefined ? nowMs + quietMs : (Math.floor(nowMs / windowMs) + 1) * windowMs;
}

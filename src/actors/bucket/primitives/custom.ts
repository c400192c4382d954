/**
 * Primitives of users: the interface they write, and the wrapper that makes an evaluator of it.
 *
 * User code is trusted with its own state and with nothing else. The wrapper keeps the books beside it:
 *
 *   C1  A throw, or an answer that `custom-actions.ts` refuses, becomes one `fail` with the code `PrimitiveFailed`, naming the
 *       primitive, the method and the reason. Of that answer nothing is performed.
 *   C2  `held` has exactly the arrivals that were given and have neither fired nor been dropped: the wrapper's `forget` and P2
 *       do not depend on user code. What the user's `forget` does not list is dropped as `unwanted`, now and then, so that
 *       `held` never grows beyond twice what the user holds.
 *   C3  `timer` is called for a timer that is pending, not before its time, and once (P3).
 */
import { isName } from '../../app.ts';
import { type CustomAction, type CustomBooks, listIds, newBooks, printThrown, takeActions } from './custom-actions.ts';
import { builtInPrimitives } from './index.ts';
import { type Field, functionsOf, isRecord, oneOf, optional, problem, required } from './options.ts';
import { type Action, type Arrival, noActions, type Pending, type Primitive, type Problem } from './primitive.ts';

/**
 * A condition of one's own. Its methods must be deterministic in their arguments and may change `state` in place; no clock but
 * `nowMs` (milliseconds since the epoch), no randomness, no I/O. `O`: its options as the trigger gives them. `S`: its state,
 * plain data that survives a CBOR round trip; one per session, or one per app.
 */
export interface CustomPrimitive<O = unknown, S = unknown> {
  /** Its name: 1 to 64 letters, digits, dots, dashes or underscores; not that of a built-in primitive. */
  readonly kind: string;
  /** `one`: the function takes a single input, and every firing has exactly one. Default `many`. */
  readonly arity?: 'one' | 'many';
  /** Whether objects of different sessions meet in one state. Default `session`. */
  readonly scope?: 'session' | 'app';
  /** Checks the options of a trigger, when its app is defined: returns (or throws) what is wrong, and nothing if they are good. */
  options?(options: O): string | null | undefined;
  /** The functions that it follows, by name: for `sourceDone` and `cancelSources`. */
  sources?(options: O): readonly string[];
  init(options: O, nowMs: number): S;
  /** An object has come. Firings name it by `arrival.id`. */
  admit(state: S, arrival: Arrival, options: O, nowMs: number): readonly CustomAction[];
  /** A timer that was started is due. It is not pending any more. */
  timer?(state: S, id: string, options: O, nowMs: number): readonly CustomAction[];
  /** Session scope: no invocation of `sources` is queued, running or due in the session, and none can come. Needs `sources`. */
  sourceDone?(state: S, options: O, nowMs: number): readonly CustomAction[];
  /** Fires what is partial: before the session ends, or (app scope) when the app is drained. */
  flush?(state: S, options: O, nowMs: number): readonly CustomAction[];
  /** The ids of all arrivals that the state still holds. What is not listed can no longer fire. */
  forget(state: S): readonly number[];
  /**
   * What an unfired state has and lacks, in words, for `SessionIncomplete`; null when nothing waits. Default: whatever is held
   * waits, unless the primitive has `timer`, `sourceDone` or `flush` and so fires by itself.
   */
  pending?(state: S, options: O): Pending | null;
}

export interface CustomState<S> {
  /** What the user's `init` returned; undefined when it threw. */
  readonly user: S;
  readonly initFailure: string | null;
  readonly books: CustomBooks;
  /** When `held` has this size, it is compared with the user's `forget` (C2). */
  compareAt: number;
}

const compareAtMin = 64;

/** What is wrong with a definition, its field named; null if `wrapCustomPrimitive` may have it. */
export function checkCustomPrimitive(definition: unknown): Problem | null {
  if (!isRecord(definition)) return problem('primitive', definition, 'must be an object with kind, init, admit and forget');
  for (const name of Object.keys(definition)) {
    if (!Object.hasOwn(fields, name))
      return problem(name, definition[name], `is not a field of a primitive (${Object.keys(fields).join(', ')})`);
  }
  for (const [name, { required, rule }] of Object.entries(fields)) {
    const value = definition[name];
    const bad = value === undefined && !required ? null : rule(value, name);
    if (bad) return bad;
  }
  const { sourceDone, sources, scope } = definition;
  if (sourceDone !== undefined && sources === undefined)
    return problem('sources', sources, 'is missing: sourceDone needs to know which functions');
  if (sourceDone !== undefined && scope === 'app')
    return problem('sourceDone', sourceDone, "is only for scope 'session': functions finish in a session");
  return null;
}

/** Makes an evaluator of a definition that `checkCustomPrimitive` has passed. */
export function wrapCustomPrimitive<O, S>(definition: CustomPrimitive<O, S>): Primitive<O, CustomState<S>> {
  const { kind, arity = 'many', scope = 'session', timer, sourceDone, flush, sources } = definition;
  const run = (state: CustomState<S>, method: string, options: O, answer: () => unknown): readonly Action[] => {
    if (state.initFailure !== null) return [failure(kind, 'init', state.initFailure)];
    try {
      return takeActions(answer(), state.books, {
        arity,
        hasTimer: timer !== undefined,
        sources: () => sources?.call(definition, options) ?? [],
      });
    } catch (thrown) {
      return [failure(kind, method, printThrown(thrown))];
    }
  };
  return {
    kind,
    arity,
    scope: () => scope,
    check: (options, names) => checkOptions(definition, options, functionsOf(names)),
    init: (options, nowMs) => initState(definition, options, nowMs),
    admit(state, arrival, options, nowMs) {
      state.books.held.add(arrival.id);
      const actions = run(state, 'admit', options, () => definition.admit(state.user, arrival, options, nowMs));
      if (state.books.held.size < state.compareAt || state.initFailure !== null) return actions;
      return [...actions, ...dropUnlisted(definition, state)];
    },
    ...(timer && {
      timer(state: CustomState<S>, id: string, options: O, nowMs: number) {
        const { timers } = state.books;
        const atMs = timers.get(id);
        if (atMs === undefined) return noActions;
        if (nowMs < atMs) return [{ kind: 'startTimer', id, atMs } as const];
        timers.delete(id);
        return run(state, 'timer', options, () => timer.call(definition, state.user, id, options, nowMs));
      },
    }),
    ...(sources && { sources: (options: O) => sources.call(definition, options) }),
    ...(sourceDone && {
      sourcesDone: (state: CustomState<S>, options: O, nowMs: number) =>
        run(state, 'sourceDone', options, () => sourceDone.call(definition, state.user, options, nowMs)),
    }),
    ...(flush && {
      flushesAtEnd: () => scope === 'session',
      flush: (state: CustomState<S>, options: O, nowMs: number) =>
        run(state, 'flush', options, () => flush.call(definition, state.user, options, nowMs)),
    }),
    forget: ({ books }) => [...books.held],
    pending: (state, options) => pendingOf(definition, state, options),
  };
}

const method = (value: unknown, field: string): Problem | null =>
  typeof value === 'function'
    ? null
    : problem(field, value, value === undefined ? 'is missing: it must be a function' : 'must be a function');

const fields: Readonly<Record<keyof CustomPrimitive, Field>> = {
  kind: required(checkKind),
  arity: optional(oneOf('one', 'many')),
  scope: optional(oneOf('session', 'app')),
  options: optional(method),
  sources: optional(method),
  init: required(method),
  admit: required(method),
  timer: optional(method),
  sourceDone: optional(method),
  flush: optional(method),
  forget: required(method),
  pending: optional(method),
};

function checkKind(value: unknown, field: string): Problem | null {
  if (!isName(value))
    return problem(field, value, 'must be 1 to 64 letters, digits, dots, dashes or underscores, and start with a letter or digit');
  return builtInPrimitives.has(value) ? problem(field, value, 'is the kind of a built-in primitive: give yours a name of its own') : null;
}

function checkOptions<O, S>(definition: CustomPrimitive<O, S>, options: O, areFunctions: Field['rule']): Problem | null {
  try {
    const wrong: unknown = definition.options?.(options) ?? null;
    if (wrong !== null)
      return problem('options', options, typeof wrong === 'string' ? wrong : 'is refused: the check of options returned no text');
    return definition.sources ? areFunctions(definition.sources(options), 'options.sources') : null;
  } catch (thrown) {
    return problem('options', options, `is refused: ${printThrown(thrown)}`);
  }
}

function initState<O, S>(definition: CustomPrimitive<O, S>, options: O, nowMs: number): CustomState<S> {
  const rest = { books: newBooks(), compareAt: compareAtMin };
  try {
    return { user: definition.init(options, nowMs), initFailure: null, ...rest };
  } catch (thrown) {
    // Only methods with actions can fail a trigger: the first that is called will say so.
    return { user: undefined as S, initFailure: printThrown(thrown), ...rest };
  }
}

function dropUnlisted<O, S>(definition: CustomPrimitive<O, S>, state: CustomState<S>): readonly Action[] {
  const { held } = state.books;
  try {
    const listed = new Set(listIds(definition.forget(state.user)));
    const unlisted = [...held].filter((id) => !listed.has(id));
    for (const id of unlisted) held.delete(id);
    return unlisted.map((input) => ({ kind: 'drop', input, reason: 'unwanted' }));
  } catch (thrown) {
    return [failure(definition.kind, 'forget', printThrown(thrown))];
  } finally {
    state.compareAt = Math.max(compareAtMin, 2 * held.size);
  }
}

function pendingOf<O, S>(definition: CustomPrimitive<O, S>, state: CustomState<S>, options: O): Pending | null {
  const { kind } = definition;
  if (state.initFailure !== null) return null;
  try {
    if (definition.pending) return takePending(definition.pending(state.user, options));
    if (definition.timer || definition.sourceDone || definition.flush) return null;
    const waiting = listIds(definition.forget(state.user)).length;
    return waiting === 0 ? null : { has: [`${waiting} objects`], lacks: [`what ${kind} waits for (it has no method pending to say it)`] };
  } catch (thrown) {
    return { has: [`${state.books.held.size} objects`], lacks: [`what ${kind} waits for (it cannot say it: ${printThrown(thrown)})`] };
  }
}

function takePending(value: unknown): Pending | null {
  if (value === null) return null;
  const { has, lacks } = isRecord(value) ? value : {};
  const areTexts = (list: unknown): list is string[] => Array.isArray(list) && list.every((item) => typeof item === 'string');
  if (!areTexts(has) || !areTexts(lacks)) throw new TypeError('pending must return null or { has, lacks }, arrays of strings');
  return { has: [...has], lacks: [...lacks] };
}

function failure(kind: string, method: string, reason: string): Action {
  return { kind: 'fail', code: 'PrimitiveFailed', message: `primitive ${kind}: ${method}: ${reason}` };
}

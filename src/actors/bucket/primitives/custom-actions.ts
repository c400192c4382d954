/**
 * What a user's primitive may answer: each action is checked, copied, and entered in the books, or the whole answer is refused.
 *
 *   N1  An answer is taken whole or not at all: the books change only after its last action has been checked.
 *   N2  An arrival is fired or dropped at most once, and only if it was given.
 */
import { isRecord } from './options.ts';
import { type Action, noActions } from './primitive.ts';

/** As `Action`, but a failure needs no code: it is `PrimitiveFailed`. */
export type CustomAction = Exclude<Action, { readonly kind: 'fail' }> | { readonly kind: 'fail'; readonly message: string };

/** What the wrapper knows of a state without asking user code. */
export interface CustomBooks {
  /** Arrivals that have neither fired nor been dropped. */
  readonly held: Set<number>;
  /** Pending timers and when they are due. */
  readonly timers: Map<string, number>;
}

export interface CustomRules {
  readonly arity: 'one' | 'many';
  readonly hasTimer: boolean;
  /** User code, and so asked only when an action needs it. */
  sources(): readonly string[];
}

const timersMax = 10_000;

export function newBooks(): CustomBooks {
  return { held: new Set(), timers: new Map() };
}

/** Throws an `Error` that says which action is refused, and why. */
export function takeActions(answer: unknown, books: CustomBooks, rules: CustomRules): readonly Action[] {
  if (!Array.isArray(answer)) throw new TypeError(`returned ${printType(answer)}, must return an array of actions`);
  if (answer.length === 0) return noActions;
  const taken = new Set<number>();
  const actions = answer.map((action: unknown, i) => {
    if (!isRecord(action)) throw new TypeError(`action ${i} is ${printType(action)}, must be an object with kind`);
    return takeAction(action, `action ${i} (${printText(action.kind)})`, { books, rules, taken });
  });
  const timersStarted = actions.filter(({ kind }) => kind === 'startTimer').length;
  if (books.timers.size + timersStarted > timersMax) throw new RangeError(`would have more than ${timersMax} timers pending`);
  for (const id of taken) books.held.delete(id);
  for (const action of actions) enterTimer(action, books);
  return actions;
}

/** An array of ids, as `forget` returns it. */
export function listIds(value: unknown): readonly number[] {
  if (!Array.isArray(value) || !value.every((id) => typeof id === 'number'))
    throw new TypeError('forget must return an array of ids of arrivals');
  return value;
}

/** In one line, whatever was thrown. */
export function printThrown(thrown: unknown): string {
  return thrown instanceof Error ? `${printText(thrown.name)}: ${printText(thrown.message)}` : `threw ${printText(thrown)}`;
}

interface Taking {
  readonly books: CustomBooks;
  readonly rules: CustomRules;
  /** Ids that earlier actions of the same answer have fired or dropped. */
  readonly taken: Set<number>;
}

function takeAction(action: Record<string, unknown>, at: string, taking: Taking): Action {
  const { kind } = action;
  switch (kind) {
    case 'fire':
      return takeFire(action, at, taking);
    case 'drop':
      return takeDrop(action, at, taking);
    case 'startTimer':
      return takeTimer(action, at, taking);
    case 'stopTimer':
      return { kind, id: text(action.id, `${at}: id`) };
    case 'cancelSources':
      return takeCancel(action, at, taking);
    case 'fail':
      return { kind, code: 'PrimitiveFailed', message: text(action.message, `${at}: message`) };
    default:
      throw new TypeError(`${at}: kind must be fire, drop, startTimer, stopTimer, cancelSources or fail`);
  }
}

function takeFire({ inputs, group }: Record<string, unknown>, at: string, { books, rules, taken }: Taking): Action {
  if (!Array.isArray(inputs)) throw new TypeError(`${at}: inputs must be an array of ids of arrivals`);
  if (rules.arity === 'one' && inputs.length !== 1)
    throw new TypeError(`${at}: has ${inputs.length} inputs, must have exactly 1 (arity one)`);
  const ids = inputs.map((id: unknown) => takeId(id, at, books, taken));
  if (group === undefined) return { kind: 'fire', inputs: ids };
  return { kind: 'fire', inputs: ids, group: group === null ? null : text(group, `${at}: group`) };
}

function takeDrop({ input, reason }: Record<string, unknown>, at: string, { books, taken }: Taking): Action {
  if (reason !== 'superseded' && reason !== 'late' && reason !== 'unwanted') {
    throw new TypeError(`${at}: reason is ${printText(reason)}, must be superseded, late or unwanted`);
  }
  return { kind: 'drop', input: takeId(input, at, books, taken), reason };
}

function takeTimer({ id, atMs }: Record<string, unknown>, at: string, { rules }: Taking): Action {
  if (!rules.hasTimer) throw new TypeError(`${at}: the primitive has no method timer`);
  if (typeof atMs !== 'number' || !Number.isFinite(atMs))
    throw new TypeError(`${at}: atMs is ${printText(atMs)}, must be milliseconds since the epoch`);
  return { kind: 'startTimer', id: text(id, `${at}: id`), atMs };
}

function takeCancel({ functions, except }: Record<string, unknown>, at: string, { rules }: Taking): Action {
  const sources = rules.sources();
  if (!isArrayOf(functions, (name): name is string => typeof name === 'string' && sources.includes(name))) {
    throw new TypeError(`${at}: functions must be some of the primitive's sources (${sources.join(', ')})`);
  }
  if (!isArrayOf(except, (source) => typeof source === 'number')) {
    throw new TypeError(`${at}: except must be an array of sources (arrival.source)`);
  }
  return { kind: 'cancelSources', functions: [...functions], except: [...except] };
}

function isArrayOf<T>(value: unknown, isOne: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every(isOne);
}

function takeId(id: unknown, at: string, { held }: CustomBooks, taken: Set<number>): number {
  if (typeof id !== 'number' || !held.has(id) || taken.has(id)) {
    throw new RangeError(
      `${at}: ${printText(id)} is not an arrival that it holds: never given, fired or dropped already, or not listed by forget`,
    );
  }
  taken.add(id);
  return id;
}

function enterTimer(action: Action, { timers }: CustomBooks): void {
  if (action.kind === 'startTimer') timers.set(action.id, action.atMs);
  if (action.kind === 'stopTimer') timers.delete(action.id);
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new TypeError(`${what} is ${printText(value)}, must be a string`);
  return value;
}

function printType(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
}

const textCharactersMax = 200;

/** `String` throws for what has no printed form, such as an object without a prototype. */
function printText(value: unknown): string {
  try {
    return String(value).slice(0, textCharactersMax);
  } catch {
    return printType(value);
  }
}

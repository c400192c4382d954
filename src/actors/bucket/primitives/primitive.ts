/**
 * What a trigger's condition is: a pure evaluator `(state, object | timer | sourceDone) → actions`.
 *
 * The eight built-in primitives (a file each, beside this one) and those of users implement the same interface. An evaluator
 * owns nothing but `state`, which is plain data (it survives a CBOR round trip) and which it may change in place. One state
 * exists per session for session-scoped triggers, one per app for app-scoped ones; the bucket actor keeps them.
 *
 *   P1  Only `admit`, `timer`, `announce`, `sourceLost`, `sourcesDone` and `flush` fire; each is deterministic in its arguments.
 *   P2  An arrival is in at most one firing of a trigger; until it is fired or dropped, `forget` returns its id. (With session
 *       scope, one that can never be an input of this trigger may be passed over: neither fired, nor dropped, nor held.)
 *   P3  A timer exists only while the state waits for it. A timer that fires late, or twice, changes nothing; one that fires
 *       before its time by the clock is asked for again.
 *
 * Paper: Pheromone (NSDI'23), section 3.2, table 1.
 */

/** The answers when nothing happens and when nothing is held; shared, so that they cost nothing. */
export const noActions: readonly Action[] = Object.freeze([]);
export const noIds: readonly number[] = Object.freeze([]);

/** A sealed object as a trigger sees it. */
export interface Arrival {
  /** Unique in the home for as long as a state may hold it. */
  readonly id: number;
  readonly key: string;
  readonly group: string | null;
  /** The session's id (26 characters of base32). */
  readonly session: string;
  /** The invocation that sent it, 0 for a client. Unique in the home. */
  readonly source: number;
  /** The function of that invocation, null for a client. */
  readonly sourceFunction: string | null;
  readonly sizeBytes: number;
}

export type Action =
  /** Start the trigger's function with these arrivals, in this order. `group` is the one that all share, if the primitive groups. */
  | { readonly kind: 'fire'; readonly inputs: readonly number[]; readonly group?: string | null }
  /** `timer(state, id)` is called at `atMs` (since the epoch). A pending timer of the same id is moved. */
  | { readonly kind: 'startTimer'; readonly id: string; readonly atMs: number }
  | { readonly kind: 'stopTimer'; readonly id: string }
  /**
   * The arrival will never fire: a newer one for a key that is waiting already (`superseded`), too late for its round
   * (`late`), or nothing that this trigger ever fires (`unwanted`).
   */
  | { readonly kind: 'drop'; readonly input: number; readonly reason: 'superseded' | 'late' | 'unwanted' }
  /** Abort the invocations of these functions in the session, except those that have delivered: their work is not needed. */
  | { readonly kind: 'cancelSources'; readonly functions: readonly string[]; readonly except: readonly number[] }
  /** The trigger can never fire as asked: the session fails with this error. */
  | { readonly kind: 'fail'; readonly code: string; readonly message: string };

/** What an unfired trigger has and still lacks, in words a user can act on. For `SessionIncomplete`. */
export interface Pending {
  readonly has: readonly string[];
  readonly lacks: readonly string[];
}

/** What `ctx.expect` announces: the branches of one join, by key or by number. */
export interface Announcement {
  readonly group: string | null;
  readonly keys: readonly string[] | null;
  readonly count: number | null;
  /** The announcing invocation, 0 for a client. */
  readonly by: number;
}

export interface Names {
  readonly functions: ReadonlySet<string>;
  readonly buckets: ReadonlySet<string>;
}

/** A bad option, as registration reports it. */
export interface Problem {
  /** Path below the trigger: `options.k`. */
  readonly field: string;
  readonly value: unknown;
  /** What is wrong and what would be right: `must be between 1 and n (3)`. */
  readonly message: string;
}

export interface Primitive<O = unknown, S = unknown> {
  /** Its name in trigger definitions; unique among those that an app uses. */
  readonly kind: string;
  /** `one`: the function takes a single input. `many`: always an array. */
  readonly arity: 'one' | 'many';
  /** Whether arrivals of different sessions meet in one state. */
  scope(options: O): 'session' | 'app';
  /** Null when the options are good. `options` is whatever the user wrote. */
  check(options: O, names: Names): Problem | null;
  init(options: O, nowMs: number): S;
  /** App scope: what a new state does before anything has arrived. Only a trigger that acts without arrivals has it. */
  start?(state: S, options: O, nowMs: number): readonly Action[];
  admit(state: S, arrival: Arrival, options: O, nowMs: number): readonly Action[];
  timer?(state: S, id: string, options: O, nowMs: number): readonly Action[];
  /** `dynamicJoin`: null when accepted (with the actions in `actions`), else why not. */
  announce?(
    state: S,
    announcement: Announcement,
    options: O,
    nowMs: number,
  ): { readonly refused: string | null; readonly actions: readonly Action[] };
  /** Functions whose invocations this trigger follows: `sourceLost` and `sourcesDone` speak of them. */
  sources?(options: O): readonly string[];
  /**
   * A source invocation has failed for good, or was `cancelled` by `cancelSources` (told at once, before whatever starts next).
   * Without this method, the failure fails the session.
   */
  sourceLost?(state: S, source: number, cancelled: boolean, options: O, nowMs: number): readonly Action[];
  /** No invocation of the sources runs, waits or can still come, in this session. */
  sourcesDone?(state: S, options: O, nowMs: number): readonly Action[];
  /** Whether what is partial fires before the session ends (session scope only). Absent: it does not. */
  flushesAtEnd?(options: O): boolean;
  /** Fires what is partial: at the session's end, or by `drain`. */
  flush?(state: S, options: O, nowMs: number): readonly Action[];
  /** The ids of all arrivals that the state still holds. */
  forget(state: S): readonly number[];
  /** Null when nothing waits. A state that fires by itself (timer, flush, sources) is not waiting. */
  pending(state: S, options: O): Pending | null;
}

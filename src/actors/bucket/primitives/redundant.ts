/**
 * `redundant`: fires at the k-th of n arrivals from distinct source invocations. Races (k = 1), quorums, and hedging.
 *
 *   R1  A source invocation counts once in its session, by its first object or by its loss; what else it sends is `late`.
 *   R2  Inputs are the first k arrivals of a round, in order of arrival; the others of the round are `late`.
 *   R3  A round is over after n arrivals or losses; the next source to be heard of opens another.
 *   R4  More than n − k losses before the firing fail the session; losses after it only complete the round. A cancelled source
 *       completes the round that cancelled it; more of them than that round lacks are forgotten, they harm no later one.
 *
 * Objects of clients and of other functions are no arrivals: `unwanted`. The home performs `cancelSources` and `abortGraceMs`.
 */
import { boolean, checkFields, functionsOf, inputsMax, optional, problem, required, timeMsMax, wholeNumber } from './options.ts';
import { type Action, type Arrival, noActions, type Primitive } from './primitive.ts';

export interface RedundantOptions {
  /** Arrivals that suffice: 1 ≤ k ≤ n. */
  readonly k: number;
  /** Arrivals of a round. */
  readonly n: number;
  /** The functions whose invocations send them. */
  readonly sources: readonly string[];
  /** Whether the sources that have not delivered at the firing are aborted. Default true. */
  readonly cancelLate?: boolean;
  /** From the abort of a source to the end of its executor. Default `abortGraceMsDefault`. */
  readonly abortGraceMs?: number;
}

export const abortGraceMsDefault = 1_000;

export interface RedundantState {
  /** Arrivals of this round that wait for the k-th. */
  inputs: number[];
  hasFired: boolean;
  /** In this round. */
  arrivals: number;
  losses: number;
  /** Source invocations that have counted, of all rounds (R1). */
  readonly delivered: Set<number>;
  readonly lost: Set<number>;
}

export const redundant: Primitive<RedundantOptions, RedundantState> = {
  kind: 'redundant',
  arity: 'many',
  scope: () => 'session',

  check(options, names) {
    const bad = checkFields('redundant', options, {
      n: required(wholeNumber(1, inputsMax)),
      k: required(wholeNumber(1, inputsMax)),
      sources: required(functionsOf(names)),
      cancelLate: optional(boolean),
      abortGraceMs: optional(wholeNumber(0, timeMsMax)),
    });
    if (bad) return bad;
    return options.k <= options.n ? null : problem('options.k', options.k, `must be between 1 and n (${options.n})`);
  },

  init: () => ({ inputs: [], hasFired: false, arrivals: 0, losses: 0, delivered: new Set(), lost: new Set() }),

  admit(state, arrival, options) {
    if (!isFromSource(arrival, options)) return [{ kind: 'drop', input: arrival.id, reason: 'unwanted' }];
    if (hasCounted(state, arrival.source)) return [{ kind: 'drop', input: arrival.id, reason: 'late' }];
    state.delivered.add(arrival.source);
    state.arrivals++;
    if (state.hasFired) {
      rearmIfOver(state, options);
      return [{ kind: 'drop', input: arrival.id, reason: 'late' }];
    }
    state.inputs.push(arrival.id);
    return state.inputs.length < options.k ? noActions : fireRound(state, options);
  },

  sources: (options) => options.sources,

  sourceLost(state, source, cancelled, options) {
    if (hasCounted(state, source)) return noActions;
    state.lost.add(source);
    if (state.hasFired) {
      state.losses++;
      rearmIfOver(state, options);
      return noActions;
    }
    if (cancelled) return noActions;
    state.losses++;
    const { k, n, sources } = options;
    // Only the loss that is one too many reports it.
    if (state.losses !== n - k + 1) return noActions;
    const message = `${k} of ${n} sources (${sources.join(', ')}) must deliver, but ${state.losses} are lost; at most ${n - k} may be`;
    return [{ kind: 'fail', code: 'TooManySourcesLost', message }];
  },

  forget: (state) => state.inputs,

  pending(state, { k, n, sources }) {
    if (state.inputs.length === 0 && state.losses === 0) return null;
    if (state.hasFired) return null;
    const lost = state.losses > 0 ? ` (${state.losses} of ${n} lost)` : '';
    return {
      has: state.inputs.length > 0 ? [`${state.inputs.length} of ${k} needed arrivals`] : [],
      lacks: [`${k - state.inputs.length} of ${k} needed arrivals from ${sources.join(', ')}${lost}`],
    };
  },
};

function isFromSource({ sourceFunction }: Arrival, options: RedundantOptions): boolean {
  return sourceFunction !== null && options.sources.includes(sourceFunction);
}

function hasCounted({ delivered, lost }: RedundantState, source: number): boolean {
  return delivered.has(source) || lost.has(source);
}

function fireRound(state: RedundantState, options: RedundantOptions): readonly Action[] {
  const fired: Action = { kind: 'fire', inputs: state.inputs };
  state.inputs = [];
  state.hasFired = true;
  if (rearmIfOver(state, options) || options.cancelLate === false) return [fired];
  return [fired, { kind: 'cancelSources', functions: options.sources, except: [...state.delivered] }];
}

function rearmIfOver(state: RedundantState, { n }: RedundantOptions): boolean {
  if (state.arrivals + state.losses < n) return false;
  state.hasFired = false;
  state.arrivals = 0;
  state.losses = 0;
  return true;
}

/**
 * `byBatchSize`: fires for every so many objects, or bytes, in order of arrival; a partial batch after a wait.
 *
 *   B1  A batch has at most `count` objects and at most `maxBytes` bytes, unless a single object is larger: that one fires alone.
 *       An object that would make a batch too large fires that batch and opens the next.
 *   B2  A batch fires as soon as it is full, and at the latest `maxWaitMs` after its first object (by its timer).
 *   B3  With session scope a partial batch is flushed before the session ends, or, with `flushAtEnd: false`, goes with it.
 */
import { boolean, checkFields, milliseconds, oneOf, optional, problem, wholeNumber } from './options.ts';
import { fire, type Partitioned, partitionOf, partitionOfTimer, startTimer, stopTimer } from './partition.ts';
import { type Action, type Arrival, noActions, type Primitive } from './primitive.ts';

/** `count` or `maxBytes` is required. */
export interface ByBatchSizeOptions extends Partitioned {
  /** Objects, at least 1. */
  readonly count?: number;
  /** The sum of the objects' sizes. */
  readonly maxBytes?: number;
  /** From the first object of a batch to its firing, however full. */
  readonly maxWaitMs?: number;
  /** Whether objects of all sessions are batched together. Default `app`. */
  readonly scope?: 'app' | 'session';
  /** Session scope only. Default true. */
  readonly flushAtEnd?: boolean;
}

interface Batch {
  readonly inputs: number[];
  sizeBytes: number;
  /** When its timer is due; null without `maxWaitMs`. */
  readonly dueMs: number | null;
}

/** The open batches by partition, the oldest first; none is empty. */
export type ByBatchSizeState = Map<string | null, Batch>;

const countMax = 1_000_000;
/** No arena is larger. */
const maxBytesMax = 4 * 2 ** 30;

const fields = {
  count: optional(wholeNumber(1, countMax)),
  maxBytes: optional(wholeNumber(1, maxBytesMax)),
  maxWaitMs: optional(milliseconds),
  partitionBy: optional(oneOf('group')),
  scope: optional(oneOf('app', 'session')),
  flushAtEnd: optional(boolean),
};

export const byBatchSize: Primitive<ByBatchSizeOptions, ByBatchSizeState> = {
  kind: 'byBatchSize',
  arity: 'many',
  scope: (options) => options.scope ?? 'app',

  check(options) {
    const bad = checkFields('byBatchSize', options, fields);
    if (bad) return bad;
    const { count, maxBytes, scope, flushAtEnd } = options ?? {};
    if (count === undefined && maxBytes === undefined)
      return problem('options.count', count, 'is missing: a batch needs count or maxBytes');
    if (flushAtEnd !== undefined && scope !== 'session') return problem('options.flushAtEnd', flushAtEnd, "is only for scope 'session'");
    return null;
  },

  init: () => new Map(),

  admit(state, arrival, options, nowMs) {
    const partition = partitionOf(arrival, options);
    const open = state.get(partition);
    const overflows = open !== undefined && exceeds(open, arrival, options);
    const batch = open && !overflows ? open : openBatch(state, partition, options, nowMs);
    batch.inputs.push(arrival.id);
    batch.sizeBytes += arrival.sizeBytes;
    const full = isFull(batch, options);
    if (!full && batch === open) return noActions;

    const actions: Action[] = [];
    if (overflows) actions.push(fire(open.inputs, partition, options));
    if (full) {
      state.delete(partition);
      actions.push(fire(batch.inputs, partition, options));
      if (open && open.dueMs !== null) actions.push(stopTimer(partition));
    } else if (batch.dueMs !== null) {
      actions.push(startTimer(partition, batch.dueMs));
    }
    return actions;
  },

  timer(state, id, options, nowMs) {
    const partition = partitionOfTimer(id);
    const batch = state.get(partition);
    if (!batch || batch.dueMs === null) return noActions;
    if (nowMs < batch.dueMs) return [startTimer(partition, batch.dueMs)];
    state.delete(partition);
    return [fire(batch.inputs, partition, options)];
  },

  flushesAtEnd: (options) => options.scope === 'session' && options.flushAtEnd !== false,

  flush(state, options) {
    const actions: Action[] = [];
    for (const [partition, { inputs, dueMs }] of state) {
      actions.push(fire(inputs, partition, options));
      if (dueMs !== null) actions.push(stopTimer(partition));
    }
    state.clear();
    return actions;
  },

  forget: (state) => [...state.values()].flatMap(({ inputs }) => inputs),
  /** It fires by timer or flush, or its user has chosen that it need not. */
  pending: () => null,
};

function openBatch(state: ByBatchSizeState, partition: string | null, options: ByBatchSizeOptions, nowMs: number): Batch {
  const batch: Batch = { inputs: [], sizeBytes: 0, dueMs: options.maxWaitMs === undefined ? null : nowMs + options.maxWaitMs };
  // Deleted first, so that the map stays in the order of the batches' first objects.
  state.delete(partition);
  state.set(partition, batch);
  return batch;
}

function exceeds(batch: Batch, arrival: Arrival, { maxBytes }: ByBatchSizeOptions): boolean {
  return maxBytes !== undefined && batch.sizeBytes + arrival.sizeBytes > maxBytes;
}

function isFull({ inputs, sizeBytes }: Batch, { count, maxBytes }: ByBatchSizeOptions): boolean {
  return (count !== undefined && inputs.length >= count) || (maxBytes !== undefined && sizeBytes >= maxBytes);
}

/** The row of a session: from its start until it has ended. */
import type { Address } from '../actor.ts';
import type { SchedulerMessage } from '../protocol/scheduler.ts';
import { SparseMap, SparseSet } from '../sparse.ts';
import type { InstalledApp, SchedulerState, Session } from './state.ts';

type Message<K extends SchedulerMessage['kind']> = Extract<SchedulerMessage, { kind: K }>;

/** `home`: another worker's scheduler; null: it is homed here. */
export type Opening = Pick<Message<'startSession'>, 'spec' | 'coordinator' | 'firing'> & { readonly home?: Address | null };

export function createSession(
  state: SchedulerState,
  { spec, coordinator, firing, home = null }: Opening,
  app: InstalledApp,
  nowMs: number,
): Session {
  const { table } = app;
  return {
    number: state.nextSession++,
    spec,
    coordinator,
    app,
    table,
    firing,
    home,
    hosts: new SparseSet(),
    openedMs: nowMs,
    open: true,
    endedMs: null,
    objects: [],
    owned: [],
    firstByKey: null,
    invocations: new SparseSet(),
    live: table.functions.map(() => 0),
    liveTotal: 0,
    stepping: 0,
    delayed: new SparseSet(),
    unacknowledged: 0,
    outgoing: null,
    timed: new SparseMap(),
    late: new SparseSet(),
    touched: new SparseSet(),
    settling: null,
    replay: null,
    outputs: 0,
    superseded: 0,
    tooLate: 0,
    counts: table.functions.map(() => ({ invocations: 0, attempts: 0, reruns: 0, failures: 0 })),
    invocationsMade: 0,
  };
}

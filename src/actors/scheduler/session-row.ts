/** The row of a session: from its start until it has ended. */
import { SparseMap, SparseSet } from '../sparse.ts';
import type { Session } from './state.ts';

/** What it begins with, and keeps. */
export type SessionOpening = Pick<Session, 'number' | 'spec' | 'coordinator' | 'app' | 'firing' | 'home' | 'openedMs' | 'dueMs'>;

export function createRow({ number, spec, coordinator, app, firing, home, openedMs, dueMs }: SessionOpening): Session {
  const { table } = app;
  return {
    number,
    spec,
    coordinator,
    app,
    table,
    firing,
    home,
    hosts: new SparseSet(),
    openedMs,
    dueMs,
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

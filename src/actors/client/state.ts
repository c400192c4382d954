/** What a client knows: the sessions that it opened, who waits for them, and its questions under way. */
import type { Ref } from '../../storage/object.ts';
import type { Address } from '../actor.ts';
import type { AskCall } from '../protocol/client.ts';
import { createSessionIdMaker, type SessionIdMaker } from '../protocol/session-id.ts';
import type { SessionSummary } from '../protocol/session.ts';

export interface ClientLimits {
  /** Results of ended sessions that someone may still ask for. */
  readonly resultsBytesMax: number;
}

/** A session that this client opened. */
export interface SessionRecord {
  /** Changes with each retry. */
  id: string;
  /** Null: it was started, is open, and nobody has waited for it for a while; all that is known of it then is that it has no id of the user's. */
  readonly call: AskCall | null;
  retriesLeft: number;
  /** Admitted. */
  isOpen: boolean;
  readonly outputs: Ref[];
  outputsBytes: number;
  summary: SessionSummary | null;
  readonly waiters: Map<number, Waiter>;
}

export interface Waiter {
  readonly until: 'output' | 'end' | 'open';
  /** Its giving up cancels the session: it is the call that opened it. */
  readonly owns: boolean;
}

export interface ClientState {
  readonly address: Address;
  readonly coordinator: Address;
  readonly limits: ClientLimits;
  /** By the newest id. Ended ones stay while `resultsBytesMax` allows, the oldest go first. */
  readonly records: Map<string, SessionRecord>;
  /** Sessions that were started and are open, with no output yet and nobody who waits: of these the ids are enough. */
  readonly quiet: Set<string>;
  /** The user's own ids. */
  readonly byRequestId: Map<string, SessionRecord>;
  /** Which session a question waits for. */
  readonly waiting: Map<number, SessionRecord>;
  /** Questions to the coordinator under way. */
  readonly asked: Set<number>;
  readonly ids: SessionIdMaker;
  /** Ended records, oldest first, and what their outputs take. */
  readonly ended: Set<SessionRecord>;
  endedBytes: number;
  /** Sessions that have not ended. */
  openSessions: number;
  /** The request of `askClose`. */
  closing: number | null;
}

export function createClient(address: Address, coordinator: Address, limits: ClientLimits, random: () => number): ClientState {
  return {
    address,
    coordinator,
    limits,
    records: new Map(),
    quiet: new Set(),
    byRequestId: new Map(),
    waiting: new Map(),
    asked: new Set(),
    ids: createSessionIdMaker(random),
    ended: new Set(),
    endedBytes: 0,
    openSessions: 0,
    closing: null,
  };
}

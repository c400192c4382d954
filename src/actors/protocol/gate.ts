/**
 * Calls that go straight to a worker: a client that is connected to it asks its gate to run a session solo, without a word to any
 * coordinator.
 *
 *     client ── soloCall, soloGivenUp, soloRecall ─► gate
 *            ◄─ soloAnswer | soloRefused | soloHomed ──
 */
import type { Address } from '../actor.ts';
import type { Ref } from '../../storage/object.ts';
import type { Entry } from './object.ts';

export type GateMessage =
  /**
   * `call`: unique in the client. All objects are inline. Answered by exactly one of the three. `incarnation`: of the worker's process; one
   * of the same name that was started since refuses the call.
   */
  | {
      readonly kind: 'soloCall';
      readonly client: Address;
      readonly call: number;
      readonly incarnation: number;
      readonly app: string;
      readonly entries: readonly Entry[];
      readonly timeoutMs: number | null;
    }
  /** Nobody waits for it any more: its session is to be cancelled. */
  | { readonly kind: 'soloGivenUp'; readonly client: Address; readonly call: number; readonly reason: string }
  /** Sessions of this app, or the one with this id, are to come home. Answered by `requestDone` when none is out any more. */
  | {
      readonly kind: 'soloRecall';
      readonly owner: Address;
      readonly request: number;
      readonly app: string | null;
      readonly session: string | null;
    };

export type FromGate =
  /** The session's first output; null: it ended without. */
  | { readonly kind: 'soloAnswer'; readonly call: number; readonly ref: Ref | null }
  /** It cannot be done this way now; nothing has happened. */
  | { readonly kind: 'soloRefused'; readonly call: number }
  /** The session is at home: what becomes of it comes by messages about it. Who has given the call up meanwhile cancels it there. */
  | { readonly kind: 'soloHomed'; readonly call: number; readonly session: string };

/** Calls that take the short way: straight to whoever runs their sessions solo. What the client's side of both runtimes has in common. */
import type { AppDefinition } from '../../actors/app.ts';
import type { ClientCommand, Reply } from '../../actors/protocol/client.ts';
import type { ErrorData } from '../../actors/protocol/error.ts';
import type { Ref } from '../../storage/object.ts';
import type { Encoded } from '../../storage/value.ts';

export interface SoloEntry {
  readonly bucket: string;
  readonly key: string;
  readonly group: string | null;
  readonly encoded: Encoded;
}

/** What a call is settled with: its first output, null if there was none; or what the client actor says. */
export type SoloOutcome = { readonly kind: 'ended'; readonly output: Ref | null } | Reply;

/** A call that is out. */
export interface ShortCall {
  /** What the client actor knows it by, once its session is at home; else -1. */
  request: number;
}

/** An app that can be called so now. */
export interface ShortRoute {
  readonly app: string;
}

export interface ShortCalls {
  /** From here on sessions of this revision may run solo, if the app is one that can. */
  allow(app: string, install: number, definition: AppDefinition, revision: number): void;
  disallow(app: string): void;
  /** While an app is being changed by this client. */
  suspend(app: string): Promise<void>;
  resume(app: string): void;
  /** Null: the long way. */
  routeOf(app: string): ShortRoute | null;
  /** Null: it cannot be done this way, and nothing has happened. */
  call(
    route: ShortRoute,
    entries: readonly SoloEntry[],
    timeoutMs: number | null,
    settle: (outcome: SoloOutcome) => void,
  ): ShortCall | null;
  /** Whoever waits does so no longer: he is told at once, unless his answer is there. */
  giveUp(call: ShortCall, error: ErrorData): Promise<void>;
  /** Of a call that is out: how to speak of its session. */
  sessionOf(call: ShortCall): string;
  /** A session is at home: what its call is to the client actor. Null: nobody waits for it any more. */
  reclaim(
    home: { readonly session: string; readonly slot: number; readonly generation: number },
    request: (settle: (reply: Reply) => void) => number,
  ): Extract<ClientCommand, { kind: 'reclaimCall' }> | null;
  /** Resolves when no session of the app, or the one of this id, runs solo any more. */
  recallApp(app: string): Promise<void>;
  recallSession(session: string): Promise<void>;
  /** No more; those that are out come home. */
  end(): Promise<void>;
  /** Nothing more comes. */
  close(error: ErrorData): void;
}

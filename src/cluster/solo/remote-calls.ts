/**
 * Calls of a cluster's client that go straight to a worker, which runs their sessions solo (`gate.ts`).
 *
 *   S4  A call is settled once: by the worker's answer; by the client actor, when its session was brought home or has to go the long way; or
 *       by its user, who gives it up.
 *   S5  At most `outMax` are out to one worker: what is beyond goes the long way, where it waits for admission.
 */
import type { Address } from '../../actors/actor.ts';
import { type AppDefinition, compileApp } from '../../actors/app.ts';
import type { AskCall, ClientCommand, Reply } from '../../actors/protocol/client.ts';
import type { ErrorData } from '../../actors/protocol/error.ts';
import type { FromGate } from '../../actors/protocol/gate.ts';
import type { Message } from '../../actors/protocol/message.ts';
import type { Entry } from '../../actors/protocol/object.ts';
import { canRunSolo } from '../../actors/solo/plan.ts';
import type { Member } from '../view.ts';
import type { ShortCall, ShortCalls, ShortRoute, SoloEntry, SoloOutcome } from './short-calls.ts';

/** A worker's process, whose gate may be called. */
type Callee = Pick<Member, 'name' | 'incarnation'>;

export interface RemoteCallsOptions {
  readonly inlineBytesMax: number;
  /** As nodes call this client. */
  readonly address: Address;
  /** Workers that may be called. */
  workers(): readonly Callee[];
  send(to: Address, message: Message): void;
  /** Resolves when it has answered, or will not any more. */
  ask(to: Address, question: (request: number, owner: Address) => Message): Promise<unknown>;
  /** Has the client actor make the call. */
  longWay(command: (request: number) => AskCall): Promise<Reply>;
}

interface Row extends ShortCall {
  readonly number: number;
  readonly worker: string;
  readonly app: string;
  readonly entries: readonly Entry[];
  readonly timeoutMs: number | null;
  readonly admitTimeoutMs: number;
  settle: ((outcome: SoloOutcome) => void) | null;
}

const outMax = 1_024;
const admitTimeoutMs = 5_000;

export class RemoteCalls implements ShortCalls {
  readonly #options: RemoteCallsOptions;
  readonly #apps = new Set<string>();
  readonly #rows = new Map<number, Row>();
  /** Calls that are out, by worker. */
  readonly #out = new Map<string, number>();
  #next = 1;
  #isClosed = false;

  constructor(options: RemoteCallsOptions) {
    this.#options = options;
  }

  /** Calls that are out. */
  get out(): number {
    return this.#rows.size;
  }

  /** Whether the call is out: not if it was given up. */
  knows(call: number): boolean {
    return this.#rows.has(call);
  }

  allow(app: string, _install: number, definition: AppDefinition, revision: number): void {
    if (canRunSolo(compileApp(definition, revision))) this.#apps.add(app);
    else this.#apps.delete(app);
  }

  disallow(app: string): void {
    this.#apps.delete(app);
  }

  async suspend(): Promise<void> {}

  resume(): void {}

  routeOf(app: string): ShortRoute | null {
    return this.#apps.has(app) && !this.#isClosed && this.#choose() !== null ? { app } : null;
  }

  call(
    { app }: ShortRoute,
    given: readonly SoloEntry[],
    timeoutMs: number | null,
    settle: (outcome: SoloOutcome) => void,
  ): ShortCall | null {
    const { inlineBytesMax, address } = this.#options;
    const worker = this.#choose();
    if (worker === null || given.some(({ encoded }) => encoded.bytes.byteLength > inlineBytesMax)) return null;
    const entries = given.map(({ bucket, key, group, encoded: { encoding, bytes } }): Entry => {
      return { bucket, key, group, ref: { encoding, sizeBytes: bytes.byteLength, inline: new Uint8Array(bytes), offset: -1 } };
    });
    const number = this.#next++;
    const { name, incarnation } = worker;
    const row: Row = { number, worker: name, app, entries, timeoutMs, admitTimeoutMs, settle, request: -1 };
    this.#rows.set(number, row);
    this.#out.set(name, (this.#out.get(name) ?? 0) + 1);
    this.#options.send(`gate@${name}`, { kind: 'soloCall', client: address, call: number, incarnation, app, entries, timeoutMs });
    return row;
  }

  take(message: FromGate): void {
    const row = this.#rows.get(message.call);
    if (!row) return;
    if (message.kind !== 'soloHomed') this.#release(row);
    const { settle } = row;
    if (message.kind === 'soloAnswer') {
      row.settle = null;
      settle?.({ kind: 'ended', output: message.ref });
    } else if (message.kind === 'soloRefused' && settle) void this.#goLong(row, settle);
  }

  /** The session is at home: what its call is to the client actor. */
  reclaim(
    { session, slot }: { readonly session: string; readonly slot: number },
    request: (settle: (reply: Reply) => void) => number,
  ): Extract<ClientCommand, { kind: 'reclaimCall' }> | null {
    const row = this.#rows.get(slot);
    if (!row) return null;
    this.#release(row);
    const { settle } = row;
    if (settle) row.request = request(settle);
    return { kind: 'reclaimCall', session, call: askOf(row, row.request, []), isAnswered: settle === null };
  }

  async giveUp(call: ShortCall, error: ErrorData): Promise<void> {
    const row = call as Row;
    const { settle } = row;
    if (this.#rows.get(row.number) !== row || !settle) return;
    row.settle = null;
    this.#release(row);
    settle({ kind: 'requestRefused', request: -1, error });
    const { worker, number } = row;
    this.#options.send(`gate@${worker}`, { kind: 'soloGivenUp', client: this.#options.address, call: number, reason: error.message });
  }

  recallApp(app: string): Promise<void> {
    return this.#recall(app, null);
  }

  recallSession(session: string): Promise<void> {
    return this.#recall(null, session);
  }

  async end(): Promise<void> {
    this.#isClosed = true;
    const apps = new Set([...this.#rows.values()].map(({ app }) => app));
    await Promise.all([...apps].map((app) => this.recallApp(app)));
  }

  close(error: ErrorData): void {
    this.#isClosed = true;
    for (const row of [...this.#rows.values()]) this.#refuse(row, error);
  }

  /** Its gate answers nobody any more. */
  workerGone(worker: string, error: ErrorData): void {
    for (const row of [...this.#rows.values()]) if (row.worker === worker) this.#refuse(row, error);
  }

  /** The session's id is its worker's to know. */
  sessionOf(): string {
    return 'of this call';
  }

  /** Of all workers: other clients' sessions may be meant, too. */
  async #recall(app: string | null, session: string | null): Promise<void> {
    if (this.#apps.size === 0) return;
    const { workers, ask } = this.#options;
    await Promise.all(
      workers().map(({ name }) => ask(`gate@${name}`, (request, owner) => ({ kind: 'soloRecall', owner, request, app, session }))),
    );
  }

  #refuse(row: Row, error: ErrorData): void {
    const { settle } = row;
    row.settle = null;
    this.#release(row);
    settle?.({ kind: 'requestRefused', request: -1, error });
  }

  async #goLong(row: Row, settle: (outcome: SoloOutcome) => void): Promise<void> {
    settle(
      await this.#options.longWay((request) => {
        row.request = request;
        return askOf(row, request, row.entries);
      }),
    );
  }

  /** Of those with room the one with the fewest calls out. */
  #choose(): Callee | null {
    let best: Callee | null = null;
    let fewest = outMax;
    for (const worker of this.#options.workers()) {
      const out = this.#out.get(worker.name) ?? 0;
      if (out >= fewest) continue;
      best = worker;
      fewest = out;
    }
    return best;
  }

  #release({ number, worker }: Row): void {
    if (!this.#rows.delete(number)) return;
    const left = (this.#out.get(worker) ?? 1) - 1;
    if (left > 0) this.#out.set(worker, left);
    else this.#out.delete(worker);
  }
}

function askOf({ app, timeoutMs, admitTimeoutMs: admitMs }: Row, request: number, entries: readonly Entry[]): AskCall {
  return {
    kind: 'askCall',
    request,
    app,
    entries,
    expects: [],
    until: 'output',
    requestId: null,
    timeoutMs,
    admitTimeoutMs: admitMs,
    retries: 0,
    deadlineMs: null,
    priority: 5,
  };
}

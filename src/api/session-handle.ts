/** What `start` and `session(id)` return. A program may have one for each of very many sessions: it is an id, and the way to ask. */
import type { Question, Reply } from '../actors/protocol/client.ts';
import type { SessionSummary } from '../actors/protocol/session.ts';
import type { AnyBucket } from './bucket.ts';
import { checkResultOptions, type Outcome, type ResultOptions } from './call-options.ts';
import type { Outgoing } from './context.ts';
import { outcomeOf, statusOf } from './replies.ts';
import type { SessionHandle, SessionHistory, SessionStatus } from './session.ts';
import { printed } from './thrown.ts';

/** What a handle asks of the runtime that it is of. */
export interface SessionAsker {
  /** Of its coordinator. */
  askSession(session: string, question: (request: number, client: string) => Question): Promise<Reply>;
  /** Until it has an output, or has ended. */
  awaitSession(session: string, until: 'output' | 'end', timeoutMs: number | null): Promise<Reply>;
  put(session: string, bucket: AnyBucket | string, object: Outgoing): Promise<void>;
}

export class AskedSession implements SessionHandle {
  readonly id: string;
  readonly #asker: SessionAsker;

  constructor(asker: SessionAsker, id: string) {
    this.#asker = asker;
    this.id = id;
  }

  async status(): Promise<SessionStatus> {
    return statusOf(await this.#summary());
  }

  async result<U extends 'output' | 'end' = 'output'>(options?: ResultOptions<U>): Promise<Outcome<unknown, U>> {
    const { until = 'output', timeoutMs = null } = checkResultOptions(options);
    return outcomeOf(await this.#asker.awaitSession(this.id, until, timeoutMs), until) as Outcome<unknown, U>;
  }

  async cancel(reason = 'no reason was given'): Promise<void> {
    const { id: session } = this;
    await this.#asker.askSession(session, (request, client) => ({
      kind: 'cancelSession',
      request,
      client,
      session,
      reason: printed(reason),
    }));
  }

  async history(): Promise<SessionHistory> {
    return (await this.#summary()).history;
  }

  put(bucket: AnyBucket | string, object: Outgoing): Promise<void> {
    return this.#asker.put(this.id, bucket, object);
  }

  async #summary(): Promise<SessionSummary> {
    const { id: session } = this;
    const reply = await this.#asker.askSession(session, (request, client) => ({ kind: 'querySession', request, client, session }));
    if (reply.kind !== 'requestDone') throw new Error(`bug: a session's status was answered with ${reply.kind}`);
    return reply.result as SessionSummary;
  }
}

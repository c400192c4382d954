/**
 * The client's user in a simulated world: a script of what he does and when. It is data, made at random or written by hand.
 *
 * He names sessions by ids of his own, and does not wait for one thing to be over before he does the next.
 */
import type { AppChange, Question, Reply } from '../../src/actors/protocol/client.ts';
import type { CodeBundle } from '../../src/actors/protocol/coordinator.ts';
import type { Expectation } from '../../src/actors/protocol/object.ts';
import type { SimulatedClient, Putting } from './client.ts';
import type { Clock } from './clock.ts';
import { bundleOf } from './program.ts';
import type { SimulatedApp } from './random-app.ts';

export type Action =
  | { readonly do: 'register'; readonly app: SimulatedApp }
  | { readonly do: 'unregister'; readonly app: string }
  | { readonly do: 'change'; readonly app: string; readonly change: AppChange }
  | { readonly do: 'drain'; readonly app: string }
  | {
      readonly do: 'call';
      readonly app: string;
      readonly objects: readonly Putting[];
      readonly expects: readonly Expectation[];
      readonly until: 'output' | 'end' | 'open';
      readonly id: string | null;
      readonly timeoutMs: number | null;
      readonly admitTimeoutMs: number;
      readonly retries: number;
      readonly deadlineMs: number | null;
      readonly priority: number;
      /** The call's signal is aborted after so long. */
      readonly abandonAfterMs: number | null;
    }
  | { readonly do: 'put'; readonly id: string; readonly objects: readonly Putting[] }
  | { readonly do: 'get'; readonly id: string; readonly bucket: string; readonly key: string | null }
  | { readonly do: 'query' | 'cancel'; readonly id: string }
  | { readonly do: 'result'; readonly id: string; readonly until: 'output' | 'end'; readonly timeoutMs: number | null }
  | { readonly do: 'keep' | 'recall'; readonly key: string };

type Installed = { readonly install: number; readonly revision: number; readonly definition: SimulatedApp['definition'] };

export interface Step {
  readonly atMs: number;
  readonly action: Action;
}

type Ask = Extract<Action, { do: 'put' | 'get' | 'query' | 'cancel' }>;

/** What a user needs of his client. */
export interface UserClient
  extends Pick<SimulatedClient, 'state' | 'solo' | 'request' | 'tell' | 'store' | 'release' | 'readFound' | 'callSolo' | 'soon'> {
  /** Puts the code where workers find it, and says what travels with messages; null: it could not. Without it, all travels with messages. */
  publish?(bundle: CodeBundle, published: (bundle: CodeBundle | null) => void): void;
}

export class User {
  readonly #client: UserClient;
  readonly #clock: Clock;
  readonly #askTimeoutMs: number;
  readonly #address: string;
  /** What has not been settled yet. */
  open = 0;

  constructor(client: UserClient, clock: Clock, askTimeoutMs: number) {
    this.#client = client;
    this.#clock = clock;
    this.#askTimeoutMs = askTimeoutMs;
    this.#address = client.state.address;
  }

  follow(script: readonly Step[]): void {
    for (const { atMs, action } of script) {
      this.open++;
      this.#clock.after(atMs, () => {
        this.open--;
        this.act(action);
      });
    }
  }

  act(action: Action): void {
    const client = this.#address;
    switch (action.do) {
      case 'register':
        return this.#register(action.app);
      case 'unregister':
        return this.#change(action.app, (request) => ({ kind: 'unregisterApp', request, client, app: action.app }));
      case 'change':
        return this.#change(action.app, (request) => ({ kind: 'changeApp', request, client, app: action.app, change: action.change }));
      case 'drain':
        return this.#afterRecall(action.app, () =>
          this.#ask('coordinator', (request) => ({ kind: 'drainApp', request, client, app: action.app }), 100_000),
        );
      case 'call':
        return this.#call(action);
      case 'result': {
        const { id: session, until, timeoutMs } = action;
        this.#request((request) => ({ kind: 'askResult', request, session, until, timeoutMs }));
        return;
      }
      case 'keep':
        return this.#ask('durable', (request) => ({
          kind: 'durablePut',
          request,
          owner: client,
          key: action.key,
          ref: { encoding: 0, sizeBytes: 1, inline: new Uint8Array([7]), offset: -1 },
        }));
      case 'recall':
        return this.#ask('durable', (request) => ({ kind: 'durableGet', request, owner: client, key: action.key }));
      default:
        return this.#askSession(action);
    }
  }

  #register({ definition, programs }: SimulatedApp): void {
    const client = this.#address;
    const ask = (bundle: CodeBundle) =>
      this.#change(definition.name, (request) => ({ kind: 'registerApp', request, client, definition, bundle }));
    const bundle = bundleOf(programs, definition.module);
    if (!this.#client.publish) return ask(bundle);
    this.open++;
    this.#client.publish(bundle, (published) => {
      this.open--;
      if (published) ask(published);
    });
  }

  #askSession(action: Ask): void {
    const client = this.#address;
    const { id: session } = action;
    switch (action.do) {
      case 'put':
        return this.#put(session, action.objects);
      case 'get': {
        const { bucket, key } = action;
        return this.#ask('coordinator', (request) => ({ kind: 'getObjects', request, client, session, bucket, key }));
      }
      case 'query':
        return this.#ask('coordinator', (request) => ({ kind: 'querySession', request, client, session }));
      case 'cancel':
        return this.#ask('coordinator', (request) => ({ kind: 'cancelSession', request, client, session, reason: 'as he likes' }));
    }
  }

  /** As `api/client-runtime.ts` does: while an app is being changed, none of its sessions runs solo. */
  #change(name: string, question: (request: number) => Question): void {
    const { solo } = this.#client;
    if (!solo) return this.#ask('coordinator', question);
    this.open++;
    void this.#client.soon(solo.suspend(name)).then(() => {
      this.open--;
      this.#ask('coordinator', question, this.#askTimeoutMs, (reply) => {
        const changed = reply.kind === 'requestDone' ? (reply.result as Installed | null) : null;
        if (changed) solo.allow(name, changed.install, changed.definition, changed.revision);
        else if (reply.kind === 'requestDone' || (reply.kind === 'requestRefused' && reply.error.code === 'CallTimedOut'))
          solo.disallow(name);
        solo.resume(name);
      });
    });
  }

  #afterRecall(name: string, then: () => void): void {
    const { solo } = this.#client;
    if (!solo) return then();
    this.open++;
    void this.#client.soon(solo.recall((app) => app === name)).then(() => {
      this.open--;
      then();
    });
  }

  #call({ objects, abandonAfterMs, id: requestId, do: _, ...call }: Extract<Action, { do: 'call' }>): void {
    const { app, until, expects, retries, deadlineMs, timeoutMs } = call;
    if (until === 'output' && requestId === null && expects.length === 0 && retries === 0 && deadlineMs === null) {
      this.open++;
      if (this.#client.callSolo({ app, objects, timeoutMs, abandonAfterMs }, () => this.open--)) return;
      this.open--;
    }
    this.open++;
    this.#client.store(objects, (entries, offsets) => {
      this.open--;
      if (!entries) return;
      const request = this.#request(
        (number) => ({ kind: 'askCall', request: number, entries, requestId, ...call }),
        () => this.#client.release(offsets),
      );
      if (abandonAfterMs !== null)
        this.#clock.after(abandonAfterMs, () => this.#client.tell({ kind: 'abandonCall', request, reason: 'he left' }));
    });
  }

  #put(session: string, objects: readonly Putting[]): void {
    const client = this.#address;
    this.open++;
    this.#client.store(objects, (entries, offsets) => {
      this.open--;
      if (!entries) return;
      this.#ask(
        'coordinator',
        (request) => ({ kind: 'putObjects', request, client, session, entries }),
        this.#askTimeoutMs,
        () => this.#client.release(offsets),
      );
    });
  }

  #ask(
    to: string,
    question: (request: number) => Question,
    timeoutMs = this.#askTimeoutMs,
    settled: (reply: Reply) => void = () => {},
  ): void {
    this.#request((request) => ({ kind: 'ask', to, question: question(request), timeoutMs }), settled);
  }

  #request(command: Parameters<SimulatedClient['request']>[0], settled: (reply: Reply) => void = () => {}): number {
    this.open++;
    return this.#client.request(command, (reply) => {
      this.open--;
      if (reply.kind === 'objectsFound') this.#client.readFound(reply, 30);
      settled(reply);
    });
  }
}

/**
 * The runtime as its user drives it: arguments are checked and encoded here, commands go to the client actor, and what that
 * settles becomes a value or an error.
 *
 *   U1  Everything that the user passes is checked and encoded before the first await: he may change it at once, but for values that are `stable`.
 *   U2  Blocks that inputs were put into are held until their call is settled (a retry needs them), and released then.
 */
import type { ClientMessage, Question, Reply } from '../actors/protocol/client.ts';
import type { CodeBundle } from '../actors/protocol/coordinator.ts';
import { errorData, type ErrorData } from '../actors/protocol/error.ts';
import type { WorkerStats } from '../actors/protocol/store.ts';
import { bundleApp, forgetBundle } from '../cluster/bundle.ts';
import type { ClientHost } from '../cluster/client-host.ts';
import type { Config } from '../cluster/config.ts';
import { encode } from '../cluster/encode.ts';
import type { LogLine } from '../cluster/log.ts';
import type { RemoteClient } from '../cluster/remote-client.ts';
import { publishCode } from '../cluster/roles/code.ts';
import type { Ref } from '../storage/object.ts';
import { copyValue } from '../storage/value.ts';
import { appName, readExpectation, sessionId, sourceOf } from './arguments.ts';
import { type AnyBucket, checkedBucketName, isBucket } from './bucket.ts';
import { type CallOptions, checkCallOptions, checkStartOptions, expectationsOf, type StartOptions } from './call-options.ts';
import { type ClusterStatus, statusOfCluster, statusOfLocal } from './cluster-status.ts';
import { ClientObjects } from './client-objects.ts';
import type { Durable, Outgoing } from './context.ts';
import { type App, defineTrigger, isApp } from './define-app.ts';
import { durableKey, type NamedEntry, readClientEntry, readEntries } from './entries.ts';
import { errorFromData, errors, invalidOption } from './errors.ts';
import { callSolo, type SoloUser } from './call-solo.ts';
import { checkCloseOptions, type CloseOptions } from './local-options.ts';
import { aborted, orThrow, outcomeOf } from './replies.ts';
import { OutputStream } from './output-stream.ts';
import type { Runtime, RuntimeEvents, SessionOutput, StoredObject } from './runtime.ts';
import type { SessionHandle } from './session.ts';
import { AskedSession, type SessionAsker } from './session-handle.ts';
import { printed, thrownFrom } from './thrown.ts';
import type { Trigger } from './trigger.ts';

/** What the runtime is made with: its host, and how what it runs on is ended. */
export interface ClientRuntimeOptions {
  readonly config: Config;
  readonly log: LogLine;
  /** What it runs on; null: this process alone. */
  readonly cluster: RemoteClient | null;
  host(notified: (message: ClientMessage) => void): ClientHost;
  /** Ends the threads, or the connection. */
  shutDown(): Promise<void>;
}

/** What an app's change is answered with. */
type Installed = { readonly install: number; readonly revision: number; readonly definition: App['definition'] };

type Listener = (detail: RuntimeEvents['sessionFailed']) => void;

export class ClientRuntime {
  readonly #config: Config;
  readonly #log: LogLine;
  readonly #host: ClientHost;
  readonly #cluster: RemoteClient | null;
  readonly #shutDown: () => Promise<void>;
  readonly #apps = new Map<string, App>();
  readonly #listeners = new Set<Listener>();
  readonly #streams = new Map<string, Set<OutputStream<SessionOutput>>>();
  readonly #objects: ClientObjects;
  readonly #solo: SoloUser | null;
  /** For its sessions' handles. */
  readonly #asker: SessionAsker;
  #closing: Promise<void> | null = null;

  constructor({ config, log, cluster, host, shutDown }: ClientRuntimeOptions) {
    this.#cluster = cluster;
    this.#config = config;
    this.#log = log;
    this.#host = host((message) => this.#notice(message));
    this.#objects = new ClientObjects(this.#host);
    this.#solo = this.#host.solo && { solo: this.#host.solo, host: this.#host, objects: this.#objects };
    this.#shutDown = shutDown;
    this.#asker = {
      askSession: async (session, question) => {
        await this.#bringHome(session);
        return this.#askCoordinator(question);
      },
      awaitSession: async (session, until, timeoutMs) => {
        await this.#bringHome(session);
        return orThrow(await this.#host.request((request) => ({ kind: 'askResult', request, session, until, timeoutMs })));
      },
      put: (session, bucket, object) => this.put(session, bucket, object),
    };
  }

  async registerApp(app: App): Promise<void> {
    if (!isApp(app)) throw invalidOption('registerApp', 'app', app, 'must be an app, made by defineApp');
    const source = sourceOf(app);
    // Its author may have changed the module since it was bundled, by this runtime or another of the process.
    forgetBundle(source);
    await this.installApp(app, bundleApp(source));
  }

  /** The same with a bundle that is on its way already. */
  async installApp(app: App, bundled: Promise<CodeBundle>): Promise<void> {
    const bundle = this.#cluster ? await publishCode(this.#cluster.registry, await bundled) : await bundled;
    const { name, definition } = app;
    await this.#change(name, (request, client) => ({ kind: 'registerApp', request, client, definition, bundle }));
    this.#apps.set(name, app);
  }

  async unregisterApp(app: App | string): Promise<void> {
    const name = appName('unregisterApp', app);
    await this.#change(name, (request, client) => ({ kind: 'unregisterApp', request, client, app: name }));
    this.#apps.delete(name);
  }

  async createBucket(app: App | string, bucket: AnyBucket): Promise<void> {
    if (!isBucket(bucket)) throw invalidOption('createBucket', 'bucket', bucket, 'must be a bucket');
    const { name, external } = bucket;
    await this.#changeApp('createBucket', app, { kind: 'createBucket', bucket: { name, external } });
  }

  async deleteBucket(app: App | string, bucket: AnyBucket | string): Promise<void> {
    await this.#changeApp('deleteBucket', app, { kind: 'deleteBucket', bucket: checkedBucketName('deleteBucket', bucket) });
  }

  async addTrigger(app: App | string, trigger: Trigger): Promise<void> {
    const name = appName('addTrigger', app);
    const known = typeof app === 'string' ? this.#apps.get(name) : app;
    if (!known)
      throw new errors.UnknownApp(
        errorData('UnknownApp', `addTrigger: no app named ${name} was registered by this runtime`, { app: name }),
      );
    await this.#changeApp('addTrigger', app, { kind: 'addTrigger', trigger: defineTrigger(known.definition, trigger) });
  }

  async deleteTrigger(app: App | string, trigger: string): Promise<void> {
    await this.#changeApp('deleteTrigger', app, { kind: 'deleteTrigger', trigger });
  }

  call(app: App | string, ...args: readonly unknown[]): Promise<unknown> {
    try {
      const name = appName('call', app);
      const { entries, options: given } = readEntries('call', args);
      const options = checkCallOptions(given);
      return (this.#solo && callSolo(this.#solo, name, entries, options)) ?? this.#call(name, entries, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #call(name: string, entries: readonly NamedEntry[], options: CallOptions): Promise<unknown> {
    const reply = await this.#open(name, entries, options, options.until ?? 'output', options);
    return outcomeOf(reply, options.until ?? 'output', options.id === undefined);
  }

  async start(app: App | string, ...args: readonly unknown[]): Promise<SessionHandle> {
    const name = appName('start', app);
    const { entries, options: given } = readEntries('start', args);
    const reply = await this.#open(name, entries, checkStartOptions(given), 'open', {});
    if (reply.kind !== 'sessionReady') throw new Error(`bug: start was settled with ${reply.kind}`);
    return this.session(reply.session);
  }

  async put(session: string, bucket: AnyBucket | string, object: Outgoing): Promise<void> {
    const id = sessionId('put', session);
    const named = readClientEntry('put', 'object', checkedBucketName('put', bucket), object);
    const { entries, offsets } = await this.#objects.storeInOrder(id, named);
    await this.#bringHome(id);
    try {
      await this.#askCoordinator((request, client) => ({ kind: 'putObjects', request, client, session: id, entries }));
    } finally {
      this.#host.blocks.release(offsets);
    }
  }

  async get(
    session: string,
    bucket: AnyBucket | string,
    key: string,
    options: { readonly pin?: boolean | undefined } = {},
  ): Promise<StoredObject | undefined> {
    const id = sessionId('get', session);
    if (typeof key !== 'string') throw invalidOption('get', 'key', key, 'must be a string');
    const name = checkedBucketName('get', bucket);
    await this.#bringHome(id);
    const reply = await this.#askCoordinator((request, client) => ({
      kind: 'getObjects',
      request,
      client,
      session: id,
      bucket: name,
      key,
    }));
    if (reply.kind !== 'objectsFound') throw new Error(`bug: get was answered with ${reply.kind}`);
    const [found] = reply.objects;
    if (!found) return undefined;
    return options.pin ? this.#objects.pinned(found) : this.#objects.copied(found);
  }

  session(id: string): SessionHandle {
    return new AskedSession(this.#asker, sessionId('session', id));
  }

  outputs(app: App | string): OutputStream<SessionOutput> {
    const name = appName('outputs', app);
    const streams = this.#streams.get(name) ?? new Set<OutputStream<SessionOutput>>();
    const stream = new OutputStream<SessionOutput>(this.#config.outputsWaitingMax, () => streams.delete(stream));
    this.#streams.set(name, streams.add(stream));
    if (this.#host.closed) stream.end();
    return stream;
  }

  async drain(app: App | string): Promise<void> {
    const name = appName('drain', app);
    await this.#host.solo?.recallApp(name);
    await this.#askCoordinator((request, client) => ({ kind: 'drainApp', request, client, app: name }), this.#config.deadlineMs);
  }

  async stats(): Promise<WorkerStats> {
    const reply = await this.#ask('stats', (request) => ({ kind: 'statsAsked', request, owner: this.#host.address }));
    if (reply.kind !== 'requestDone') throw new Error(`bug: stats was answered with ${reply.kind}`);
    return reply.result as WorkerStats;
  }

  async clusterStatus(): Promise<ClusterStatus> {
    if (this.#host.closed) throw errorFromData(this.#host.closed);
    return this.#cluster ? statusOfCluster(this.#cluster) : statusOfLocal(await this.stats());
  }

  durable(app: App | string): Durable {
    const name = appName('durable', app);
    const owner = this.#host.address;
    return {
      get: async <T>(given: string): Promise<T | undefined> => {
        const key = durableKey('durable.get', name, given);
        const reply = await this.#ask('durable', (request) => ({ kind: 'durableGet', request, owner, key }));
        return reply.kind === 'answer' && reply.ref?.inline ? (copyValue(reply.ref.encoding, reply.ref.inline) as T) : undefined;
      },
      put: async (given: string, value: unknown): Promise<void> => {
        const key = durableKey('durable.put', name, given);
        const { encoding, bytes } = encode(value);
        const ref: Ref = { encoding, sizeBytes: bytes.byteLength, inline: new Uint8Array(bytes), offset: -1 };
        await this.#ask('durable', (request) => ({ kind: 'durablePut', request, owner, key, ref }));
      },
    };
  }

  on(event: 'sessionFailed', listener: Listener): () => void {
    if (event !== 'sessionFailed') throw invalidOption('on', 'event', event, 'must be sessionFailed');
    if (typeof listener !== 'function') throw invalidOption('on', 'listener', listener, 'must be a function');
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(given?: CloseOptions): Promise<void> {
    const { drainMs = 0 } = checkCloseOptions(given);
    this.#closing ??= this.#close(drainMs);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(drainMs: number): Promise<void> {
    await this.#host.solo?.end();
    await this.#host.request((request) => ({ kind: 'askClose', request, drainMs }));
    this.fail(errorData('RuntimeClosed', 'the runtime is closed: it takes nothing more'));
    await this.#shutDown();
  }

  /** The node is no more, or will not be: all that waits, and all that is asked from now on, is refused with `error`. */
  fail(error: ErrorData): void {
    this.#host.close(error);
    for (const streams of this.#streams.values()) for (const stream of streams) stream.end();
  }

  async #open(
    app: string,
    named: readonly NamedEntry[],
    options: StartOptions,
    until: 'output' | 'end' | 'open',
    waits: CallOptions,
  ): Promise<Reply> {
    if (this.#closing)
      throw new errors.RuntimeClosed(errorData('RuntimeClosed', 'the runtime is closed, or closing: it takes nothing more'));
    const expects = expectationsOf(options).map(readExpectation);
    const { signal } = waits;
    const storing = this.#objects.store(named, waits.stable);
    // Without a turn of the loop where possible: what is called before `close` is admitted before it.
    const { entries, offsets } = storing instanceof Promise ? await storing : storing;
    let giveUp: (() => void) | null = null;
    try {
      if (signal?.aborted) throw aborted(signal);
      const reply = await this.#host.request((request) => {
        giveUp = () => this.#host.tell({ kind: 'abandonCall', request, reason: printed(signal?.reason) });
        signal?.addEventListener('abort', giveUp, { once: true });
        return {
          kind: 'askCall',
          request,
          app,
          entries,
          expects,
          until,
          requestId: options.id ?? null,
          timeoutMs: waits.timeoutMs ?? null,
          admitTimeoutMs: this.#config.admitTimeoutMs,
          retries: waits.retries ?? 0,
          deadlineMs: options.deadlineMs ?? null,
          priority: options.priority ?? 5,
        };
      });
      if (signal?.aborted && reply.kind === 'requestRefused' && reply.error.code === 'CallAborted') throw aborted(signal);
      return orThrow(reply);
    } finally {
      if (giveUp) signal?.removeEventListener('abort', giveUp);
      this.#host.blocks.release(offsets);
    }
  }

  /** A session that runs solo is not known to the coordinator. */
  async #bringHome(session: string): Promise<void> {
    await this.#host.solo?.recallSession(session);
  }

  async #changeApp(at: string, app: App | string, change: Extract<Question, { kind: 'changeApp' }>['change']): Promise<void> {
    const name = appName(at, app);
    await this.#change(name, (request, client) => ({ kind: 'changeApp', request, client, app: name, change }));
  }

  /** Solo sessions know nothing of changes: while one is under way there are none of that app. */
  async #change(name: string, question: (request: number, client: string) => Question): Promise<void> {
    const { solo } = this.#host;
    await solo?.suspend(name);
    try {
      const reply = await this.#askCoordinator(question);
      const changed = reply.kind === 'requestDone' ? (reply.result as Installed | null) : null;
      if (changed) solo?.allow(name, changed.install, changed.definition, changed.revision);
      else solo?.disallow(name);
    } catch (error) {
      // Whether it will be done after all is not known.
      if (error instanceof errors.CallTimedOut) solo?.disallow(name);
      throw error;
    } finally {
      solo?.resume(name);
    }
  }

  #askCoordinator(question: (request: number, client: string) => Question, timeoutMs = this.#config.askTimeoutMs): Promise<Reply> {
    return this.#ask('coordinator', (request) => question(request, this.#host.address), timeoutMs);
  }

  async #ask(to: string, question: (request: number) => Question, timeoutMs = this.#config.askTimeoutMs): Promise<Reply> {
    return orThrow(await this.#host.request((request) => ({ kind: 'ask', to, question: question(request), timeoutMs })));
  }

  #notice(message: ClientMessage): void {
    if (message.kind === 'sessionOutput') {
      const { session, from, ref } = message;
      for (const stream of this.#streams.get(message.app) ?? []) {
        stream.push({ session, from, value: copyValue(ref.encoding, this.#host.bytesOf(ref)) });
      }
    }
    if (message.kind !== 'sessionEnded' || !message.summary.error) return;
    const { id, app, error } = message.summary;
    for (const listener of this.#listeners) {
      try {
        listener({ session: id, app, error: errorFromData(error) });
      } catch (thrown) {
        this.#log('error', 'a sessionFailed listener threw', { session: id, error: thrownFrom(thrown) });
      }
    }
  }
}

/** As its user sees it: the class has one signature where the interface has a typed one for each app. */
export function asRuntime(runtime: ClientRuntime): Runtime {
  return runtime as unknown as Runtime;
}

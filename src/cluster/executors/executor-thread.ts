/**
 * The entry of an executor thread: it imports apps, runs attempts, and tells the node what came of each.
 *
 *   E1  `run` of an app waits for its import; messages are otherwise handled in their order, and never block each other.
 *   E2  Each `run` is answered by one `attemptDone`, after everything that the attempt sent.
 *   E3  What user code throws outside of any attempt (a timer, a forgotten promise) fails the attempts that run, not the thread's keeper.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { AppTable } from '../../actors/app.ts';
import { compileApp } from '../../actors/app.ts';
import { errorData } from '../../actors/protocol/error.ts';
import type { FromThread, LoadApp, Run, ThreadMessage } from '../../actors/protocol/executor.ts';
import type { Message } from '../../actors/protocol/message.ts';
import type { Durable, Log } from '../../api/context.ts';
import { errorFromData, errors, errorToData, isPheromoneError } from '../../api/errors.ts';
import type { Handler } from '../../api/fn.ts';
import { openSegment, type SegmentHandle } from '../../storage/segment.ts';
import { copyValue } from '../../storage/value.ts';
import { findApp, loadBundle } from '../load-bundle.ts';
import { createLog, type LogLevel, type LogLine } from '../log.ts';
import { encode } from '../encode.ts';
import { PortLink } from '../transport/port-link.ts';
import { Attempt } from './attempt.ts';
import { Blocks } from './blocks.ts';
import { library } from './library.ts';
import type { Answer, ThreadServices } from './services.ts';

export interface ExecutorThreadData {
  readonly thread: number;
  readonly segment: SegmentHandle;
  readonly counters: SharedArrayBuffer;
  readonly inlineBytesMax: number;
  readonly storeWaitMs: number;
  readonly abortGraceMs: number;
  readonly logLevel: LogLevel;
}

interface LoadedApp {
  readonly table: AppTable;
  readonly handlers: ReadonlyMap<string, Handler>;
}

class ExecutorThread {
  readonly #keeper: string;
  readonly #abortGraceMs: number;
  readonly #log: LogLine;
  readonly #link: PortLink;
  readonly #blocks: Blocks;
  readonly #services: ThreadServices;
  readonly #apps = new Map<string, LoadedApp>();
  readonly #running = new Map<number, Attempt>();
  readonly #asked = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  #nextRequest = 1;
  #flushing = false;

  constructor(data: ExecutorThreadData) {
    if (!parentPort) throw new Error('bug: an executor thread has no parent');
    this.#keeper = `executor:${data.thread}`;
    this.#link = new PortLink(parentPort, data.counters, 1);
    const node = { send: (to: string, message: Message) => this.#send(to, message) };
    const arena = openSegment(data.segment).bytes;
    const { inlineBytesMax, storeWaitMs: waitMs } = data;
    this.#blocks = new Blocks({ owner: `thread:${data.thread}`, arena: () => arena, node, inlineBytesMax, waitMs, reserve: 'running' });
    this.#abortGraceMs = data.abortGraceMs;
    this.#log = createLog(data.logLevel, { executor: data.thread });
    this.#services = {
      arena,
      node,
      blocks: this.#blocks,
      isCongested: () => this.#link.isCongested,
      hasRoom: () => this.#link.hasRoom(),
      ask: (question) => this.#ask((request) => node.send('scheduler', question(request))),
      logOf: (bound) => logOf(this.#log, bound),
      durableOf: (app, track) => this.#durableOf(app, track),
    };
  }

  start(): void {
    process.setSourceMapsEnabled(true);
    process.on('uncaughtException', (error) => this.#failAll(error));
    process.on('unhandledRejection', (error) => this.#failAll(error));
    this.#link.receive((envelopes) => {
      for (const { message } of envelopes) this.#take(message as ThreadMessage);
    });
    this.#send(this.#keeper, { kind: 'threadReady' });
  }

  #take(message: ThreadMessage): void {
    switch (message.kind) {
      case 'run':
        return void this.#run(message);
      case 'abortAttempt': {
        const attempt = this.#running.get(message.invocation);
        if (attempt?.attempt === message.attempt) attempt.abort(errorFromData(message.error));
        return;
      }
      case 'loadApp':
        return this.#load(message);
      case 'unloadApp':
        this.#apps.delete(appKey(message.app, message.revision));
        return;
      case 'blocksGranted':
      case 'blocksRefused':
        return this.#blocks.take(message);
      case 'answer': {
        const asked = this.#asked.get(message.request);
        this.#asked.delete(message.request);
        if (message.error) asked?.reject(errorFromData(message.error));
        else asked?.resolve(message);
        return;
      }
    }
  }

  #load({ app, revision, definition, bundle }: LoadApp): void {
    try {
      const { handlers } = findApp(loadBundle(bundle, library), app, bundle.module);
      const missing = definition.functions.find(({ name }) => !handlers.has(name));
      if (missing) {
        const text = `module ${bundle.module}: app ${app} has no function ${missing.name}; list it in defineApp's functions`;
        throw new errors.ModuleFailed(errorData('ModuleFailed', text, { module: bundle.module, app, function: missing.name }));
      }
      this.#apps.set(appKey(app, revision), { table: compileApp(definition, revision), handlers });
      this.#send(this.#keeper, { kind: 'appLoaded', app, revision });
    } catch (error) {
      this.#send(this.#keeper, { kind: 'appLoadFailed', app, revision, error: errorToData(error) });
    }
  }

  async #run(run: Run): Promise<void> {
    const { invocation, attempt: number, app, revision } = run;
    const loaded = this.#apps.get(appKey(app, revision));
    if (!loaded) {
      const error = errorData('ModuleFailed', `the module of app ${app} could not be imported by this executor`, { app, revision });
      return this.#send(this.#keeper, { kind: 'attemptDone', invocation, attempt: number, objects: 0, outputs: 0, error });
    }
    const attempt = new Attempt(run, loaded.table, this.#services);
    this.#running.set(invocation, attempt);
    const error = await this.#call(attempt, loaded, run);
    if (this.#running.get(invocation) === attempt) this.#running.delete(invocation);
    attempt.end();
    const { objects, outputs } = attempt;
    this.#send(this.#keeper, { kind: 'attemptDone', invocation, attempt: number, objects, outputs, error });
  }

  async #call(attempt: Attempt, { table, handlers }: LoadedApp, { function: index }: Run) {
    try {
      const handler = handlers.get(table.functions[index]?.name ?? '');
      if (!handler) throw new Error(`bug: app ${table.name} has no function ${index}`);
      await attempt.run(handler);
      return null;
    } catch (error) {
      // What it left behind goes on a little: its blocks must come home before the attempt is over.
      await attempt.quiet();
      return errorToData(error);
    }
  }

  /** Which attempt it belongs to cannot be known: all that run here fail. Without any, it is logged. */
  #failAll(error: unknown): void {
    // One that is over has tried to go on: no fault of those that run now.
    const isLate = isPheromoneError(error) && error.code === 'InvocationAborted';
    if (!isLate) for (const attempt of this.#running.values()) attempt.fail(error, this.#abortGraceMs);
    if (isLate || this.#running.size === 0)
      this.#log('warn', `user code threw outside of any invocation: ${errorToData(error).message}`, {});
  }

  #ask(send: (request: number) => void): Promise<Answer> {
    const request = this.#nextRequest++;
    return new Promise((resolve, reject) => {
      this.#asked.set(request, { resolve, reject });
      send(request);
    });
  }

  #durableOf(app: string, track: <T>(work: () => Promise<T>) => Promise<T>): Durable {
    const owner = this.#keeper.replace('executor', 'thread');
    const get = async (key: string): Promise<unknown> => {
      const { ref } = await this.#ask((request) => this.#send('durable', { kind: 'durableGet', owner, request, key: `${app}/${key}` }));
      return ref?.inline ? copyValue(ref.encoding, ref.inline) : undefined;
    };
    const put = async (key: string, value: unknown): Promise<void> => {
      const { encoding, bytes } = encode(value);
      const ref = { encoding, sizeBytes: bytes.byteLength, inline: bytes, offset: -1 };
      await this.#ask((request) => this.#send('durable', { kind: 'durablePut', owner, request, key: `${app}/${key}`, ref }));
    };
    return { get: <T>(key: string) => track(() => get(key) as Promise<T | undefined>), put: (key, value) => track(() => put(key, value)) };
  }

  /** Envelopes of one turn of the event loop leave as one frame. */
  #send(to: string, message: Message | FromThread): void {
    this.#link.send(to, message);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#link.flush();
    });
  }
}

function logOf(log: LogLine, bound: object): Log {
  const line = (level: keyof Log) => (message: string, detail?: object) => log(level, message, { ...bound, ...detail });
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}

function appKey(app: string, revision: number): string {
  return `${app}@${revision}`;
}

new ExecutorThread(workerData as ExecutorThreadData).start();

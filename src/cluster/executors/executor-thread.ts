/**
 * The entry of an executor thread: it imports apps, runs attempts, and tells the node what came of each.
 *
 *   E1  `run` of an app waits for its import; messages are otherwise handled in their order, and never block each other.
 *   E2  Each `run` is answered by one `attemptDone`, after everything that the attempt sent; or it is refused or taken back, and does not
 *       begin. They begin in their order.
 *   E3  What user code throws outside of any attempt (a timer, a forgotten promise) fails the attempts that run, not the thread's keeper.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { compileApp } from '../../actors/app.ts';
import { errorData } from '../../actors/protocol/error.ts';
import type { FromThread, LoadApp, Run, ThreadMessage } from '../../actors/protocol/executor.ts';
import type { Message } from '../../actors/protocol/message.ts';
import type { Durable, Log } from '../../api/context.ts';
import { durableKey } from '../../api/entries.ts';
import { errorFromData, errors, errorToData, isPheromoneError } from '../../api/errors.ts';
import { planSolo } from '../../actors/solo/plan.ts';
import type { SoloHandle } from '../../storage/solo/memory.ts';
import { openSegment, type SegmentHandle } from '../../storage/segment.ts';
import { copyValue } from '../../storage/value.ts';
import { findApp, loadBundle } from '../load-bundle.ts';
import { createLog, type LogLevel, type LogLine } from '../log.ts';
import { encode } from '../encode.ts';
import { PortLink } from '../transport/port-link.ts';
import { Attempt, type Failure } from './attempt.ts';
import { Blocks } from './blocks.ts';
import { type AttemptName, NodeExit } from './exit.ts';
import { library } from './library.ts';
import type { Answer, ThreadServices } from './services.ts';
import { handlerOf, type LoadedApp, SoloThread } from './solo-thread.ts';

export interface ExecutorThreadData {
  readonly thread: number;
  readonly segment: SegmentHandle;
  readonly counters: SharedArrayBuffer;
  readonly inlineBytesMax: number;
  readonly storeWaitMs: number;
  readonly abortGraceMs: number;
  readonly logLevel: LogLevel;
  /** Null: no solo sessions here. */
  readonly solo: { readonly memory: SoloHandle; readonly place: number; readonly invocationsMax: number } | null;
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
  readonly #solo: SoloThread | null;
  /** To be run when the solo function that runs has returned; with their numbers. */
  readonly #held: (readonly [Run, number])[] = [];
  /** How many this thread was given. */
  #runs = 0;
  /** The app of the last run. */
  #last: LoadedApp | undefined;
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
    this.#solo =
      data.solo &&
      new SoloThread(data.solo, this.#services, {
        isFree: () => this.#running.size === 0,
        kept: (name, attempt) => {
          this.#keep(name, attempt);
          this.#refuseHeld();
        },
        finished: (name, attempt, failure) => this.#finish(name, attempt, failure),
        paused: () => this.#runHeld(),
      });
  }

  start(): void {
    this.#solo?.start();
    process.setSourceMapsEnabled(true);
    process.on('uncaughtException', (error) => this.#failAll(error));
    process.on('unhandledRejection', (error) => this.#failAll(error));
    this.#link.receive((envelopes) => {
      this.#solo?.processor.note();
      for (const { message } of envelopes) this.#take(message as ThreadMessage);
    });
    this.#send(this.#keeper, { kind: 'threadReady' });
  }

  #take(message: ThreadMessage): void {
    switch (message.kind) {
      case 'run':
        return this.#takeRun(message);
      case 'abortAttempt': {
        const attempt = this.#running.get(message.invocation);
        if (attempt?.attempt === message.attempt) attempt.abort(errorFromData(message.error));
        return;
      }
      case 'loadApp':
        return this.#load(message);
      case 'unloadApp':
        return this.#unload(appKey(message.app, message.revision));
      case 'soloAdopted':
        return this.#solo?.adopt(message);
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

  #load({ app, revision, install, definition, bundle }: LoadApp): void {
    try {
      const { handlers } = findApp(loadBundle(bundle, library), app, bundle.module);
      const table = compileApp(definition, revision);
      const ofTable = table.functions.map(({ name }) => handlers.get(name) ?? lacksFunction(bundle.module, app, name));
      const loaded: LoadedApp = { install, table, plan: planSolo(table), handlers: ofTable };
      this.#apps.set(appKey(app, revision), loaded);
      this.#last = undefined;
      this.#solo?.apps.set(install, loaded);
      this.#send(this.#keeper, { kind: 'appLoaded', app, revision });
    } catch (error) {
      this.#send(this.#keeper, { kind: 'appLoadFailed', app, revision, error: errorToData(error) });
    }
  }

  #unload(key: string): void {
    const loaded = this.#apps.get(key);
    this.#apps.delete(key);
    this.#last = undefined;
    if (loaded) this.#solo?.apps.delete(loaded.install);
  }

  #takeRun(run: Run): void {
    const number = ++this.#runs;
    if (this.#solo?.isBusy || this.#held.length > 0) this.#held.push([run, number]);
    else this.#run(run, number);
  }

  #run(run: Run, given: number): void {
    if (this.#solo?.begins(given) === false) return;
    const { invocation, attempt: number, app, revision } = run;
    const loaded = this.#loadedApp(app, revision);
    if (!loaded) {
      const error = errorData('ModuleFailed', `the module of app ${app} could not be imported by this executor`, { app, revision });
      return this.#send(this.#keeper, { kind: 'attemptDone', invocation, attempt: number, objects: 0, outputs: 0, error });
    }
    const { function: index, session, inputs } = run;
    const work = { table: loaded.table, function: index, session, invocation, attempt: number, inputs };
    const attempt = new Attempt(work, this.#services, new NodeExit(this.#services, run));
    this.#keep(run, attempt);
    const finished = (failure: Failure) => this.#finish(run, attempt, failure);
    if (attempt.run(handlerOf(loaded, index), finished)) finished(null);
  }

  /** Mostly the one of the run before. */
  #loadedApp(app: string, revision: number): LoadedApp | undefined {
    const { table } = this.#last ?? {};
    if (table?.name !== app || table.revision !== revision) this.#last = this.#apps.get(appKey(app, revision));
    return this.#last;
  }

  #keep({ invocation }: AttemptName, attempt: Attempt): void {
    this.#running.set(invocation, attempt);
    this.#solo?.noteRunning(true);
  }

  #finish({ invocation, attempt: number }: AttemptName, attempt: Attempt, failure: Failure): void {
    if (this.#running.get(invocation) === attempt) this.#running.delete(invocation);
    attempt.end();
    const { objects, outputs } = Attempt.leftOf(attempt);
    const error = failure && errorToData(failure.error);
    this.#send(this.#keeper, { kind: 'attemptDone', invocation, attempt: number, objects, outputs, error });
    if (this.#running.size === 0) this.#solo?.noteRunning(false);
  }

  /** What the scheduler gave this thread while a solo function was at work. */
  #runHeld(): void {
    if (this.#held.length === 0) return;
    for (const [run, number] of this.#held.splice(0)) this.#run(run, number);
  }

  /** That function is an attempt of the scheduler's now, which knows that there is no room for others. */
  #refuseHeld(): void {
    for (const [{ invocation, attempt }, number] of this.#held.splice(0)) {
      if (this.#solo?.begins(number)) this.#send(this.#keeper, { kind: 'runRefused', invocation, attempt });
    }
  }

  /** Which attempt it belongs to cannot be known: all that run here fail. Without any, it is logged. */
  #failAll(error: unknown): void {
    // One that is over has tried to go on: no fault of those that run now.
    const isLate = isPheromoneError(error) && error.code === 'InvocationAborted';
    const running = [...this.#running.values(), ...(this.#solo?.attempts() ?? [])];
    if (!isLate) for (const attempt of running) attempt.fail(error, this.#abortGraceMs);
    if (isLate || running.length === 0) this.#log('warn', `user code threw outside of any invocation: ${errorToData(error).message}`, {});
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
    const get = async (given: string): Promise<unknown> => {
      const key = durableKey('durable.get', app, given);
      const { ref } = await this.#ask((request) => this.#send('durable', { kind: 'durableGet', owner, request, key }));
      return ref?.inline ? copyValue(ref.encoding, ref.inline) : undefined;
    };
    const put = async (given: string, value: unknown): Promise<void> => {
      const key = durableKey('durable.put', app, given);
      const { encoding, bytes } = encode(value);
      const ref = { encoding, sizeBytes: bytes.byteLength, inline: bytes, offset: -1 };
      await this.#ask((request) => this.#send('durable', { kind: 'durablePut', owner, request, key, ref }));
    };
    return { get: <T>(key: string) => track(() => get(key) as Promise<T | undefined>), put: (key, value) => track(() => put(key, value)) };
  }

  /** What is sent leaves before the function that awaits it goes on; while the node is behind, with all else of this turn of the event loop. */
  #send(to: string, message: Message | FromThread): void {
    this.#link.send(to, message);
    if (this.#flushing) return;
    this.#flushing = true;
    if (this.#link.isAhead) setImmediate(this.#flush);
    else queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    this.#link.flush();
  };
}

function logOf(log: LogLine, bound: object): Log {
  const line = (level: keyof Log) => (message: string, detail?: object) => log(level, message, { ...bound, ...detail });
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}

function appKey(app: string, revision: number): string {
  return `${app}@${revision}`;
}

function lacksFunction(module: string, app: string, name: string): never {
  const text = `module ${module}: app ${app} has no function ${name}; list it in defineApp's functions`;
  throw new errors.ModuleFailed(errorData('ModuleFailed', text, { module, app, function: name }));
}

new ExecutorThread(workerData as ExecutorThreadData).start();

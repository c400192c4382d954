/**
 * A simulated executor thread: it speaks the protocol of a real one, and its functions are programs.
 *
 * Real threads are in `cluster/executors/executor-thread.ts`. Bytes are written into and read from the segment, as there.
 */
import { errorData, type ErrorData } from '../../src/actors/protocol/error.ts';
import type { FromThread, LoadApp, Run, ThreadMessage } from '../../src/actors/protocol/executor.ts';
import type { Input } from '../../src/actors/protocol/object.ts';
import type { Message } from '../../src/actors/protocol/message.ts';
import { refillRequest } from '../../src/actors/protocol/store.ts';
import type { AttemptName, Exit, Question } from '../../src/cluster/executors/exit.ts';
import type { Answer } from '../../src/cluster/executors/services.ts';
import type { Ref } from '../../src/storage/object.ts';
import type { Clock } from './clock.ts';
import { type Labels, readContent, writeContent } from './content.ts';
import type { Faults } from './faults.ts';
import { type Program, type Programs, programsOf } from './program.ts';
import type { Random } from './random.ts';
import { type AttemptExit, SimulatedAttempt } from './attempt.ts';
import { runOf, SimulatedSolo, type SimulatedSoloApp, type SoloWorld } from './solo.ts';

/** What a thread finds around it. */
export interface ThreadWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly segment: Uint8Array;
  readonly inlineBytesMax: number;
  readonly storeWaitMs: number;
  readonly solo: SoloWorld | null;
  readonly invocationsMax: number;
  /** Promises are to be settled before time goes on. */
  settleSoon(): void;
  faults(): Faults;
  isHealing(): boolean;
  nextContent(): number;
  send(thread: number, to: string, message: Message): void;
  /** A function has looked at an object. */
  read(by: string, when: 'start' | 'end', input: Input, found: number | string): void;
  /** User code has ended the thread. */
  exit(thread: number, reason: 'exit' | 'uncaught', text: string): void;
}

interface Loaded {
  readonly definition: LoadApp['definition'];
  readonly programs: Programs;
}

/** Blocks that a thread keeps in advance, of one size; it asks for so many at once, and gives them back when it wants others. */
const stashBlocksMax = 2;

export class SimulatedThread {
  readonly number: number;
  readonly world: ThreadWorld;
  isDead = false;
  readonly #slowFactor: number;
  readonly #apps = new Map<string, Loaded>();
  readonly #running = new Map<number, SimulatedAttempt>();
  readonly #asked = new Map<number, (answer: Answer) => void>();
  readonly #blocksAsked = new Map<number, (offset: number) => void>();
  readonly #solo: SimulatedSolo | null;
  readonly #held: (readonly [Run, number])[] = [];
  #runs = 0;
  #nextRequest = 1;
  #pausedUntilMs = 0;
  #stash: { readonly sizeBytes: number; readonly offsets: number[] } = { sizeBytes: 0, offsets: [] };

  /** `place`: where solo sessions are posted; -1: nowhere. */
  constructor(number: number, world: ThreadWorld, place: number) {
    this.number = number;
    this.world = world;
    const { slowThreadShare, slowFactor } = world.faults();
    this.#slowFactor = world.random.chance(slowThreadShare) ? slowFactor : 1;
    this.#solo = world.solo && place >= 0 ? this.#makeSolo(world.solo, place) : null;
  }

  get keeper(): string {
    return `executor:${this.number}`;
  }

  start(): void {
    this.later(this.world.random.int(1, 20), () => {
      this.send(this.keeper, { kind: 'threadReady' });
      this.#solo?.start();
    });
  }

  /** Nothing happens in it until then. */
  pause(ms: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.world.clock.nowMs + ms);
  }

  /** Nothing more happens in it. */
  die(): void {
    this.isDead = true;
    this.#solo?.stop();
  }

  take(message: ThreadMessage): void {
    this.later(0, () => this.#handle(message));
  }

  /** After so long, in the thread's own time. */
  later(ms: number, run: () => void): void {
    const { clock } = this.world;
    const pauseMs = Math.max(0, this.#pausedUntilMs - clock.nowMs);
    clock.after(ms * this.#slowFactor + pauseMs, () => {
      if (this.isDead) return;
      if (this.#pausedUntilMs > clock.nowMs) this.later(0, run);
      else run();
    });
  }

  send(to: string, message: Message | FromThread): void {
    if (!this.isDead) this.world.send(this.number, to, message);
  }

  /** What the attempt of that name sends. */
  exitOf({ invocation, attempt }: AttemptName): Exit {
    const name = { invocation, attempt };
    return {
      isOpen: () => true,
      whenOpen: () => Promise.resolve(),
      object: (object) => this.#sent({ kind: 'objectSent', ...name, ...object }),
      output: (ordinal, ref) => this.#sent({ kind: 'outputSent', ...name, ordinal, ref }),
      ask: (question) => this.#ask(question, name),
    };
  }

  #sent(message: FromThread): true {
    this.send('scheduler', message);
    return true;
  }

  #ask(question: Question, name: AttemptName): Promise<Answer> {
    const request = this.#nextRequest++;
    return new Promise((resolve) => {
      this.#asked.set(request, resolve);
      this.send('scheduler', question(request, name));
    });
  }

  /** Puts content where a ref can name it; null: the store is full. */
  store(sizeBytes: number, labels: Labels, stored: (ref: Ref | null) => void): void {
    const { inlineBytesMax, storeWaitMs: waitMs, random, segment } = this.world;
    const id = this.world.nextContent();
    if (sizeBytes <= inlineBytesMax) {
      const inline = new Uint8Array(sizeBytes);
      writeContent(inline, id, labels);
      return stored({ encoding: 0, sizeBytes, inline, offset: -1 });
    }
    const fill = (offset: number): void => {
      if (offset === -1) return stored(null);
      writeContent(segment.subarray(offset, offset + sizeBytes), id, labels);
      stored({ encoding: 0, sizeBytes, inline: null, offset });
    };
    const kept = this.#stash.sizeBytes === sizeBytes ? this.#stash.offsets.pop() : undefined;
    if (kept !== undefined) return fill(kept);
    const request = this.#nextRequest++;
    this.#blocksAsked.set(request, fill);
    const owner = `thread:${this.number}`;
    this.send('store', { kind: 'allocateBlocks', owner, request, sizeBytes, count: 1, reserve: 'running', waitMs });
    if (random.chance(0.2))
      this.send('store', {
        kind: 'allocateBlocks',
        owner,
        request: refillRequest,
        sizeBytes,
        count: stashBlocksMax,
        reserve: 'running',
        waitMs,
      });
  }

  release(offsets: readonly number[]): void {
    if (offsets.length > 0) this.send('store', { kind: 'releaseBlocks', owner: `thread:${this.number}`, offsets });
  }

  read(by: string, when: 'start' | 'end', input: Input): void {
    const { inline, offset, sizeBytes } = input.ref;
    this.world.read(by, when, input, readContent(inline ?? this.world.segment.subarray(offset, offset + sizeBytes), input));
  }

  #handle(message: ThreadMessage): void {
    switch (message.kind) {
      case 'run':
        return this.#takeRun(message);
      case 'abortAttempt': {
        const attempt = this.#running.get(message.invocation);
        if (attempt?.run.attempt === message.attempt) attempt.abort(message.error);
        return;
      }
      case 'loadApp':
        return this.#load(message);
      case 'unloadApp':
        this.#apps.delete(`${message.app}@${message.revision}`);
        return;
      case 'blocksGranted':
        return this.#takeBlocks(message);
      case 'blocksRefused':
        return this.#answerBlocks(message.request, -1);
      case 'soloAdopted':
        return this.#solo?.adopt(message);
      case 'answer': {
        const asked = this.#asked.get(message.request);
        this.#asked.delete(message.request);
        this.world.settleSoon();
        return asked?.(message);
      }
    }
  }

  #takeBlocks({ request, sizeBytes, offsets }: Extract<ThreadMessage, { kind: 'blocksGranted' }>): void {
    if (request !== refillRequest) return this.#answerBlocks(request, offsets[0] ?? -1);
    this.release(this.#stash.offsets);
    this.#stash = { sizeBytes, offsets: [...offsets] };
  }

  #answerBlocks(request: number, offset: number): void {
    const asked = this.#blocksAsked.get(request);
    this.#blocksAsked.delete(request);
    asked?.(offset);
  }

  #load(message: LoadApp): void {
    const { app, revision, definition, bundle } = message;
    const { random } = this.world;
    if (random.chance(this.world.faults().loadFailureShare)) {
      const error = errorData('ModuleFailed', 'the module throws when it is imported');
      return this.send(this.keeper, { kind: 'appLoadFailed', app, revision, error });
    }
    this.#apps.set(`${app}@${revision}`, { definition, programs: programsOf(bundle) });
    this.#solo?.load(message);
    this.send(this.keeper, { kind: 'appLoaded', app, revision });
  }

  #takeRun(run: Run): void {
    const number = ++this.#runs;
    if (this.#solo?.isBusy || this.#held.length > 0) this.#held.push([run, number]);
    else this.#run(run, number);
  }

  #run(run: Run, given: number): void {
    if (this.#solo?.begins(given) === false) return;
    const loaded = this.#apps.get(`${run.app}@${run.revision}`);
    const fn = loaded?.definition.functions[run.function];
    const program: Program | undefined = loaded && fn && (loaded.programs[fn.name] ?? []);
    const { invocation, attempt: number } = run;
    if (!loaded || !program) {
      const error = errorData('ModuleFailed', `app ${run.app} is not loaded here`);
      return this.send(this.keeper, { kind: 'attemptDone', invocation, attempt: number, objects: 0, outputs: 0, error });
    }
    const exit: AttemptExit = { ...this.exitOf(run), end: (objects, outputs, error) => this.#finish(run, objects, outputs, error) };
    const attempt = new SimulatedAttempt(this, run, loaded.definition, program, exit);
    this.#keep(run, attempt);
    attempt.start();
  }

  #keep({ invocation }: AttemptName, attempt: SimulatedAttempt): void {
    this.#running.set(invocation, attempt);
    this.#solo?.noteRunning(true);
  }

  #finish({ invocation, attempt }: AttemptName, objects: number, outputs: number, error: ErrorData | null): void {
    this.#running.delete(invocation);
    this.send(this.keeper, { kind: 'attemptDone', invocation, attempt, objects, outputs, error });
    if (this.#running.size === 0) this.#solo?.noteRunning(false);
  }

  #makeSolo(world: SoloWorld, place: number): SimulatedSolo {
    const { clock, invocationsMax } = this.world;
    const ended = new Map<SimulatedAttempt, readonly [number, number]>();
    return new SimulatedSolo({
      world,
      place,
      invocationsMax,
      nowMs: () => clock.nowMs,
      later: (ms, run) => this.later(ms, run),
      send: (to, message) => this.send(to, message),
      isFree: () => this.#running.size === 0,
      attempt: (job, app, finished) => {
        const exit: AttemptExit = {
          isOpen: () => job.isOpen(),
          whenOpen: () => this.#soon(job.whenOpen()),
          object: (object) => job.object(object),
          output: (ordinal, ref) => job.output(ordinal, ref),
          ask: (question) => this.#soon(job.ask(question)),
          end: (objects, outputs, error) => {
            ended.set(attempt, [objects, outputs]);
            finished(error && { error });
          },
        };
        const attempt = new SimulatedAttempt(this, runOf(job), app.definition, this.#programOf(app, job.function), exit);
        return attempt;
      },
      exitOf: (name) => this.exitOf(name),
      kept: (name, attempt) => {
        this.#keep(name, attempt);
        for (const [{ invocation, attempt: number }, given] of this.#held.splice(0)) {
          if (this.#solo?.begins(given)) this.send(this.keeper, { kind: 'runRefused', invocation, attempt: number });
        }
      },
      finished: (name, attempt, failure) => {
        const [objects = 0, outputs = 0] = ended.get(attempt) ?? [];
        this.#finish(name, objects, outputs, (failure?.error as ErrorData | undefined) ?? null);
      },
      paused: () => {
        for (const [run, given] of this.#held.splice(0)) this.#run(run, given);
      },
      release: (offsets) => this.release(offsets),
    });
  }

  #soon<T>(work: Promise<T>): Promise<T> {
    this.world.settleSoon();
    return work;
  }

  #programOf({ table }: SimulatedSoloApp, index: number): Program {
    const programs = this.#apps.get(`${table.name}@${table.revision}`)?.programs;
    return programs?.[table.functions[index]?.name ?? ''] ?? [];
  }
}

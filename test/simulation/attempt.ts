/** One attempt in a simulated thread: its program, step by step, until it returns, throws, or is aborted. */
import type { AppDefinition } from '../../src/actors/app.ts';
import { type ErrorData, errorData } from '../../src/actors/protocol/error.ts';
import type { Run } from '../../src/actors/protocol/executor.ts';
import type { Input } from '../../src/actors/protocol/object.ts';
import type { Exit, Question } from '../../src/cluster/executors/exit.ts';
import type { Answer } from '../../src/cluster/executors/services.ts';
import type { Ref } from '../../src/storage/object.ts';
import { hopsOf, nameOf, type Op, type Program } from './program.ts';
import type { SimulatedThread } from './thread.ts';

/** An output has neither key nor group. */
export function outputLabels(session: string) {
  return { session, key: 'output', group: null };
}

/** What an attempt leaves its thread by, and is told its end. */
export interface AttemptExit extends Exit {
  end(objects: number, outputs: number, error: ErrorData | null): void;
}

export class SimulatedAttempt {
  readonly run: Run;
  readonly #thread: SimulatedThread;
  readonly #definition: AppDefinition;
  readonly #program: Program;
  readonly #exit: AttemptExit;
  readonly #name: string;
  readonly #ordinals = new Map<string, number>();
  /** What it may read until its end: its inputs, and what it has got. */
  readonly #reads: Input[] = [];
  #next = 0;
  #objects = 0;
  #outputs = 0;
  #isOver = false;
  #ignoresAbort = false;
  /** It waits for an answer: like a function that awaits, it cannot end before. */
  #isAsking = false;
  #aborted: ErrorData | null = null;

  constructor(thread: SimulatedThread, run: Run, definition: AppDefinition, program: Program, exit: AttemptExit) {
    this.#thread = thread;
    this.run = run;
    this.#definition = definition;
    this.#program = program;
    this.#exit = exit;
    this.#name = `${definition.functions[run.function]?.name} #${run.invocation}.${run.attempt}`;
  }

  start(): void {
    this.#look(this.run.inputs);
    this.#advance();
  }

  abort(error: ErrorData): void {
    if (this.#ignoresAbort) return;
    if (this.#isAsking) this.#aborted = error;
    else this.#end(error);
  }

  #look(inputs: readonly Input[]): void {
    for (const input of inputs) this.#thread.read(this.#name, 'start', input);
    this.#reads.push(...inputs);
  }

  #advance(): void {
    if (this.#isOver) return;
    const op = this.#program[this.#next++];
    if (!op) this.#end(null);
    else this.#perform(op);
  }

  #perform(op: Op): void {
    const { attempt } = this.run;
    const [first] = this.run.inputs;
    switch (op.do) {
      case 'wait':
        return this.#thread.later(op.ms, () => this.#advance());
      case 'send':
        return this.#send(op.bucket, nameOf(op.key, first), op.group === null ? null : nameOf(op.group, first), op.sizeBytes, op.delayMs);
      case 'hop': {
        const hops = hopsOf(first);
        return hops === 0 ? this.#advance() : this.#send(op.bucket, `h${hops - 1}`, first?.group ?? null, op.sizeBytes, 0);
      }
      case 'output':
        return this.#output(op.sizeBytes);
      case 'expect':
        return this.#expect(op, op.group === null ? null : nameOf(op.group, first));
      case 'get':
        return this.#get(op.bucket, op.key);
      case 'throw':
        return attempt < op.untilAttempt ? this.#end(errorData('FunctionFailed', 'thrown by the program')) : this.#advance();
      case 'crash':
        return attempt < op.untilAttempt
          ? this.#thread.world.exit(this.#thread.number, 'exit', 'process.exit by the program')
          : this.#advance();
      case 'hang':
        if (attempt >= op.untilAttempt) return this.#advance();
        this.#ignoresAbort = op.ignoresAbort;
        return;
    }
  }

  #send(bucketName: string, key: string, group: string | null, sizeBytes: number, delayMs: number): void {
    const bucket = this.#definition.buckets.findIndex(({ name }) => name === bucketName);
    if (bucket === -1) return this.#end(errorData('UnknownBucket', `no bucket ${bucketName}`));
    // A loop of sessions, by way of an app-scoped trigger, has no limit but its functions' own.
    const feedsApp = this.#definition.triggers.some((trigger) => trigger.bucket === bucketName && trigger.traits.scope === 'app');
    if (feedsApp && this.#thread.world.isHealing()) return this.#advance();
    const { session } = this.run;
    const ordinal = this.#count(`${bucket}/${key}`);
    this.#thread.store(sizeBytes, { session, key, group }, (ref) => {
      this.#leave(ref, (sealed) => {
        if (!this.#exit.object({ bucket, key, ordinal, group, delayMs, ref: sealed })) return false;
        this.#objects++;
        return true;
      });
    });
  }

  #output(sizeBytes: number): void {
    const { session } = this.run;
    this.#thread.store(sizeBytes, outputLabels(session), (ref) => {
      this.#leave(ref, (sealed) => {
        if (!this.#exit.output(this.#outputs + 1, sealed)) return false;
        this.#outputs++;
        return true;
      });
    });
  }

  /** A block that came too late goes back. */
  #leave(ref: Ref | null, leave: (ref: Ref) => boolean): void {
    if (!ref) return this.#end(errorData('StoreFull', 'the store is full', {}, true));
    if (this.#isOver) return this.#thread.release(ref.offset >= 0 ? [ref.offset] : []);
    if (leave(ref)) return this.#advance();
    void this.#exit.whenOpen().then(() => {
      if (!this.#thread.isDead) this.#leave(ref, leave);
    });
  }

  #expect({ bucket: name, keys, count }: Extract<Op, { do: 'expect' }>, group: string | null): void {
    const bucket = this.#definition.buckets.findIndex((candidate) => candidate.name === name);
    if (bucket === -1) return this.#end(errorData('UnknownBucket', `no bucket ${name}`));
    this.#ask((request, by) => ({ kind: 'expectSent', ...by, request, bucket, group, keys, count }));
  }

  #get(name: string, key: string | null): void {
    const bucket = this.#definition.buckets.findIndex((candidate) => candidate.name === name);
    if (bucket === -1) return this.#end(errorData('UnknownBucket', `no bucket ${name}`));
    this.#ask((request, by) => ({ kind: 'objectsAsked', ...by, request, bucket, key }));
  }

  #ask(question: Question): void {
    this.#isAsking = true;
    void this.#exit.ask(question).then((answer) => {
      if (!this.#thread.isDead) this.#continue(answer);
    });
  }

  #continue({ error, objects }: Answer): void {
    this.#isAsking = false;
    const failure = this.#aborted ?? error;
    if (failure) return this.#end(failure);
    this.#look(objects);
    this.#advance();
  }

  #end(error: ErrorData | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const input of this.#reads) this.#thread.read(this.#name, 'end', input);
    this.#exit.end(this.#objects, this.#outputs, error);
  }

  #count(id: string): number {
    const ordinal = this.#ordinals.get(id) ?? 0;
    this.#ordinals.set(id, ordinal + 1);
    return ordinal;
  }
}

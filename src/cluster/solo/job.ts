/** A function at work in a solo session: what it is given, and the way that what it sends takes. */
import type { AppTable } from '../../actors/app.ts';
import type { Input } from '../../actors/protocol/object.ts';
import type { SoloFiring, SoloObject } from '../../actors/solo/session.ts';
import type { Ref } from '../../storage/object.ts';
import type { Failure, Work } from '../executors/attempt.ts';
import type { AttemptName, Exit, Leaving, Question } from '../executors/exit.ts';
import type { Answer } from '../executors/services.ts';
import type { SoloRunner } from './runner.ts';
import { nameOf, type RunningSession, type SoloApp } from './running.ts';

/** Decodes nothing and builds no text until it is asked. */
class SoloInput implements Input {
  readonly key: string;
  readonly group: string | null;
  readonly ref: Ref;
  readonly #session: RunningSession;

  constructor({ key, group, ref }: SoloObject, session: RunningSession) {
    this.key = key;
    this.group = group;
    this.ref = ref;
    this.#session = session;
  }

  get session(): string {
    return nameOf(this.#session);
  }
}

/** What most have is one; who keeps a function pays for it, so that is apart. */
function inputsOf(session: RunningSession, indices: readonly number[]): Input[] {
  return indices.length === 1 ? [inputOf(session, indices[0] as number)] : manyInputsOf(session, indices);
}

function manyInputsOf(session: RunningSession, indices: readonly number[]): Input[] {
  return indices.map((index) => inputOf(session, index));
}

function inputOf(session: RunningSession, index: number): Input {
  return new SoloInput(session.solo.objects[index] as SoloObject, session);
}

export class SoloJob<A extends SoloApp = SoloApp> implements Work, Exit {
  readonly running: RunningSession<A>;
  readonly invocation: number;
  readonly function: number;
  readonly inputs: readonly Input[];
  /** Its session's home is elsewhere now. */
  isAway = false;
  /** What the home calls it, once it has said so. */
  name: AttemptName | null = null;
  /** What runs it: the thread's own. */
  task: unknown = null;
  /** It came to an end before it had a name. */
  ended: { readonly failure: Failure } | null = null;
  readonly #runner: SoloRunner<A>;
  #exit: Exit | null = null;
  #named: Promise<void> | null = null;
  #tellNamed: (() => void) | null = null;

  constructor(runner: SoloRunner<A>, session: RunningSession<A>, { trigger, inputs }: SoloFiring) {
    this.#runner = runner;
    this.running = session;
    this.invocation = session.solo.begun;
    this.function = trigger.function;
    this.inputs = inputsOf(session, inputs);
  }

  get table(): AppTable {
    return this.running.app.table;
  }

  get session(): string {
    return nameOf(this.running);
  }

  /** Solo sessions have first attempts only: the second is their home's affair. */
  get attempt(): number {
    return 1;
  }

  isOpen(): boolean {
    return this.#exit ? this.#exit.isOpen() : !this.isAway;
  }

  whenOpen(): Promise<void> {
    return this.#exit ? this.#exit.whenOpen() : this.#whenNamed();
  }

  object(object: Leaving): boolean {
    if (this.#exit) return this.#exit.object(object);
    return !this.isAway && this.#runner.sendObject(this, object);
  }

  output(ordinal: number, ref: Ref): boolean {
    if (this.#exit) return this.#exit.output(ordinal, ref);
    return !this.isAway && this.#runner.sendOutput(this, ref);
  }

  async ask(question: Question): Promise<Answer> {
    if (!this.#exit) {
      this.#runner.leaveForHome(this);
      await this.#whenNamed();
    }
    return (this.#exit as Exit).ask(question);
  }

  adopt(name: AttemptName, exit: Exit): void {
    this.name = name;
    this.#exit = exit;
    this.#tellNamed?.();
  }

  #whenNamed(): Promise<void> {
    this.#named ??= new Promise((resolve) => {
      this.#tellNamed = resolve;
    });
    return this.#named;
  }
}

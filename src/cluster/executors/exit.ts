/**
 * The way that what an attempt sends takes to its session's home.
 *
 *   N1  What leaves is in the order of the calls. While the exit is shut nothing leaves; `whenOpen` tells when to try again.
 */
import type { FromThread } from '../../actors/protocol/executor.ts';
import type { Ref } from '../../storage/object.ts';
import type { Answer, ThreadServices } from './services.ts';

/** An object as its function sent it. */
export type Leaving = Omit<Extract<FromThread, { kind: 'objectSent' }>, 'kind' | keyof AttemptName>;

/** What names an attempt to the scheduler. */
export interface AttemptName {
  readonly invocation: number;
  readonly attempt: number;
}

/** A question to the scheduler, as soon as its number and its asker's name are known. */
export type Question = (request: number, name: AttemptName) => FromThread;

export interface Exit {
  isOpen(): boolean;
  whenOpen(): Promise<void>;
  /** False: it has not left, and the exit is shut. */
  object(object: Leaving): boolean;
  output(ordinal: number, ref: Ref): boolean;
  ask(question: Question): Promise<Answer>;
}

/** To the scheduler, as messages. Shut while the node is far behind with what the thread has sent. */
export class NodeExit implements Exit {
  readonly name: AttemptName;
  readonly #services: ThreadServices;

  constructor(services: ThreadServices, { invocation, attempt }: AttemptName) {
    this.#services = services;
    this.name = { invocation, attempt };
  }

  isOpen(): boolean {
    return !this.#services.isCongested();
  }

  whenOpen(): Promise<void> {
    return this.#services.hasRoom();
  }

  object(object: Leaving): boolean {
    const { invocation, attempt } = this.name;
    const { bucket, key, ordinal, group, delayMs, ref } = object;
    this.#services.node.send('scheduler', { kind: 'objectSent', invocation, attempt, bucket, key, ordinal, group, delayMs, ref });
    return true;
  }

  output(ordinal: number, ref: Ref): boolean {
    this.#services.node.send('scheduler', { kind: 'outputSent', ...this.name, ordinal, ref });
    return true;
  }

  ask(question: Question): Promise<Answer> {
    return this.#services.ask((request) => question(request, this.name));
  }
}

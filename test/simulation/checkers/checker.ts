/** A checker watches a world and complains when an invariant of the system is broken. Each has a file, and a test that breaks it. */
import type { WorldEvent } from '../events.ts';
import type { World } from '../world.ts';

export interface Checker {
  readonly name: string;
  see(event: WorldEvent, world: World): void;
  /** All has ended. */
  end?(world: World): void;
}

export class Complaint extends Error {
  readonly checker: string;

  constructor(checker: string, text: string) {
    super(`${checker}: ${text}`);
    this.name = 'Complaint';
    this.checker = checker;
  }
}

/** Throws unless `isTrue`. */
export function insist(isTrue: boolean, checker: { readonly name: string }, text: () => string): asserts isTrue {
  if (!isTrue) throw new Complaint(checker.name, text());
}

/** A checker watches a world and complains when an invariant of the system is broken. Each has a file, and a test that breaks it. */
import type { WorldEvent } from '../events.ts';
import type { World } from '../world.ts';

/** `W`: what it looks at beside events; of a cluster, worlds have such a part per worker. */
export interface Checker<W = World> {
  readonly name: string;
  see(event: WorldEvent, world: W): void;
  /** All has ended. */
  end?(world: W): void;
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

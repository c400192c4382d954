/** What is read is what was written, at the start of an attempt and at its end, and it is the same object at both. */
import type { WorldEvent } from '../events.ts';
import { type Checker, insist } from './checker.ts';

export class BytesAsWritten implements Checker {
  readonly name = 'bytes as written';
  readonly #found = new WeakMap<object, number>();

  see(event: WorldEvent): void {
    if (event.kind === 'outputRead') {
      const { session, index, found } = event;
      insist(typeof found === 'number', this, () => `output ${index} of session ${session} ${found}`);
    }
    if (event.kind !== 'read') return;
    const { by, when, input, found } = event;
    insist(typeof found === 'number', this, () => `${by} reads ${input.key} at its ${when}: it ${found}`);
    const before = this.#found.get(input) ?? found;
    insist(before === found, this, () => `${by} reads ${input.key}: object ${before} at its start, object ${found} at its end`);
    this.#found.set(input, found);
  }
}

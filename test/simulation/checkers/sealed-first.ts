/** An object is readable only once it is sealed, and as long as somebody holds it: no message that names a block goes out before or after. */
import type { WorldEvent } from '../events.ts';
import { type Checker, insist } from './checker.ts';
import { readableRefs } from './refs.ts';

export class SealedFirst implements Checker {
  readonly name = 'sealed first';
  readonly #blocks = new Map<number, 'granted' | 'sealed'>();

  see(event: WorldEvent): void {
    if (event.kind === 'block') this.#note(event);
    if (event.kind !== 'left') return;
    for (const { offset } of readableRefs(event.message)) {
      if (offset < 0) continue;
      insist(
        this.#blocks.get(offset) === 'sealed',
        this,
        () => `${event.message.kind} to ${event.to} names offset ${offset}, which is ${this.#blocks.get(offset) ?? 'free'}`,
      );
    }
  }

  #note({ what, offset }: Extract<WorldEvent, { kind: 'block' }>): void {
    if (what === 'granted') this.#blocks.set(offset, 'granted');
    if (what === 'adopted') this.#blocks.set(offset, 'sealed');
    if (what === 'freed') this.#blocks.delete(offset);
  }
}

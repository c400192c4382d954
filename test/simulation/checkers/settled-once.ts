/** Each request of the user is settled exactly once. */
import type { WorldEvent } from '../events.ts';
import { type Checker, insist } from './checker.ts';

export class SettledOnce implements Checker {
  readonly name = 'settled once';
  readonly #open = new Map<number, string>();

  see(event: WorldEvent): void {
    if (event.kind === 'asked') {
      const { command } = event;
      this.#open.set(event.request, command.kind === 'ask' ? command.question.kind : command.kind);
    }
    if (event.kind !== 'settled') return;
    insist(this.#open.delete(event.request), this, () => `request ${event.request} is settled again, with ${event.reply.kind}`);
  }

  end(): void {
    const [left] = this.#open;
    insist(!left, this, () => `request ${left?.[0]} (${left?.[1]}) was never settled`);
  }
}

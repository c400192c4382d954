/**
 * An object is readable only once it is sealed, and as long as somebody holds it: no message that names a block goes out before or after.
 * But what a lodger has asked for may be free when the answer leaves, if its session ends in the same step: then nobody reads it.
 */
import type { WorldEvent } from '../events.ts';
import { type Checker, insist } from './checker.ts';
import { readableRefs } from './refs.ts';

export class SealedFirst implements Checker {
  readonly name = 'sealed first';
  readonly #blocks = new Map<number, 'granted' | 'sealed'>();
  /** Of this step: sessions that have ended, and answers to lodgers that name a block which is free, by session. */
  readonly #ended = new Set<string>();
  readonly #unread = new Map<string, string>();

  see(event: WorldEvent): void {
    if (event.kind === 'block') this.#note(event);
    if (event.kind === 'stepped') this.#endStep();
    if (event.kind === 'handled' && event.message.kind === 'sessionClosed') this.#ended.add(event.message.summary.id);
    if (event.kind !== 'left') return;
    const { to, message } = event;
    for (const { offset } of readableRefs(message)) {
      const state = offset < 0 ? 'sealed' : (this.#blocks.get(offset) ?? 'free');
      if (state === 'sealed') continue;
      const complaint = `${message.kind} to ${to} names offset ${offset}, which is ${state}`;
      if (message.kind === 'lodgerAnswer' && state === 'free') this.#unread.set(message.session, complaint);
      else insist(false, this, () => complaint);
    }
  }

  #note({ what, offset }: Extract<WorldEvent, { kind: 'block' }>): void {
    if (what === 'granted') this.#blocks.set(offset, 'granted');
    if (what === 'adopted') this.#blocks.set(offset, 'sealed');
    if (what === 'freed') this.#blocks.delete(offset);
  }

  #endStep(): void {
    for (const [session, complaint] of this.#unread) insist(this.#ended.has(session), this, () => complaint);
    this.#unread.clear();
    this.#ended.clear();
  }
}

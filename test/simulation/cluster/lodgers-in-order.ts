/** What a home says about an attempt that lodges elsewhere is heard there in that order: nobody is told to stop what has not come yet. */
import { insist } from '../checkers/checker.ts';
import type { WorldEvent } from '../events.ts';

export class LodgersInOrder {
  readonly name = 'lodgers in order';
  /** By host, home and attempt: what was said, and not yet heard. */
  readonly #said = new Map<string, string[]>();

  see(event: WorldEvent, worker: { readonly name: string }): void {
    if (event.kind !== 'left' && event.kind !== 'handled') return;
    const { message } = event;
    if (message.kind !== 'lodge' && message.kind !== 'unlodge' && message.kind !== 'lodgerAnswer') return;
    const { kind, home, invocation, attempt } = message;
    const host = event.kind === 'left' ? event.to : `${event.to}@${worker.name}`;
    const id = `attempt ${attempt} of invocation ${invocation} of ${home}, at ${host}`;
    const said = this.#said.get(id) ?? [];
    if (event.kind === 'left') {
      this.#said.set(id, said);
      said.push(kind);
      return;
    }
    const first = said.shift();
    if (said.length === 0) this.#said.delete(id);
    insist(first === kind, this, () => `${id}: ${kind} is heard before ${first ?? 'it was said'}`);
  }

  /** `dead`: what was said to these, or by them, may not be heard. */
  end(dead: readonly string[]): void {
    const left = [...this.#said].find(([id]) => !dead.some((name) => id.includes(`@${name}`)));
    insist(!left, this, () => `${left?.[0]}: ${left?.[1].join(', ')} was never heard`);
  }
}

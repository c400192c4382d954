/** Sessions of countable apps that ended well had exactly the invocations and outputs that can be counted without running them. */
import { type Countable, countApp } from '../countable-app.ts';
import type { WorldEvent } from '../events.ts';
import type { World } from '../world.ts';
import { type Checker, insist } from './checker.ts';

export class Reference implements Checker<Pick<World, 'script'>> {
  readonly name = 'reference';
  /** Sessions compared, in all worlds that this checker has seen. */
  compared = 0;
  readonly #entries = new Map<string, readonly Countable[]>();

  see(event: WorldEvent, world: Pick<World, 'script'>): void {
    if (event.kind === 'soloCalled') this.#entries.set(event.session, event.entries);
    if (event.kind !== 'handled' || event.host !== 'node') return;
    const { message } = event;
    if (message.kind === 'startSession') this.#entries.set(message.spec.id, message.spec.entries);
    // Batches and groups are in rounds then, which depend on when it comes.
    if (message.kind === 'putIntoSession') this.#entries.delete(message.session);
    if (message.kind !== 'sessionClosed' || message.summary.state !== 'ended') return;
    const { id, app: name, history } = message.summary;
    const app = world.script.countable.find(({ definition }) => definition.name === name);
    const entries = this.#entries.get(id);
    if (!app || !entries) return;
    this.compared++;
    const { invocations, outputs } = countApp(app, entries);
    const made = new Map(history.functions.map((fn) => [fn.function, fn.invocations]));
    for (const { name: fn } of app.definition.functions) {
      insist(
        made.get(fn) === invocations.get(fn),
        this,
        () => `session ${id}: ${made.get(fn) ?? 0} invocations of ${fn}, must be ${invocations.get(fn) ?? 0}`,
      );
    }
    insist(history.outputs === outputs, this, () => `session ${id}: ${history.outputs} outputs, must be ${outputs}`);
  }
}

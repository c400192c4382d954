/**
 * A session ends by itself only when nothing of it is live: each of its invocations has returned, unless a redundant trigger
 * stopped it or counts its loss, and no object of it is held back.
 */
import type { WorldEvent } from '../events.ts';
import type { World } from '../world.ts';
import { type Checker, insist } from './checker.ts';

interface Row {
  firings: number;
  returned: number;
  readonly held: Set<number>;
  hasRedundant: boolean;
}

export class EndsQuiet implements Checker<Pick<World, 'scheduler'>> {
  readonly name = 'ends quiet';
  readonly #rows = new Map<string, Row>();
  readonly #sessionOf = new Map<number, string>();
  readonly #returned = new Set<number>();

  see(event: WorldEvent, world: Pick<World, 'scheduler'>): void {
    if (event.kind === 'left' && event.message.kind === 'lodge') this.#sessionOf.set(event.message.invocation, event.message.session);
    if (event.kind !== 'handled' || event.host !== 'node') return;
    const { message } = event;
    if (message.kind === 'startSession') {
      const app = world.scheduler.apps.get(message.spec.app)?.get(message.revision);
      const hasRedundant = app?.table.triggers.some(({ primitive }) => primitive === 'redundant') ?? false;
      this.#rows.set(message.spec.id, { firings: message.firing ? 1 : 0, returned: 0, held: new Set(), hasRedundant });
    }
    if (message.kind === 'adoptSession') {
      const returned = message.begun.length - (message.executor === -1 ? 0 : 1);
      this.#rows.set(message.session, { firings: 0, returned: Math.max(0, returned), held: new Set(), hasRedundant: false });
    }
    if (message.kind === 'soloAdopted') {
      const session = world.scheduler.invocations.get(message.invocation)?.session.spec.id;
      if (session !== undefined) this.#sessionOf.set(message.invocation, session);
    }
    if (message.kind === 'bucketStepped' && event.to === 'scheduler') {
      const row = this.#rows.get(world.scheduler.sessions.get(message.session)?.spec.id ?? '');
      if (row) row.firings += message.firings.length;
    }
    if (message.kind === 'invoke') this.#sessionOf.set(message.run.invocation, message.run.session);
    const isEnd = message.kind === 'attemptEnded' || message.kind === 'lodgerEnded';
    if (isEnd && message.outcome.kind === 'returned') this.#return(message.invocation);
    if (message.kind === 'sessionClosed' && message.summary.state === 'ended') this.#end(message.summary.id);
  }

  /** A rerun may return several times. */
  #return(invocation: number): void {
    const row = this.#rows.get(this.#sessionOf.get(invocation) ?? '');
    if (!row || this.#returned.has(invocation)) return;
    this.#returned.add(invocation);
    row.returned++;
  }

  #end(id: string): void {
    const row = this.#rows.get(id);
    if (!row || row.hasRedundant) return;
    insist(
      row.returned === row.firings,
      this,
      () => `session ${id} ended, but of its ${row.firings} invocations ${row.returned} have returned`,
    );
  }
}

/** Nothing hangs: a session that waits for nobody outside ends long before its deadline, unless its user has given it a shorter one. */
import type { SchedulerState } from '../../../src/actors/scheduler/state.ts';
import { type Checker, insist } from '../checkers/checker.ts';
import type { WorldEvent } from '../events.ts';

export class EndsInTime implements Checker<{ readonly scheduler: SchedulerState }> {
  readonly name = 'ends in time';
  /** Sessions that have the deadline of all. */
  readonly #sessions = new Set<string>();

  see(event: WorldEvent, { scheduler }: { readonly scheduler: SchedulerState }): void {
    if (event.kind === 'handled' && event.message.kind === 'startSession') {
      const { spec, revision } = event.message;
      const isExternal = scheduler.apps.get(spec.app)?.get(revision)?.table.hasExternalBucket ?? false;
      if (!isExternal && spec.deadlineMs === null) this.#sessions.add(spec.id);
    }
    if (event.kind !== 'left' || event.message.kind !== 'sessionClosed') return;
    const { id, app, error } = event.message.summary;
    const isOwn = this.#sessions.delete(id);
    insist(!isOwn || error?.code !== 'DeadlineExceeded', this, () => `session ${id} of ${app} has not ended by itself`);
  }
}

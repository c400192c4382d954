/**
 * `dynamicGroup` fires only when its sources are finished: when it is told so, no invocation of a source is live, and nothing that
 * is live or held back can lead to one by what functions declare to send, and may announce.
 */
import type { AppTable } from '../../../src/actors/app.ts';
import type { WorldEvent } from '../events.ts';
import type { World } from '../world.ts';
import { type Checker, insist } from './checker.ts';

export class GroupWaits implements Checker<Pick<World, 'scheduler'>> {
  readonly name = 'group waits';

  see(event: WorldEvent, world: Pick<World, 'scheduler'>): void {
    if (event.kind !== 'handled' || event.message.kind !== 'sourcesDone') return;
    const { session: number, trigger: index } = event.message;
    const session = world.scheduler.sessions.get(number);
    const trigger = session?.table.triggers[index];
    if (!session || !trigger) return;
    const { table } = session;
    for (const { fn, place } of session.invocations) {
      insist(
        !leadsTo(table, fn.name, trigger.traits.sources),
        this,
        () => `${trigger.name} is told that its sources are finished while ${fn.name} is ${place}`,
      );
    }
    for (const object of session.delayed) {
      const started = startedBy(table, table.buckets[object.bucket]?.name ?? '');
      insist(
        !started.some((fn) => leadsTo(table, fn, trigger.traits.sources)),
        this,
        () => `${trigger.name} is told that its sources are finished while an object is held back`,
      );
    }
  }
}

function leadsTo(table: AppTable, from: string, sources: readonly string[]): boolean {
  const seen = new Set([from]);
  for (const fn of seen) {
    if (sources.includes(fn)) return true;
    const sends = table.functionByName.get(fn)?.sends ?? table.buckets.map(({ name }) => name);
    for (const bucket of sends) for (const next of startedBy(table, bucket)) seen.add(next);
    // It may announce any join, also where it does not send.
    for (const { traits, function: next } of table.triggers) if (traits.isAnnounced) seen.add(next);
  }
  return false;
}

function startedBy(table: AppTable, bucket: string): readonly string[] {
  return table.triggers
    .filter((trigger) => trigger.bucket === bucket && trigger.traits.scope === 'session')
    .map((trigger) => trigger.function);
}

/**
 * Without an open session no bucket keeps a session's state; when all has ended and every app is gone, there is no row, no timer
 * and no thread left.
 */
import { countOpen } from '../../../src/actors/scheduler/sleep.ts';
import type { WorldEvent } from '../events.ts';
import type { World } from '../world.ts';
import { type Checker, insist } from './checker.ts';

export class NothingLeft implements Checker {
  readonly name = 'nothing left';

  see(event: WorldEvent, { scheduler, buckets, node }: World): void {
    if (event.kind !== 'stepped' || countOpen(scheduler) > 0) return;
    for (const [address, { scope, sessions, resting }] of buckets) {
      const kept = sessions.size + resting.size;
      if (scope === 'app' || kept === 0 || node.host.placeOf(address) === null) continue;
      insist(false, this, () => `${address} keeps the state of ${kept} sessions, and none is open`);
    }
  }

  end(world: World): void {
    for (const [what, count] of Object.entries(leftIn(world))) insist(count === 0, this, () => `${count} ${what} left at the end`);
    insist(world.isStopped, this, () => 'the node has not stopped');
  }
}

function leftIn({ scheduler, coordinator, client, nodeTimers, ends, threads, solo }: World): Readonly<Record<string, number>> {
  return {
    'sessions of the scheduler': scheduler.sessions.size + scheduler.sessionById.size + scheduler.asleep.size,
    deadlines: scheduler.deadlines.size,
    invocations: scheduler.invocations.size,
    'queued invocations': scheduler.queue.length,
    'objects of app-scoped triggers at the scheduler': scheduler.appObjects.size,
    'apps of the scheduler': scheduler.apps.size,
    executors: scheduler.executors.size,
    'sessions of the coordinator': coordinator.sessions.size + coordinator.waiting.size,
    'objects of app-scoped triggers at the coordinator': coordinator.objects.size,
    'apps of the coordinator': coordinator.apps.size,
    'questions of the client': client.state.waiting.size + client.state.asked.size,
    'open sessions of the client': client.state.openSessions,
    'timers of the node': nodeTimers.running,
    'timers of the client': client.timers.running,
    'timers of links': ends.client.timers.running + ends.node.timers.running,
    'frames on links': ends.client.link.load.held + ends.node.link.load.held,
    threads: threads.alive,
    'solo sessions': solo ? solo.table.slotsTaken : 0,
    'slabs of journals': solo ? solo.table.slabsTaken : 0,
  };
}

/** Queues keep their bounds: the mailbox in one run, both links, admission, open sessions, changes of apps, and the ready queue. */
import type { WorldEvent } from '../events.ts';
import type { World } from '../world.ts';
import { type Checker, insist } from './checker.ts';

/** What comes at once leads to fewer messages than these, at the sizes of simulated worlds. */
const mailboxMessagesMax = 100_000;

export class Bounds implements Checker {
  readonly name = 'bounds';
  #messages = 0;

  see(event: WorldEvent, world: World): void {
    if (event.kind === 'handled') {
      this.#messages++;
      insist(this.#messages <= mailboxMessagesMax, this, () => `more than ${mailboxMessagesMax} messages in one run of the mailbox`);
    }
    if (event.kind !== 'stepped') return;
    this.#messages = 0;
    this.#checkLinks(world);
    this.#checkCoordinator(world);
    this.#checkQueue(world);
  }

  #checkLinks({ ends }: World): void {
    for (const [name, { link }] of Object.entries(ends)) {
      const { held, underWay, early } = link.load;
      insist(
        underWay <= 256 && early <= 256 && held <= 4_096,
        this,
        () => `the link of the ${name} holds ${held} frames, ${underWay} under way, ${early} early`,
      );
    }
  }

  #checkCoordinator({ coordinator, config }: World): void {
    const { sessions, waiting, apps } = coordinator;
    insist(
      waiting.size <= config.admissionsWaitingMax,
      this,
      () => `${waiting.size} sessions wait for admission (admissionsWaitingMax ${config.admissionsWaitingMax})`,
    );
    const own = [...sessions.values()].filter((row) => row.worker !== null && row.spec.admitTimeoutMs > 0).length;
    insist(own <= config.sessionsOpenMax, this, () => `${own} sessions are open (sessionsOpenMax ${config.sessionsOpenMax})`);
    for (const app of apps.values()) {
      insist(
        app.waiting.length <= config.appChangesWaitingMax,
        this,
        () => `${app.waiting.length} changes of app ${app.name} wait (appChangesWaitingMax ${config.appChangesWaitingMax})`,
      );
    }
  }

  #checkQueue({ scheduler }: World): void {
    let queued = 0;
    for (const { place } of scheduler.invocations.values()) if (place === 'queued') queued++;
    insist(
      scheduler.queue.length === queued,
      this,
      () => `the ready queue counts ${scheduler.queue.length} invocations, and ${queued} are queued`,
    );
    for (const { number, running } of scheduler.executors.values()) {
      const held = [...scheduler.invocations.values()].filter((one) => one.held && one.executor === number).length;
      insist(running === held, this, () => `executor ${number} counts ${running} attempts, and has ${held}`);
    }
  }
}

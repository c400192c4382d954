/** Queues keep their bounds: the mailbox in one run, both links, admission, open sessions, changes of apps, and the ready queue. */
import type { CoordinatorState } from '../../../src/actors/coordinator/state.ts';
import type { SchedulerState } from '../../../src/actors/scheduler/state.ts';
import type { Config } from '../../../src/cluster/config.ts';
import type { Link } from '../../../src/cluster/link/link.ts';
import type { WorldEvent } from '../events.ts';
import type { World } from '../world.ts';
import { type Checker, insist } from './checker.ts';

/** What comes at once leads to fewer messages than these, at the sizes of simulated worlds. */
const mailboxMessagesMax = 100_000;

type Named = Pick<Checker, 'name'>;

export class Bounds implements Checker {
  readonly name = 'bounds';
  #messages = 0;
  readonly #opened = new Set<string>();

  see(event: WorldEvent, { ends, coordinator, config, scheduler }: World): void {
    if (event.kind === 'handled') {
      if (event.message.kind === 'openSession') this.#opened.add(event.message.spec.id);
      this.#messages++;
      insist(this.#messages <= mailboxMessagesMax, this, () => `more than ${mailboxMessagesMax} messages in one run of the mailbox`);
    }
    if (event.kind !== 'stepped') return;
    this.#messages = 0;
    for (const [name, { link }] of Object.entries(ends)) checkLink(this, name, link);
    checkAdmission(this, coordinator, config, this.#opened);
    checkQueue(this, scheduler);
  }
}

export function checkLink(checker: Named, name: string, { load }: Link): void {
  const { held, underWay, early } = load;
  insist(
    underWay <= 256 && early <= 256 && held <= 4_096,
    checker,
    () => `the link of the ${name} holds ${held} frames, ${underWay} under way, ${early} early`,
  );
}

/** `opened`: what clients have asked it to open; triggers open sessions, too, and some have run solo. */
export function checkAdmission(
  checker: Named,
  { sessions, waiting, apps }: CoordinatorState,
  config: Config,
  opened: ReadonlySet<string>,
): void {
  insist(
    waiting.size <= config.admissionsWaitingMax,
    checker,
    () => `${waiting.size} sessions wait for admission (admissionsWaitingMax ${config.admissionsWaitingMax})`,
  );
  const own = [...sessions].filter(([id, { worker }]) => worker !== null && opened.has(id)).length;
  insist(own <= config.sessionsOpenMax, checker, () => `${own} sessions are open (sessionsOpenMax ${config.sessionsOpenMax})`);
  for (const app of apps.values()) {
    insist(
      app.waiting.length <= config.appChangesWaitingMax,
      checker,
      () => `${app.waiting.length} changes of app ${app.name} wait (appChangesWaitingMax ${config.appChangesWaitingMax})`,
    );
  }
}

export function checkQueue(checker: Named, { invocations, queue, executors }: SchedulerState): void {
  let queued = 0;
  for (const { place } of invocations.values()) if (place === 'queued') queued++;
  insist(queue.length === queued, checker, () => `the ready queue counts ${queue.length} invocations, and ${queued} are queued`);
  for (const { number, running } of executors.values()) {
    const held = [...invocations.values()].filter((one) => one.held && one.executor === number).length;
    insist(running === held, checker, () => `executor ${number} counts ${running} attempts, and has ${held}`);
  }
}

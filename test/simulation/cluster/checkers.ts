/**
 * The checkers of simulated clusters: those of simulated worlds, each for the part that it is about, and what is new.
 *
 * For its checkers a worker is a node whose coordinator handles at once what it is told.
 */
import { countOpen, isOpen } from '../../../src/actors/scheduler/sleep.ts';
import { BytesAsWritten } from '../checkers/bytes-as-written.ts';
import { checkAdmission, checkLink, checkQueue } from '../checkers/bounds.ts';
import { type Checker, insist } from '../checkers/checker.ts';
import { EndsOnce } from '../checkers/ends-once.ts';
import { EndsQuiet } from '../checkers/ends-quiet.ts';
import { FiresOnce } from '../checkers/fires-once.ts';
import { GroupWaits } from '../checkers/group-waits.ts';
import { InputsPinned } from '../checkers/inputs-pinned.ts';
import { ProducerOrder } from '../checkers/producer-order.ts';
import { Reference } from '../checkers/reference.ts';
import { SealedFirst } from '../checkers/sealed-first.ts';
import { SettledOnce } from '../checkers/settled-once.ts';
import { StoreEmpty } from '../checkers/store-empty.ts';
import type { WorldEvent } from '../events.ts';
import type { ClusterClient } from './client.ts';
import { InOrder } from './in-order.ts';
import { EndsInTime } from './ends-in-time.ts';
import { LodgersInOrder } from './lodgers-in-order.ts';
import type { SimulatedCoordinator } from './coordinator.ts';
import type { SimulatedWorker } from './worker.ts';
import type { ClusterWorld } from './world.ts';

export type Process = SimulatedWorker | SimulatedCoordinator | ClusterClient;

export class ClusterCheckers {
  /** Sessions whose outcome was compared. */
  readonly reference = new Reference();
  readonly #endsOnce = new EndsOnce();
  readonly #everywhere: readonly Checker<Pick<ClusterWorld, 'config' | 'script'>>[] = [
    new BytesAsWritten(),
    this.#endsOnce,
    this.reference,
  ];
  /** Sessions by their homes. */
  readonly #homed = new Map<SimulatedWorker, Set<string>>();
  readonly #order = new ProducerOrder();
  readonly #lodgers = new LodgersInOrder();
  readonly inOrder = new InOrder();
  readonly #workers = new Map<SimulatedWorker, WorkerCheckers>();
  readonly #coordinators = new Map<SimulatedCoordinator, FiresOnce>();
  readonly #clients = new Map<ClusterClient, SettledOnce>();
  readonly #touched = new Set<Process>();
  /** By clients. */
  readonly #opened = new Set<string>();

  see(event: WorldEvent, process: Process, world: ClusterWorld): void {
    if (process.process.isDead) return;
    if (process.role === 'worker' && event.kind === 'handled' && event.message.kind === 'startSession')
      made(this.#homed, process, () => new Set<string>()).add(event.message.spec.id);
    if (event.kind === 'handled' && event.message.kind === 'openSession') this.#opened.add(event.message.spec.id);
    this.#touched.add(process);
    for (const checker of this.#everywhere) checker.see(event, world);
    if (process.role === 'client') return made(this.#clients, process, () => new SettledOnce()).see(event);
    if (process.role === 'worker') {
      this.#order.see(event, process);
      this.#lodgers.see(event, process);
      return made(this.#workers, process, () => new WorkerCheckers()).see(event, process, world);
    }
    this.#order.see(event, { scheduler: null });
    // Of an invocation's attempts, and of sessions, it is not told; of the firings of its buckets it is.
    if (event.kind === 'handled' && event.message.kind === 'bucketStepped')
      made(this.#coordinators, process, () => new FiresOnce()).see(event, { scheduler: null, clock: world.clock });
  }

  died(worker: SimulatedWorker): void {
    for (const id of this.#homed.get(worker) ?? []) this.#endsOnce.homeGone(id, isOpen(worker.scheduler, id));
  }

  /** Something has happened, and all that followed from it at once. */
  stepped(world: ClusterWorld): void {
    const checker = { name: 'bounds' };
    for (const process of this.#touched) {
      if (process.role === 'worker') {
        checkQueue(checker, process.scheduler);
        this.#workers.get(process)?.stepped(process);
        checkBuckets(process);
      }
      if (process.role === 'coordinator') checkAdmission(checker, process.state, world.config, this.#opened);
    }
    this.#touched.clear();
  }

  /** Users have all their answers, but of sessions whose home died when they were over: that they were, their clients may never hear. */
  converged({ users, clients, workers }: ClusterWorld): void {
    const dead = workers.filter(({ isDead }) => isDead);
    for (const [i, { open }] of users.entries()) {
      const waiting = [...(clients[i]?.state.waiting.values() ?? [])];
      const forgotten = waiting.filter(({ id }) => dead.some((worker) => this.#homed.get(worker)?.has(id)));
      insist(open <= forgotten.length, { name: 'all answered' }, () => `user ${i + 1} waits for ${open} answers`);
    }
  }

  checkLinks(world: ClusterWorld): void {
    for (const [name, { end }] of world.network.ways) checkLink({ name: 'bounds' }, name, end.link);
  }

  /** All has ended. */
  end(world: ClusterWorld): void {
    for (const checker of this.#everywhere) checker.end?.(world);
    for (const [worker, checkers] of this.#workers) if (!worker.isDead) checkers.end(worker, world);
    for (const checker of this.#clients.values()) checker.end();
    this.#lodgers.end(world.workers.filter(({ isDead }) => isDead).map(({ name }) => name));
    for (const process of world.processes.filter(({ process }) => !process.isDead))
      for (const [what, count] of Object.entries(leftIn(process)))
        insist(count === 0, { name: 'nothing left' }, () => `${count} ${what} of ${process.name} left at the end`);
    for (const [name, { end }] of world.network.ways)
      insist(
        end.timers.running === 0 && end.link.load.held === 0,
        { name: 'nothing left' },
        () => `the link ${name} has ${end.timers.running} timers and ${end.link.load.held} frames at the end`,
      );
  }
}

class WorkerCheckers {
  readonly #firesOnce = new FiresOnce();
  readonly #storeEmpty = new StoreEmpty();
  readonly #endsInTime = new EndsInTime();
  readonly #checkers: readonly Checker<Pick<SimulatedWorker, 'scheduler'>>[] = [
    new SealedFirst(),
    new InputsPinned(),
    new EndsQuiet(),
    new GroupWaits(),
  ];

  see(event: WorldEvent, worker: SimulatedWorker, world: ClusterWorld): void {
    const closed = event.kind === 'left' && event.message.kind === 'sessionClosed' ? event.message : null;
    const told: WorldEvent = closed ? { kind: 'handled', host: 'node', to: 'coordinator', place: 'serving', message: closed } : event;
    for (const checker of this.#checkers) checker.see(told, worker);
    this.#endsInTime.see(event, { name: worker.name, scheduler: worker.scheduler, nowMs: world.clock.nowMs, others: world.living });
    this.#firesOnce.see(told, { scheduler: worker.scheduler, clock: world.clock });
    this.#storeEmpty.see(told);
  }

  stepped(worker: SimulatedWorker): void {
    for (const checker of this.#checkers) checker.see({ kind: 'stepped' }, worker);
  }

  end(worker: SimulatedWorker, world: ClusterWorld): void {
    this.#firesOnce.end({ scheduler: worker.scheduler, clock: world.clock });
    this.#storeEmpty.end(worker);
    worker.node.store.assertEmpty();
    insist(worker.isStopped, { name: 'nothing left' }, () => `${worker.name} has not stopped`);
  }
}

function made<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}

/** Without an open session no bucket keeps a session's state. */
function checkBuckets({ name, scheduler, buckets, node }: SimulatedWorker): void {
  if (countOpen(scheduler) > 0) return;
  for (const [address, { sessions, resting }] of buckets)
    insist(
      sessions.size + resting.size === 0 || node.host.placeOf(address) === null,
      { name: 'nothing left' },
      () => `${address} of ${name} keeps the state of ${sessions.size + resting.size} sessions, and none is open`,
    );
}

function leftIn(process: Process): Readonly<Record<string, number>> {
  const timers = { timers: process.process.timers.running, 'timers of the registry': process.process.registryTimers.running };
  if (process.role === 'worker') return { ...timers, ...leftInWorker(process) };
  if (process.role === 'client') {
    const { waiting, asked, openSessions } = process.state;
    const { valuesHeld, messagesHeld } = process;
    return {
      ...timers,
      questions: waiting.size + asked.size,
      'open sessions': openSessions,
      values: valuesHeld,
      'held messages': messagesHeld,
    };
  }
  const { sessions, waiting, objects, apps, homeless, placement } = process.state;
  return {
    ...timers,
    sessions: sessions.size + waiting.size + homeless.length,
    'objects of app-scoped triggers': objects.size,
    apps: apps.size,
    'questions for places': placement.asked.length + placement.awaited.size,
  };
}

function leftInWorker({ scheduler, threads }: SimulatedWorker): Readonly<Record<string, number>> {
  const { sessions, sessionById, asleep, deadlines, invocations, queue, appObjects, apps, executors, cluster } = scheduler;
  return {
    sessions: sessions.size + sessionById.size + asleep.size,
    deadlines: deadlines.size,
    invocations: invocations.size,
    'queued invocations': queue.length,
    'objects of app-scoped triggers': appObjects.size,
    apps: apps.size,
    executors: executors.size,
    guests: cluster?.guests.size ?? 0,
    lodgers: cluster?.lodgers.size ?? 0,
    'objects on their way': cluster?.bringing.size ?? 0,
    threads: threads.alive,
  };
}

/** A coordinator of workers that the test names. */
import type { Effect } from '../../../src/actors/actor.ts';
import type { AppDefinition } from '../../../src/actors/app.ts';
import { coordinatorHandlers } from '../../../src/actors/coordinator/handlers.ts';
import { coordinatorMachine } from '../../../src/actors/coordinator/machine.ts';
import { type CoordinatorState, createCoordinator } from '../../../src/actors/coordinator/state.ts';
import type { CoordinatorMessage } from '../../../src/actors/protocol/coordinator.ts';
import { errorData } from '../../../src/actors/protocol/error.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import type { SessionSpec } from '../../../src/actors/protocol/session.ts';
import type { Ref } from '../../../src/storage/object.ts';
import { ActorDriver } from './actor-driver.ts';
import { appOf, on } from './scheduler-driver.ts';

const limits = {
  sessionsOpenMax: 100,
  soloSessions: 0,
  admissionsWaitingMax: 100,
  admitTimeoutMs: 5_000,
  appChangesWaitingMax: 10,
  summariesBytesMax: 1e6,
  summaryAgeMsMax: 1e9,
};

export function specOf(id: string): SessionSpec {
  return {
    id,
    app: 'app',
    requestId: null,
    client: 'client',
    called: true,
    entries: [],
    expects: [],
    priority: 5,
    deadlineMs: null,
    admitTimeoutMs: 70,
    retryOf: null,
  };
}

export const single = appOf({ use: [] }, [on('in', 'immediate', null, 'use')]);
/** Two objects, of whatever sessions, make a session. */
export const batches = appOf({ use: [] }, [on('in', 'byBatchSize', { count: 2 }, 'use')]);

type Kind<K extends Message['kind']> = Extract<Message, { kind: K }>;

export class Coordinator extends ActorDriver<CoordinatorMessage, CoordinatorState> {
  /** What was sent, in order. */
  readonly sent: { readonly to: string; readonly message: Message }[] = [];

  constructor(sessionsOpenMax = limits.sessionsOpenMax, records: string | null = null) {
    super(
      coordinatorMachine,
      coordinatorHandlers,
      createCoordinator('coordinator', { ...limits, sessionsOpenMax }, [], () => 0.5, true, records),
    );
  }

  override tell(message: CoordinatorMessage): readonly Effect[] {
    const effects = super.tell(message);
    for (const effect of effects) if (effect.kind === 'send') this.sent.push(effect);
    return effects;
  }

  join(...workers: readonly string[]): void {
    for (const worker of workers) this.tell({ kind: 'workerJoined', worker });
  }

  leave(worker: string): void {
    this.tell({ kind: 'workerLeft', worker, reason: 'its lease has ended' });
  }

  register(definition: AppDefinition = single, request = 1): void {
    const bundle = { hash: 'h', code: '', content: '', module: definition.module };
    this.tell({ kind: 'registerApp', request, client: 'client', definition, bundle });
  }

  installed(revision: number, ...workers: readonly string[]): void {
    for (const worker of workers) this.tell({ kind: 'appInstalled', worker, install: 1, app: 'app', revision });
  }

  failed(revision: number, worker: string): void {
    const error = errorData('ModuleFailed', `not on ${worker}`);
    this.tell({ kind: 'appInstallFailed', worker, app: 'app', revision, error });
  }

  open(id: string, more: Partial<SessionSpec> = {}): void {
    this.tell({ kind: 'openSession', spec: { ...specOf(id), client: `client of ${id}`, ...more } });
  }

  close(id: string): void {
    const history = { objects: 0, outputs: 0, superseded: 0, late: 0, functions: [], linkedTo: [], retryOf: null };
    const summary = { id, app: 'app', revision: 1, state: 'ended', openedMs: 0, endedMs: 1, error: null, history } as const;
    this.tell({ kind: 'sessionClosed', summary });
  }

  /** An object of a session of that worker, for the triggers of all sessions; its id here. */
  object(worker: string, object: number, sizeBytes: number, isInline = false): number {
    const inline = isInline ? new Uint8Array(sizeBytes) : null;
    const remote = { node: worker.slice(worker.indexOf('@') + 1), incarnation: 1, offset: object * 64, serial: object };
    const ref: Ref = inline ? { encoding: 0, sizeBytes, inline, offset: -1 } : { encoding: 0, sizeBytes, inline, offset: -1, remote };
    const input = { key: `${object}`, group: null, session: `of ${worker}`, ref };
    const id = this.state.nextObject;
    this.tell({ kind: 'appObjectReady', worker, object, app: 'app', bucket: 'in', source: 0, sourceFunction: null, input });
    return id;
  }

  /** The bucket has taken the last object in, and fires with all of these. */
  fire(...inputs: readonly number[]): void {
    const admitted = inputs.at(-1) ?? -1;
    for (const id of inputs) if (id !== admitted) this.#step(id, []);
    this.#step(admitted, [{ trigger: 0, name: 'in-use', function: 'use', inputs }]);
  }

  /** Where sessions were started, in order. */
  get homes(): readonly string[] {
    return this.sent.flatMap(({ to, message }) => (message.kind === 'startSession' ? [to] : []));
  }

  /** What was sent of a kind, in order. */
  sentOf<K extends Message['kind']>(kind: K): readonly Kind<K>[] {
    return this.sent.flatMap(({ message }) => (message.kind === kind ? [message as Kind<K>] : []));
  }

  #step(admitted: number, firings: Kind<'bucketStepped'>['firings']): void {
    const step = { kind: 'bucketStepped', app: 'app', bucket: 'in', session: -1, answers: true, dropped: [], cancelled: [] } as const;
    this.tell({ ...step, admitted, holders: 1, firings, failed: null, joined: null, timed: [] });
  }
}

/** With these workers, all of which can run the app. */
export function serving(workers: readonly string[], definition: AppDefinition = single): Coordinator {
  const coordinator = new Coordinator();
  coordinator.join(...workers);
  coordinator.register(definition);
  coordinator.installed(1, ...workers);
  coordinator.sent.splice(0);
  return coordinator;
}

import test from 'ava';
import type { Effect } from '../../../src/actors/actor.ts';
import { coordinatorHandlers } from '../../../src/actors/coordinator/handlers.ts';
import { coordinatorMachine } from '../../../src/actors/coordinator/machine.ts';
import { type CoordinatorState, createCoordinator } from '../../../src/actors/coordinator/state.ts';
import type { AppDefinition } from '../../../src/actors/app.ts';
import type { CoordinatorMessage } from '../../../src/actors/protocol/coordinator.ts';
import type { SessionSpec } from '../../../src/actors/protocol/session.ts';
import { sessionIdText } from '../../../src/actors/protocol/session-id.ts';
import { ActorDriver } from './actor-driver.ts';
import { specOf } from './coordinator-workers-driver.ts';
import { appOf, on } from './scheduler-driver.ts';

const limits = {
  sessionsOpenMax: 2,
  soloSessions: 0,
  admissionsWaitingMax: 2,
  admitTimeoutMs: 3_000,
  appChangesWaitingMax: 2,
  summariesBytesMax: 1e6,
  summaryAgeMsMax: 1e6,
};
const definition = appOf({ use: [] }, [on('in', 'immediate', null, 'use')]);
const bundle = { hash: '', code: '', content: '', module: definition.module };

class Coordinator extends ActorDriver<CoordinatorMessage, CoordinatorState> {
  constructor() {
    super(
      coordinatorMachine,
      coordinatorHandlers,
      createCoordinator('coordinator', limits, ['scheduler'], () => 0.5),
    );
  }

  register(request: number, app: AppDefinition = definition): readonly Effect[] {
    return this.tell({ kind: 'registerApp', request, client: 'client', definition: app, bundle: { ...bundle, module: app.module } });
  }

  installed(revision = 1): readonly Effect[] {
    return this.tell({ kind: 'appInstalled', worker: 'scheduler', install: 1, app: 'app', revision });
  }

  open(id: string, more: Partial<SessionSpec> = {}): readonly Effect[] {
    return this.tell({ kind: 'openSession', spec: { ...specOf(id), ...more } });
  }

  close(id: string): readonly Effect[] {
    const history = { objects: 0, outputs: 0, superseded: 0, late: 0, functions: [], linkedTo: [], retryOf: null };
    return this.tell({
      kind: 'sessionClosed',
      summary: { id, app: 'app', revision: 1, state: 'ended', openedMs: 0, endedMs: 1, error: null, history },
    });
  }
}

function ready(): Coordinator {
  const coordinator = new Coordinator();
  coordinator.register(1);
  coordinator.installed();
  return coordinator;
}

/** Messages as `kind` or, for those about a session, `kind id`. */
function sent(effects: readonly Effect[]): string[] {
  return effects.flatMap((effect) => {
    if (effect.kind !== 'send') return [];
    const { message } = effect;
    if (message.kind === 'startSession') return [`startSession ${message.spec.id}`];
    if (message.kind === 'sessionRefused') return [`sessionRefused ${message.session} ${message.error.code}`];
    if (message.kind === 'requestRefused') return [`requestRefused ${message.request} ${message.error.code}`];
    if (message.kind === 'requestDone') return [`requestDone ${message.request}`];
    return 'session' in message ? [`${message.kind} ${String(message.session)}`] : [message.kind];
  });
}

const large = { bucket: 'in', key: 'k', group: null, ref: { encoding: 0, sizeBytes: 5_000, inline: null, offset: 64 } };

test('coordinator: C5: sessions beyond sessionsOpenMax wait, and are admitted in their order as others end', (t) => {
  const coordinator = ready();
  t.deepEqual(sent(coordinator.open('a')), ['startSession a']);
  coordinator.open('b');
  t.like(coordinator.open('c')[0], { kind: 'startTimer', afterMs: 70 });
  coordinator.open('d');
  t.deepEqual(sent(coordinator.open('e')), ['sessionRefused e Overloaded'], 'no more than admissionsWaitingMax wait');
  t.deepEqual(sent(coordinator.close('b')), ['startSession c']);
  t.deepEqual(sent(coordinator.close('a')), ['startSession d']);
});

test('coordinator: C5: nobody waits longer than the coordinator’s own limit, whatever its client would', (t) => {
  const coordinator = ready();
  coordinator.open('a');
  coordinator.open('b');
  const patient = { ...specOf('c'), admitTimeoutMs: 60_000 };
  t.like(coordinator.tell({ kind: 'openSession', spec: patient })[0], { kind: 'startTimer', afterMs: limits.admitTimeoutMs });
  const [refused] = coordinator.tell({ kind: 'admissionTimeoutReached', session: 'c' }).filter(({ kind }) => kind === 'send');
  t.regex(JSON.stringify(refused), /not admitted within 3000 ms/);
});

test('coordinator: C5: who waits too long is refused, once', (t) => {
  const coordinator = ready();
  for (const id of ['a', 'b', 'c']) coordinator.open(id);
  t.deepEqual(sent(coordinator.tell({ kind: 'admissionTimeoutReached', session: 'c' })), ['sessionRefused c Overloaded']);
  t.deepEqual(coordinator.tell({ kind: 'admissionTimeoutReached', session: 'c' }), []);
  t.deepEqual(sent(coordinator.close('a')), []);
});

test('coordinator: no session is admitted while no worker takes any', (t) => {
  const coordinator = ready();
  coordinator.tell({ kind: 'workerLoad', worker: 'scheduler', accepts: false });
  t.deepEqual(sent(coordinator.open('a')), []);
  t.deepEqual(sent(coordinator.tell({ kind: 'workerLoad', worker: 'scheduler', accepts: true })), ['startSession a']);
});

test('coordinator: who has started a session is told that it is open; who calls waits for what comes of it', (t) => {
  const coordinator = ready();
  t.deepEqual(sent(coordinator.open('a', { called: false })), ['startSession a', 'sessionOpened a']);
  t.deepEqual(sent(coordinator.open('b', { called: true })), ['startSession b']);
});

test('coordinator: C4: a session that is opened twice, or under a known id, joins the one there is', (t) => {
  const coordinator = ready();
  coordinator.open('a', { requestId: 'mine' });
  t.deepEqual(sent(coordinator.open('a', { requestId: 'mine' })), ['sessionOpened a']);
  t.like(coordinator.open('b', { requestId: 'mine' })[0], { message: { session: 'b', existing: 'a' } });
  t.is(coordinator.state.sessions.size, 1);
});

test('coordinator: C8: blocks of entries are held from the moment they are known until their session’s home has them', (t) => {
  const coordinator = ready();
  t.deepEqual(coordinator.open('a', { entries: [large] })[0], { kind: 'pin', offset: 64 });
  coordinator.open('b');
  t.deepEqual(coordinator.open('c', { entries: [large] })[0], { kind: 'pin', offset: 64 });
  const refused = coordinator.tell({ kind: 'cancelSession', request: 1, client: 'client', session: 'c', reason: '' });
  t.true(refused.some((effect) => effect.kind === 'release' && effect.offset === 64));
  t.false(coordinator.open('d', { app: 'nothing', entries: [large] }).some(({ kind }) => kind === 'pin'));
});

test('coordinator: a session that ran solo may be cancelled before its home says that it has it', (t) => {
  const coordinator = ready();
  const cancel = (session: string) =>
    sent(coordinator.tell({ kind: 'cancelSession', request: -1, client: 'client', session, reason: 'enough' }));
  const adopt = (id: string) => coordinator.tell({ kind: 'sessionAdopted', worker: 'scheduler', spec: specOf(id) });
  const idOf = (counter: number) => sessionIdText(1, 2, counter);
  t.deepEqual(cancel(idOf(1)), ['requestRefused -1 UnknownSession']);
  t.deepEqual(sent(adopt(idOf(2))), []);
  const stopped = adopt(idOf(1));
  t.deepEqual(sent(stopped), [`stopSession ${idOf(1)}`]);
  t.like(stopped.at(-1), { message: { error: { message: `session ${idOf(1)} was cancelled: its call was given up` } } });
  t.deepEqual(sent(coordinator.close(idOf(1))), []);
  t.is(coordinator.state.sessions.size, 1, 'it is one like any other');

  cancel('x'.repeat(1_000));
  t.is(coordinator.state.cancelledEarly.size, 0, 'no session will be called so');
  for (let i = 0; i < 2_000; i++) cancel(idOf(10 + i));
  t.is(coordinator.state.cancelledEarly.size, 1_024);
});

test('coordinator: a session that waited while its bucket was deleted is refused', (t) => {
  const coordinator = ready();
  coordinator.open('a');
  coordinator.open('b');
  coordinator.open('c', { entries: [large] });
  coordinator.register(2, appOf({ use: [] }, [on('other', 'immediate', null, 'use')]));
  coordinator.installed(2);
  const effects = coordinator.close('a');
  t.deepEqual(sent(effects), ['sessionRefused c UnknownBucket']);
  t.true(effects.some(({ kind }) => kind === 'release'));
});

test('coordinator: C2: changes that waited find what those before them have left, and each is answered', (t) => {
  const coordinator = new Coordinator();
  coordinator.register(1);
  coordinator.tell({ kind: 'unregisterApp', request: 2, client: 'client', app: 'app' });
  coordinator.register(3);
  t.deepEqual(sent(coordinator.register(4)), ['requestRefused 4 Overloaded']);
  t.deepEqual(
    sent(coordinator.installed()).filter((text) => text.startsWith('request')),
    ['requestDone 1', 'requestDone 2'],
  );
  t.true(sent(coordinator.installed(2)).includes('requestDone 3'), 'its revision is not 1 again');
});

test('coordinator: an app whose first installation fails does not keep its name from another module', (t) => {
  const coordinator = new Coordinator();
  coordinator.register(1);
  coordinator.register(2, { ...definition, module: 'file:///another' });
  const error = { code: 'ModuleFailed', message: '', retryable: false, detail: {}, thrown: null } as const;
  t.deepEqual(sent(coordinator.tell({ kind: 'appInstallFailed', worker: 'scheduler', app: 'app', revision: 1, error })), [
    'requestRefused 1 ModuleFailed',
    'installApp',
  ]);
});

test('coordinator: a firing whose function has gone meanwhile lets go of what it held', (t) => {
  const coordinator = new Coordinator();
  const batches = appOf({ use: [], other: [] }, [on('in', 'byBatchSize', { count: 1 }, 'use')]);
  coordinator.register(1, batches);
  coordinator.installed();
  const input = { key: 'k', group: null, session: 's', ref: large.ref };
  coordinator.tell({
    kind: 'appObjectReady',
    worker: 'scheduler',
    object: 9,
    app: 'app',
    bucket: 'in',
    source: 0,
    sourceFunction: null,
    input,
  });
  coordinator.register(2, appOf({ other: [] }, [on('in', 'immediate', null, 'other')]));
  coordinator.installed(2);
  const step = {
    kind: 'bucketStepped',
    app: 'app',
    bucket: 'in',
    session: -1,
    answers: true,
    dropped: [],
    cancelled: [],
    failed: null,
    joined: null,
    timed: [],
  } as const;
  const effects = coordinator.tell({
    ...step,
    admitted: 1,
    holders: 1,
    firings: [{ trigger: 0, name: 'in-use', function: 'use', inputs: [1] }],
  });
  t.deepEqual(sent(effects), ['appObjectAdmitted', 'appObjectReleased']);
  t.is(coordinator.state.objects.size, 0);
});

test('coordinator: what a deleted trigger held is released, and the log says how many objects', (t) => {
  const coordinator = new Coordinator();
  coordinator.register(1, appOf({ use: [] }, [on('in', 'byBatchSize', { count: 10 }, 'use')]));
  coordinator.installed();
  const input = { key: 'k', group: null, session: 's', ref: large.ref };
  const ready = { kind: 'appObjectReady', worker: 'scheduler', app: 'app', bucket: 'in', source: 0, sourceFunction: null, input } as const;
  const step = { kind: 'bucketStepped', app: 'app', bucket: 'in', session: -1, firings: [], cancelled: [], failed: null } as const;
  for (const object of [1, 2]) {
    coordinator.tell({ ...ready, object });
    coordinator.tell({ ...step, answers: true, admitted: object, holders: 1, dropped: [], joined: null, timed: [] });
  }
  const dropped = [1, 2].map((object) => ({ input: object, reason: 'released' as const }));
  const effects = coordinator.tell({ ...step, answers: false, admitted: -1, holders: 0, dropped, joined: null, timed: [] });
  t.deepEqual(sent(effects), ['appObjectReleased', 'appObjectReleased']);
  const logged = effects.filter(({ kind }) => kind === 'log');
  t.like(logged, [{ level: 'warn', detail: { app: 'app', bucket: 'in', objects: 2 } }]);
  t.is(coordinator.state.objects.size, 0);
});

test('coordinator: an id that a retry has taken over outlives the summary of the session that failed', (t) => {
  const coordinator = ready();
  coordinator.open('a', { requestId: 'mine' });
  coordinator.close('a');
  coordinator.open('b', { requestId: 'mine', retryOf: 'a' });
  coordinator.nowMs += 1e7;
  coordinator.open('c');
  coordinator.close('c');
  t.like(coordinator.open('d', { requestId: 'mine' })[0], { message: { existing: 'b' } });
});

test('coordinator: a summary that is too old is gone, and its id is free, though no other session has ended since', (t) => {
  const coordinator = ready();
  coordinator.open('a', { requestId: 'mine' });
  coordinator.close('a');
  const ask = { kind: 'querySession', client: 'client', request: 9, session: 'mine' } as const;
  t.deepEqual(sent(coordinator.tell(ask)), ['requestDone 9']);
  t.like(coordinator.open('b', { requestId: 'mine' })[0], { message: { existing: 'a' } });
  coordinator.nowMs += 1e6 + 1;
  t.deepEqual(sent(coordinator.tell(ask)), ['requestRefused 9 UnknownSession']);
  coordinator.open('c', { requestId: 'mine' });
  t.true(coordinator.state.sessions.has('c'));
});

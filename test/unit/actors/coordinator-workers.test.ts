/** Which worker gets which session, and what becomes of sessions and installations when workers come and go. */
import test from 'ava';
import { Coordinator, batches, serving, single } from './coordinator-workers-driver.ts';
import { appOf, on } from './scheduler-driver.ts';

const [w1, w2, w3] = ['scheduler@w1', 'scheduler@w2', 'scheduler@w3'] as const;

test('workers: a session goes to the worker with the fewest', (t) => {
  const coordinator = serving([w1, w2, w3]);
  for (const id of ['a', 'b', 'c', 'd']) coordinator.open(id);
  t.deepEqual(coordinator.homes, [w1, w2, w3, w1]);
  coordinator.close('c');
  coordinator.open('e');
  coordinator.open('f');
  t.deepEqual(coordinator.homes.slice(4), [w3, w2]);
});

test('workers: a session goes only where its app can be run, and where there is room', (t) => {
  const coordinator = serving([w1, w2]);
  coordinator.join(w3);
  coordinator.tell({ kind: 'workerLoad', worker: w1, accepts: false });
  for (const id of ['a', 'b']) coordinator.open(id);
  t.deepEqual(coordinator.homes, [w2, w2]);
  coordinator.installed(1, w3);
  coordinator.open('c');
  t.deepEqual(coordinator.homes.slice(2), [w3]);
  coordinator.tell({ kind: 'workerLoad', worker: w2, accepts: false });
  coordinator.tell({ kind: 'workerLoad', worker: w3, accepts: false });
  coordinator.open('d');
  t.is(coordinator.homes.length, 3);
  coordinator.tell({ kind: 'workerLoad', worker: w2, accepts: true });
  t.deepEqual(coordinator.homes.slice(3), [w2], 'it has waited for this');
});

test('workers: a new revision is for sessions of workers that have it; those that have it not yet get none', (t) => {
  const coordinator = serving([w1, w2]);
  coordinator.register(single, 2);
  coordinator.open('a');
  t.like(coordinator.sentOf('startSession')[0], { revision: 1 });
  coordinator.installed(2, w2);
  for (const id of ['b', 'c']) coordinator.open(id);
  t.deepEqual(coordinator.homes, [w1, w2, w2]);
  t.like(coordinator.sentOf('startSession')[1], { revision: 2 });
  t.deepEqual(
    coordinator.sent.filter(({ message }) => message.kind === 'uninstallApp').map(({ to }) => to),
    [w1, w2],
  );
  coordinator.installed(2, w1);
  coordinator.open('d');
  t.deepEqual(coordinator.homes.slice(3), [w1]);
});

test('workers: the session of a firing goes where most bytes of its objects are', (t) => {
  const coordinator = serving([w1, w2, w3], batches);
  coordinator.fire(coordinator.object(w1, 1, 5_000), coordinator.object(w2, 1, 4_000), coordinator.object(w2, 2, 4_000));
  t.deepEqual(coordinator.homes, [w2]);
  coordinator.fire(coordinator.object(w3, 1, 50_000, true), coordinator.object(w2, 3, 2_000));
  t.deepEqual(coordinator.homes, [w2, w2], 'what travels in messages is nowhere');
  coordinator.fire(coordinator.object(w2, 4, 10, true), coordinator.object(w2, 5, 10, true));
  t.deepEqual(coordinator.homes, [w2, w2, w1], 'else the worker with the fewest sessions');
});

test('workers: the session of a firing goes elsewhere if there is no room where its bytes are, or its app cannot be run there', (t) => {
  const coordinator = serving([w1, w2, w3], batches);
  coordinator.tell({ kind: 'workerLoad', worker: w2, accepts: false });
  coordinator.fire(coordinator.object(w2, 1, 5_000));
  t.deepEqual(coordinator.homes, [w1]);
  coordinator.register(batches, 2);
  coordinator.installed(2, w3);
  coordinator.fire(coordinator.object(w1, 1, 5_000));
  t.deepEqual(coordinator.homes, [w1, w3]);
  coordinator.tell({ kind: 'workerLoad', worker: w3, accepts: false });
  coordinator.fire(coordinator.object(w1, 2, 5_000));
  t.deepEqual(coordinator.homes, [w1, w3, w3], 'C6: it is never refused');
});

test('workers: firings while there is no worker wait for one, in their order', (t) => {
  const coordinator = serving([w1], batches);
  const first = coordinator.object(w1, 1, 10, true);
  const second = coordinator.object(w1, 2, 10, true);
  coordinator.leave(w1);
  coordinator.fire(first);
  coordinator.fire(second);
  t.deepEqual(coordinator.homes, []);
  coordinator.join(w2);
  t.deepEqual(coordinator.homes, []);
  coordinator.installed(1, w2);
  t.deepEqual(coordinator.homes, [w2, w2]);
  t.deepEqual(
    coordinator.sentOf('startSession').map(({ inputs }) => inputs.map(({ key }) => key)),
    [['1'], ['2']],
  );
});

test('workers: firings that wait for a worker are forgotten with their app', (t) => {
  const coordinator = serving([w1], batches);
  const first = coordinator.object(w1, 1, 10, true);
  coordinator.leave(w1);
  coordinator.fire(first);
  coordinator.tell({ kind: 'unregisterApp', request: 2, client: 'client', app: 'app' });
  coordinator.join(w2);
  coordinator.register(batches, 3);
  coordinator.installed(2, w2);
  t.deepEqual(coordinator.homes, []);
  t.is(coordinator.state.sessions.size, 0);
  t.is(coordinator.state.objects.size, 0);
});

test('workers: a firing that waits for a worker can be cancelled, and lets go of its objects', (t) => {
  const coordinator = serving([w1, w2], batches);
  const id = coordinator.object(w2, 1, 10, true);
  coordinator.leave(w1);
  coordinator.leave(w2);
  coordinator.fire(id);
  const [session = ''] = coordinator.state.sessions.keys();
  coordinator.tell({ kind: 'cancelSession', request: 3, client: 'client', session, reason: '' });
  t.like(coordinator.sentOf('requestDone').at(-1), { request: 3 });
  t.is(coordinator.state.objects.size, 0);
  t.is(coordinator.state.apps.get('app')?.objects, 0);
});

test('workers: one that joins is given the apps there are, and the one that is being installed', (t) => {
  const coordinator = serving([w1]);
  coordinator.register(single, 2);
  coordinator.sent.splice(0);
  coordinator.join(w2);
  t.deepEqual(
    coordinator.sentOf('installApp').map(({ revision }) => revision),
    [1, 2],
  );
  coordinator.join(w2);
  t.is(coordinator.sentOf('installApp').length, 2, 'it joins once');
  coordinator.installed(1, w2);
  coordinator.open('a');
  coordinator.open('b');
  t.deepEqual(coordinator.homes, [w1, w2]);
  coordinator.failed(2, w1);
  t.deepEqual(coordinator.sentOf('requestRefused'), [], 'it may still come to run there');
  coordinator.installed(2, w2);
  t.like(coordinator.sentOf('requestDone'), [{ request: 2, result: { revision: 2 } }]);
});

test('workers: the last that fails an installation decides it', (t) => {
  const coordinator = new Coordinator();
  coordinator.join(w1, w2);
  coordinator.register();
  coordinator.failed(1, w1);
  coordinator.failed(1, w1);
  t.deepEqual(coordinator.sentOf('requestRefused'), []);
  coordinator.failed(1, w2);
  t.like(coordinator.sentOf('requestRefused'), [{ request: 1, error: { code: 'ModuleFailed', message: `not on ${w2}` } }]);
  t.is(coordinator.state.apps.size, 0);
});

test('workers: one that leaves fails the installation there, and with it the whole if it was the last', (t) => {
  const coordinator = new Coordinator();
  coordinator.join(w1, w2);
  coordinator.register();
  coordinator.failed(1, w1);
  coordinator.leave(w2);
  t.like(coordinator.sentOf('requestRefused'), [{ request: 1, error: { code: 'WorkerLost', retryable: true, detail: { worker: w2 } } }]);
  coordinator.register(single, 2);
  coordinator.join(w3);
  coordinator.leave(w1);
  t.is(coordinator.sentOf('requestRefused').length, 1);
  coordinator.installed(2, w3);
  t.like(coordinator.sentOf('requestDone'), [{ request: 2 }]);
});

test('workers: an app cannot be registered while there is none', (t) => {
  const coordinator = new Coordinator();
  coordinator.register();
  t.like(coordinator.sentOf('requestRefused'), [{ error: { code: 'Overloaded', retryable: true } }]);
  t.is(coordinator.state.apps.size, 0);
  coordinator.join(w1);
  coordinator.register(single, 2);
  coordinator.installed(1, w1);
  t.like(coordinator.sentOf('requestDone'), [{ request: 2 }]);
});

test('workers: what one says that is no member changes nothing', (t) => {
  const coordinator = serving([w1]);
  coordinator.installed(1, w2);
  coordinator.tell({ kind: 'workerLoad', worker: w2, accepts: true });
  coordinator.tell({ kind: 'workerLeft', worker: w2, reason: '' });
  for (const id of ['a', 'b']) coordinator.open(id);
  t.deepEqual(coordinator.homes, [w1, w1]);
});

test('workers: the sessions of one that leaves have failed, and each client is told once', (t) => {
  const coordinator = serving([w1, w2]);
  for (const id of ['a', 'b', 'c']) coordinator.open(id, { requestId: `my ${id}` });
  coordinator.sent.splice(0);
  coordinator.leave(w1);
  coordinator.leave(w1);
  t.deepEqual(
    coordinator.sent.map(({ to, message }) => [to, message.kind]),
    [
      ['client of a', 'sessionEnded'],
      ['client of c', 'sessionEnded'],
    ],
  );
  const [lost] = coordinator.sentOf('sessionEnded');
  t.like(lost?.summary, { id: 'a', state: 'failed', error: { code: 'WorkerLost', retryable: true, detail: { worker: w1, session: 'a' } } });
  coordinator.tell({ kind: 'querySession', request: 4, client: 'client', session: 'my a' });
  t.like(coordinator.sentOf('requestDone'), [{ request: 4, result: { id: 'a', state: 'failed' } }]);
  t.deepEqual([...coordinator.state.sessions.keys()], ['b']);
});

test('workers: what one still says of a session that was given up for lost changes nothing', (t) => {
  const coordinator = serving([w1, w2]);
  coordinator.open('a', { requestId: 'mine' });
  coordinator.leave(w1);
  coordinator.close('a');
  coordinator.tell({ kind: 'querySession', request: 4, client: 'client', session: 'mine' });
  t.like(coordinator.sentOf('requestDone'), [{ result: { id: 'a', state: 'failed', error: { code: 'WorkerLost' } } }]);
});

test('workers: a session that is tried again after its worker was lost runs on another', (t) => {
  const coordinator = serving([w1, w2]);
  coordinator.open('a', { requestId: 'mine' });
  coordinator.leave(w1);
  coordinator.open('b', { requestId: 'mine', retryOf: 'a' });
  t.deepEqual(coordinator.homes, [w1, w2]);
  t.deepEqual(coordinator.sentOf('sessionOpened'), [], 'it has joined none');
});

test('workers: sessions that wait are admitted elsewhere when those of a lost worker have made room', (t) => {
  const coordinator = new Coordinator(2);
  coordinator.join(w1, w2);
  coordinator.register();
  coordinator.installed(1, w1, w2);
  for (const id of ['a', 'b', 'c']) coordinator.open(id);
  t.deepEqual(coordinator.homes, [w1, w2]);
  coordinator.leave(w1);
  t.deepEqual(coordinator.homes, [w1, w2, w2]);
});

test('workers: the last one leaves: sessions wait for another, or for their time to be over', (t) => {
  const coordinator = serving([w1]);
  coordinator.leave(w1);
  coordinator.open('a');
  coordinator.open('b');
  t.deepEqual(coordinator.homes, []);
  coordinator.tell({ kind: 'admissionTimeoutReached', session: 'a' });
  t.like(coordinator.sentOf('sessionRefused'), [{ session: 'a', error: { code: 'Overloaded' } }]);
  coordinator.join(w2);
  coordinator.installed(1, w2);
  t.deepEqual(coordinator.homes, [w2]);
  t.like(coordinator.sentOf('startSession')[0], { spec: { id: 'b' } });
});

test('workers: the objects of a firing whose worker is lost are let go of where they are', (t) => {
  const coordinator = serving([w1, w2], batches);
  coordinator.fire(coordinator.object(w2, 8, 10, true), coordinator.object(w1, 9, 5_000));
  t.deepEqual(coordinator.homes, [w1]);
  coordinator.sent.splice(0);
  coordinator.leave(w1);
  t.like(coordinator.sentOf('sessionEnded'), [{ summary: { error: { code: 'WorkerLost' } } }]);
  t.deepEqual(
    coordinator.sent.filter(({ message }) => message.kind === 'appObjectReleased').map(({ to }) => to),
    [w2],
  );
  t.is(coordinator.state.objects.size, 0);
});

test('workers: objects that a lost worker had for triggers of all sessions are lost, and who is fired with one fails', (t) => {
  const coordinator = serving([w1, w2], batches);
  const ids = [coordinator.object(w1, 1, 5_000), coordinator.object(w2, 1, 10, true)] as const;
  coordinator.leave(w1);
  coordinator.fire(...ids);
  t.deepEqual(coordinator.homes, [w2]);
  t.like(coordinator.sentOf('startSession'), [{ inputs: [], failure: { code: 'InputsLost' } }]);
  const [session = ''] = coordinator.state.sessions.keys();
  coordinator.close(session);
  t.is(coordinator.state.objects.size, 0);
});

test('workers: one that is started anew under its name is not told of objects of before', (t) => {
  const coordinator = serving([w1, w2], batches);
  const lost = coordinator.object(w1, 1, 5_000);
  coordinator.leave(w1);
  coordinator.join(w1);
  coordinator.installed(1, w1);
  coordinator.object(w1, 1, 5_000);
  coordinator.sent.splice(0);
  coordinator.fire(lost);
  const [session = ''] = coordinator.state.sessions.keys();
  coordinator.close(session);
  const released = coordinator.sent.filter(({ message }) => message.kind.startsWith('appObject'));
  t.deepEqual(released, []);
  t.is(coordinator.state.objects.size, 1);
});

test('workers: an app that changes while its only worker is away is changed when the next one has it', (t) => {
  const coordinator = serving([w1]);
  coordinator.join(w2);
  coordinator.installed(1, w2);
  coordinator.leave(w1);
  coordinator.register(appOf({ other: [] }, [on('in', 'immediate', null, 'other')]), 2);
  coordinator.installed(2, w2);
  coordinator.open('a');
  t.like(coordinator.sentOf('startSession'), [{ revision: 2 }]);
});

test('apps: the same code from another place is the same app; other code is refused, and the error says what can be done', (t) => {
  const coordinator = serving([w1]);
  const from = (module: string, content: string, request: number) =>
    coordinator.tell({
      kind: 'registerApp',
      request,
      client: 'other',
      definition: { ...single, module },
      bundle: { hash: `${module} ${content}`, code: '', content, module },
    });
  from('file:///elsewhere', 'changed', 2);
  const [refused] = coordinator.sentOf('requestRefused');
  t.like(refused, { request: 2, error: { code: 'AppNameTaken' } });
  t.regex(refused?.error.message ?? '', /registered from file:\/\/\/app, .*file:\/\/\/elsewhere .*unregisterApp\('app'\) first/);
  from('file:///elsewhere', '', 3);
  coordinator.installed(2, w1);
  t.like(coordinator.sentOf('requestDone').at(-1), { request: 3, result: { revision: 2 } });
  // From there its next version comes, too.
  from('file:///elsewhere', 'changed', 4);
  coordinator.installed(3, w1);
  t.like(coordinator.sentOf('requestDone').at(-1), { request: 4, result: { revision: 3 } });
});

test('apps: one that is restored gets the next revision; sessions wait for a worker, and then the former revision goes', (t) => {
  const coordinator = new Coordinator();
  coordinator.join(w1, w2);
  const bundle = { hash: 'h', code: '', content: '', module: single.module };
  const record = { name: 'app', revision: 4, client: 'client', app: { definition: single, bundle } };
  coordinator.tell({ kind: 'appRestored', record });
  coordinator.tell({ kind: 'appRestored', record });
  t.deepEqual(
    coordinator.sentOf('installApp').map(({ revision }) => revision),
    [5, 5],
  );
  coordinator.open('a');
  t.deepEqual([coordinator.homes, coordinator.sentOf('sessionRefused')], [[], []]);
  coordinator.installed(5, w2, w1);
  t.deepEqual(coordinator.homes, [w2]);
  t.deepEqual(
    coordinator.sentOf('uninstallApp').map(({ revision }) => revision),
    [4, 4],
  );
  coordinator.register();
  coordinator.installed(6, w1);
  t.like(coordinator.sentOf('requestDone'), [{ result: { revision: 6 } }]);
});

test('apps: of one that was unregistered the revision is restored, and counts on', (t) => {
  const coordinator = new Coordinator();
  coordinator.join(w1);
  coordinator.tell({ kind: 'appRestored', record: { name: 'app', revision: 4, client: 'client', app: null } });
  coordinator.open('a');
  t.like(coordinator.sentOf('sessionRefused'), [{ error: { code: 'UnknownApp' } }]);
  coordinator.register();
  coordinator.installed(5, w1);
  t.like(coordinator.sentOf('requestDone'), [{ result: { revision: 5 } }]);
});

test('apps: C3: where they are recorded, who has registered, changed or unregistered one is answered by whoever records it', (t) => {
  const coordinator = new Coordinator(100, 'records');
  coordinator.join(w1);
  coordinator.register(single, 1);
  coordinator.installed(1, w1);
  coordinator.tell({ kind: 'unregisterApp', request: 2, client: 'client', app: 'app' });
  t.like(coordinator.sentOf('recordApp'), [
    { record: { revision: 1 }, answer: { client: 'client', request: 1, result: { app: 'app', revision: 1 } } },
    { record: { revision: 1, app: null }, answer: { client: 'client', request: 2, result: null } },
  ]);
  t.deepEqual(coordinator.sentOf('requestDone'), []);
});

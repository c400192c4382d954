/** What comes to a coordinator's process, and where it goes from there (`roles/front.ts`). */
import test from 'ava';
import { errorData } from '../../../src/actors/protocol/error.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { createSessionIdMaker, makeSessionId, shardOf } from '../../../src/actors/protocol/session-id.ts';
import { MemoryRegistry } from '../../../src/cluster/registry/memory-registry.ts';
import { Front } from '../../../src/cluster/roles/front.ts';
import { ClusterView, encodeEntry, memberKey, shardKey } from '../../../src/cluster/view.ts';
import { appOf, on } from '../actors/scheduler-driver.ts';
import { turn } from './transfer-driver.ts';

const client = 'client:local@~u/c1';
const apps = { mine: 'mine', theirs: 'theirs', nobodys: 'nobodys' };
const ids = createSessionIdMaker(() => 0.5);
const sessionOf = (app: string) => makeSessionId(ids, 1_000, app);
const unknown = errorData('UnknownSession', 'no such session');
const definition = appOf({ use: [] }, [on('in', 'immediate', null, 'use')]);

/** The front of `c1`: c2 has the app `theirs`, and a coordinator that is gone had `nobodys`. */
class Fronted {
  readonly registry = new MemoryRegistry();
  readonly view = new ClusterView(this.registry, { joined: () => {}, left: () => {}, sharded: () => {} });
  readonly delivered: { readonly to: string; readonly message: Message }[] = [];
  readonly sent: { readonly to: string; readonly message: Message }[] = [];
  flushes = 0;
  readonly yielding = new Set<number>();
  /** The shards whose apps are not known yet, and when they are. */
  readonly unknown = new Map<number, Promise<void>>();
  readonly front = new Front({
    name: 'c1',
    whenKnown: (shard) => this.unknown.get(shard) ?? null,
    view: this.view,
    outletOf: () => ({ send: (to, message) => void this.sent.push({ to, message }) }),
    isYielding: (shard) => this.yielding.has(shard),
    deliver: (envelopes) => this.delivered.push(...envelopes),
    flush: () => {
      this.flushes++;
    },
  });

  async join(...names: readonly string[]): Promise<this> {
    for (const name of names) {
      const value = encodeEntry({ role: 'coordinator', address: '', incarnation: 1, startedMs: 0 });
      await this.registry.put(memberKey(name), value, { expected: null, ttlMs: null });
    }
    return this;
  }

  async own(app: string, owner: string): Promise<void> {
    await this.registry.put(shardKey(shardOf(app)), encodeEntry({ owner }), { expected: null, ttlMs: null });
  }

  take(message: Message, to = 'coordinator'): void {
    this.front.take([{ to, message }]);
  }

  query(session: string, request = 1): void {
    this.take({ kind: 'querySession', request, client, session });
  }

  /** The requests that others were asked under a number of this front's own. */
  get asked(): readonly { readonly to: string; readonly request: number }[] {
    const local = this.delivered.filter(({ to }) => to === 'coordinator');
    return [...local, ...this.sent].flatMap(({ to, message }) => ('request' in message ? [{ to, request: Number(message.request) }] : []));
  }
}

async function fronted(...others: readonly string[]): Promise<Fronted> {
  const front = await new Fronted().join('c1', 'c2', ...others);
  await front.own(apps.mine, 'c1');
  await front.own(apps.theirs, 'c2');
  await front.own(apps.nobodys, 'gone');
  await turn();
  return front;
}

function openOf(app: string): Message {
  const spec = { id: sessionOf(app), app, requestId: null, client, called: true, entries: [], expects: [], priority: 5 };
  return { kind: 'openSession', spec: { ...spec, deadlineMs: null, admitTimeoutMs: 1, retryOf: null } };
}

/** A request of each kind, about the app. */
function requestsOf(app: string): readonly Message[] {
  const asked = { request: 7, client };
  const about = { ...asked, session: sessionOf(app) };
  const bundle = { hash: '', code: '', content: '', module: '' };
  return [
    { kind: 'registerApp', ...asked, definition: { ...definition, name: app }, bundle },
    { kind: 'unregisterApp', ...asked, app },
    { kind: 'changeApp', ...asked, app, change: { kind: 'deleteTrigger', trigger: 'x' } },
    { kind: 'drainApp', ...asked, app },
    openOf(app),
    { kind: 'putObjects', ...about, entries: [] },
    { kind: 'getObjects', ...about, bucket: 'in', key: null },
    { kind: 'querySession', ...about },
    { kind: 'cancelSession', ...about, reason: '' },
  ];
}

test('front: F1: a request about an app or a session of this coordinator is handled here', async (t) => {
  const fronting = await fronted();
  const requests = requestsOf(apps.mine);
  fronting.front.take(requests.map((message) => ({ to: 'coordinator', message })));
  t.deepEqual(
    fronting.delivered,
    requests.map((message) => ({ to: 'coordinator', message })),
  );
  t.deepEqual([fronting.sent, fronting.flushes], [[], 0]);
});

test('front: F1: a request about another’s goes to him as it is', async (t) => {
  const fronting = await fronted();
  const requests = requestsOf(apps.theirs);
  fronting.front.take(requests.map((message) => ({ to: 'coordinator', message })));
  t.deepEqual(
    fronting.sent,
    requests.map((message) => ({ to: 'coordinator@c2', message })),
  );
  t.deepEqual([fronting.delivered, fronting.flushes], [[], 1]);
});

test('front: F1: also if its sender has taken this one for the owner', async (t) => {
  const fronting = await fronted();
  fronting.take(openOf(apps.theirs), 'coordinator@c1');
  t.is(fronting.sent[0]?.to, 'coordinator@c2');
});

test('front: F1: a request for which nobody acts is refused, so that it can be tried again', async (t) => {
  const fronting = await fronted();
  const requests = requestsOf(apps.nobodys);
  fronting.front.take(requests.map((message) => ({ to: 'coordinator', message })));
  t.deepEqual(fronting.sent, []);
  t.is(fronting.delivered.length, requests.length);
  for (const { to, message } of fronting.delivered) {
    t.is(to, client);
    const { error, kind } = message as Extract<Message, { kind: 'requestRefused' | 'sessionRefused' }>;
    t.is(kind, message.kind === 'sessionRefused' ? 'sessionRefused' : 'requestRefused');
    t.like(error, { code: 'Overloaded', retryable: true, detail: { retryAfterMs: 1_000 } });
  }
});

test('front: F1: what a coordinator had that is gone another has when the registry says so', async (t) => {
  const fronting = await fronted();
  await fronting.registry.delete(memberKey('c2'), null);
  fronting.take(openOf(apps.theirs));
  t.is(fronting.delivered[0]?.message.kind, 'sessionRefused');
  await fronting.own(apps.theirs, 'c1');
  fronting.take(openOf(apps.theirs));
  t.is(fronting.delivered[1]?.to, 'coordinator');
});

test('front: F1: nothing begins in a shard that is being given to another', async (t) => {
  const fronting = await fronted();
  fronting.yielding.add(shardOf(apps.mine));
  fronting.take(requestsOf(apps.mine)[0] as Message);
  t.like(fronting.delivered, [{ to: client, message: { kind: 'requestRefused', error: { code: 'Overloaded', retryable: true } } }]);
  fronting.yielding.clear();
  fronting.take(requestsOf(apps.mine)[0] as Message);
  t.is(fronting.delivered[1]?.to, 'coordinator');
});

test('front: what is no request is for whom it says: of this process, or of another', async (t) => {
  const fronting = await fronted();
  const message: Message = { kind: 'workerLoad', worker: 'scheduler@w1', accepts: true };
  fronting.front.take([
    { to: 'coordinator', message },
    { to: 'coordinator@c2', message },
    { to: 'coordinator@c1', message },
    { to: client, message },
    { to: 'registry', message },
  ]);
  t.deepEqual(
    fronting.delivered.map(({ to }) => to),
    ['coordinator', 'coordinator@c1', 'registry'],
  );
  t.deepEqual(
    fronting.sent.map(({ to }) => to),
    ['coordinator@c2', client],
  );
});

test('front: a request that is for another coordinator is passed on, whoever owns what it is about', async (t) => {
  const fronting = await fronted();
  fronting.take(openOf(apps.mine), 'coordinator@c2');
  t.is(fronting.sent[0]?.to, 'coordinator@c2');
});

test('front: search: a session by its user’s own id is asked of all, and the first that knows it answers', async (t) => {
  const fronting = await fronted('c3');
  fronting.query('my order', 42);
  t.deepEqual(
    fronting.asked.map(({ to }) => to),
    ['coordinator', 'coordinator@c2', 'coordinator@c3'],
  );
  const request = fronting.asked[0]?.request ?? -1;
  t.true(fronting.sent.every(({ message }) => message.kind === 'querySession' && message.client === 'front@c1'));
  fronting.delivered.splice(0);
  fronting.front.takeFound({ kind: 'requestRefused', request, error: unknown });
  t.deepEqual(fronting.delivered, []);
  fronting.front.takeFound({ kind: 'requestDone', request, result: { id: 's' } });
  fronting.front.takeFound({ kind: 'requestRefused', request, error: unknown });
  t.deepEqual(fronting.delivered, [{ to: client, message: { kind: 'requestDone', request: 42, result: { id: 's' } } }]);
});

test('front: search: nobody knows it: the last one’s answer is the answer, once', async (t) => {
  const fronting = await fronted();
  fronting.query('my order', 42);
  const request = fronting.asked[0]?.request ?? -1;
  fronting.delivered.splice(0);
  for (let i = 0; i < 3; i++) fronting.front.takeFound({ kind: 'requestRefused', request, error: unknown });
  t.like(fronting.delivered, [{ to: client, message: { kind: 'requestRefused', request: 42, error: { code: 'UnknownSession' } } }]);
});

test('front: search: a coordinator that stops does not know, and does not end the search', async (t) => {
  const fronting = await fronted();
  fronting.query('my order', 42);
  const request = fronting.asked[0]?.request ?? -1;
  fronting.delivered.splice(0);
  fronting.front.takeFound({ kind: 'requestRefused', request, error: errorData('RuntimeClosed', 'it is stopping') });
  fronting.front.takeFound({ kind: 'requestDone', request, result: null });
  t.like(fronting.delivered, [{ message: { kind: 'requestDone', request: 42 } }]);
});

test('front: search: any other refusal is of one that knows it', async (t) => {
  const fronting = await fronted();
  fronting.query('my order', 42);
  const request = fronting.asked[0]?.request ?? -1;
  fronting.delivered.splice(0);
  fronting.front.takeFound({ kind: 'requestRefused', request, error: errorData('SessionEnded', 'it is over') });
  t.like(fronting.delivered, [{ message: { kind: 'requestRefused', request: 42, error: { code: 'SessionEnded' } } }]);
});

test('front: search: two at a time are not mixed up, even with the same number', async (t) => {
  const fronting = await fronted();
  fronting.query('one', 1);
  fronting.take({ kind: 'getObjects', request: 1, client: 'client:local@~v/c1', session: 'two', bucket: 'in', key: null });
  const [first, second] = [...new Set(fronting.asked.map(({ request }) => request))] as [number, number];
  fronting.delivered.splice(0);
  fronting.front.takeFound({ kind: 'objectsFound', request: second, objects: [] });
  fronting.front.takeFound({ kind: 'requestDone', request: first, result: 5 });
  t.deepEqual(fronting.delivered, [
    { to: 'client:local@~v/c1', message: { kind: 'objectsFound', request: 1, objects: [] } },
    { to: client, message: { kind: 'requestDone', request: 1, result: 5 } },
  ]);
});

test('front: search: one that another coordinator asks is answered here alone', async (t) => {
  const fronting = await fronted();
  const message: Message = { kind: 'querySession', request: 3, client: 'front@c2', session: 'my order' };
  fronting.take(message, 'coordinator@c1');
  t.deepEqual(fronting.delivered, [{ to: 'coordinator', message }]);
  t.deepEqual(fronting.sent, []);
});

test('front: search: an only coordinator is the last one, too', async (t) => {
  const fronting = await new Fronted().join('c1');
  await turn();
  fronting.query('my order', 42);
  const request = fronting.asked[0]?.request ?? -1;
  fronting.front.takeFound({ kind: 'requestRefused', request, error: unknown });
  t.like(fronting.delivered[1], { to: client, message: { request: 42 } });
});

test('front: search: more than so many are refused', async (t) => {
  const fronting = await new Fronted().join('c1');
  await turn();
  for (let i = 0; i < 10_000; i++) fronting.query('my order', i);
  fronting.delivered.splice(0);
  fronting.query('my order', 10_000);
  t.like(fronting.delivered, [{ to: client, message: { kind: 'requestRefused', request: 10_000, error: { code: 'Overloaded' } } }]);
});

test('front: search: what is no answer, or of no search, changes nothing', async (t) => {
  const fronting = await fronted();
  fronting.query('my order', 42);
  fronting.delivered.splice(0);
  fronting.front.takeFound({ kind: 'requestDone', request: 999, result: null });
  fronting.front.takeFound({ kind: 'forwardDue' });
  t.deepEqual(fronting.delivered, []);
});

test('front: F1: what comes for a shard whose apps are not known yet waits, in its order, and then goes on', async (t) => {
  const front = await fronted();
  let known = (): void => {};
  const shard = shardOf(apps.mine);
  front.unknown.set(shard, new Promise((resolve) => (known = resolve)));
  const requests = requestsOf(apps.mine);
  for (const message of requests) front.take(message);
  t.deepEqual(front.delivered, []);
  front.unknown.delete(shard);
  known();
  await turn();
  t.deepEqual(
    front.delivered.map(({ message }) => message.kind),
    requests.map(({ kind }) => kind),
  );
});

test('front: F2: a call for a worker that takes nothing new is refused, until it does again, or is another process', async (t) => {
  const front = await fronted('w1');
  const call = { kind: 'soloCall', client, call: 7, incarnation: 1, app: 'mine', entries: [], timeoutMs: null } as const;
  const load = (accepts: boolean) => front.take({ kind: 'workerLoad', worker: 'scheduler@w1', accepts });
  const passed = (): boolean => {
    front.sent.length = 0;
    front.take(call, 'gate@w1');
    t.is(front.sent.length, 1);
    return front.sent[0]?.to === 'gate@w1';
  };
  t.true(passed());
  load(false);
  t.false(passed());
  t.deepEqual(front.sent, [{ to: client, message: { kind: 'soloRefused', call: 7 } }]);
  load(true);
  t.true(passed());
  load(false);
  front.front.forget('w1');
  t.true(passed());
  await front.registry.delete(memberKey('w1'), null);
  await turn();
  t.false(passed(), 'it has left');
  t.is(front.delivered.filter(({ message }) => message.kind === 'workerLoad').length, 3);
});

test('front: a call for a gate that cannot be reached is refused to its client, which takes another way', async (t) => {
  const { front, sent } = await fronted();
  const call = { kind: 'soloCall', client, call: 7, incarnation: 1, app: 'mine', entries: [], timeoutMs: null } as const;
  front.lost({ to: 'gate@w1', message: call });
  t.deepEqual(sent, [{ to: client, message: { kind: 'soloRefused', call: 7 } }]);
  front.lost({ to: 'scheduler@w1', message: { kind: 'slotsAsked', coordinator: 'coordinator@c1' } });
  t.is(sent.length, 1);
});

test('front: F3: who asks for the sessions of a worker is answered by it, or here once it has left', async (t) => {
  const front = await fronted('w1');
  const owner = 'answers@~u/c1';
  const recall = { kind: 'soloRecall', owner, request: 3, app: '', session: null } as const;
  front.take(recall, 'gate@w1');
  t.deepEqual(front.sent.splice(0), [{ to: 'gate@w1', message: recall }]);
  await front.registry.delete(memberKey('w1'), null);
  await turn();
  front.take(recall, 'gate@w1');
  t.deepEqual(front.sent, [{ to: owner, message: { kind: 'requestDone', request: 3, result: null } }]);
});

/** What comes from other nodes, and waits for its objects (`transfer/arrivals.ts`). */
import test from 'ava';
import fc from 'fast-check';
import { type ErrorData, errorData } from '../../../src/actors/protocol/error.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { Arrivals, type ArrivalsOptions } from '../../../src/cluster/transfer/arrivals.ts';
import { TransferFailed } from '../../../src/cluster/transfer/object-fetcher.ts';
import { encodeFrame, decodeFrame, type Envelope } from '../../../src/cluster/wire/codec.ts';
import { refsOf } from '../../../src/cluster/wire/refs.ts';
import type { Ref } from '../../../src/storage/object.ts';
import { turn } from './transfer-driver.ts';

/** Objects come when the test says so, in whatever order. */
class Coming {
  readonly asked: { readonly ref: Ref; readonly isNew: boolean }[] = [];
  readonly #waiting = new Map<number, { readonly resolve: (ref: Ref) => void; readonly reject: (error: unknown) => void }>();

  fetch(ref: Ref, isNew: boolean): Promise<Ref> {
    this.asked.push({ ref, isNew });
    return new Promise((resolve, reject) => this.#waiting.set(ref.remote?.offset ?? -1, { resolve, reject }));
  }

  get waiting(): readonly number[] {
    return [...this.#waiting.keys()];
  }

  /** It lies here at ten times its place there. */
  async come(...offsets: readonly number[]): Promise<void> {
    for (const offset of offsets) this.#take(offset)?.resolve({ encoding: 0, sizeBytes: 1, inline: null, offset: offset * 10 });
    await turn();
  }

  async fail(offset: number, error: unknown = new TransferFailed(errorData('InputsLost', 'it is lost'))): Promise<void> {
    this.#take(offset)?.reject(error);
    await turn();
  }

  #take(offset: number) {
    const waiting = this.#waiting.get(offset);
    this.#waiting.delete(offset);
    return waiting;
  }
}

const needs: ReadonlySet<Message['kind']> = new Set(['startSession', 'putIntoSession', 'lodge', 'lodgerOutput']);

class Arriving {
  readonly coming = new Coming();
  readonly arrivals: Arrivals;
  /** What was handed on, at once each. */
  readonly deliveries: (readonly Envelope[])[] = [];
  readonly fetched: number[] = [];
  readonly discarded: number[] = [];

  constructor(more: Partial<ArrivalsOptions> = {}) {
    this.arrivals = new Arrivals({
      node: 'w1',
      incarnation: 1,
      fetcher: this.coming,
      needs: ({ kind }) => needs.has(kind),
      arrived: ({ to, message }, brought) => [{ to: `${to} with ${brought.map(({ offset }) => offset).join()}`, message }],
      failed: ({ to, message }, error) => [{ to: `${to} ${error.code}`, message }],
      fetched: ({ remote }) => this.fetched.push(remote?.offset ?? -1),
      discard: ({ offset }) => this.discarded.push(offset),
      deliver: (envelopes) => this.deliveries.push(envelopes),
      errorOf: (error): ErrorData => errorData('StoreFull', String(error)),
      ...more,
    });
  }

  take(...envelopes: readonly Envelope[]): void {
    this.arrivals.take(decodeFrame(encodeFrame(envelopes)));
  }

  /** To whom what was handed on is, in order. */
  get order(): readonly string[] {
    return this.deliveries.flat().map(({ to }) => to);
  }
}

const far = (offset: number, node = 'w2'): Ref => ({
  encoding: 0,
  sizeBytes: 1,
  inline: null,
  offset: -1,
  remote: { node, incarnation: 1, offset, serial: 1 },
});
const input = (ref: Ref) => ({ key: 'k', group: null, session: 's', ref });

/** To `name`, about the session: with objects of these places. */
function put(name: string, session: string, ...offsets: readonly number[]): Envelope {
  const entries = offsets.map((offset) => ({ bucket: 'in', key: 'k', group: null, ref: far(offset) }));
  return { to: name, message: { kind: 'putIntoSession', session, client: 'client', request: 1, entries } };
}

/** One about the session that needs nothing. */
function stop(name: string, session: string): Envelope {
  return { to: name, message: { kind: 'stopSession', session, error: errorData('SessionCancelled', '') } };
}

/** One about no session. */
const load = (name: string): Envelope => ({ to: name, message: { kind: 'slotsAsked', coordinator: 'c' } });

test('arrivals: what needs no objects is handed on at once, together and as it is', (t) => {
  const arriving = new Arriving();
  arriving.take(stop('a', 's'), load('b'), put('c', 's'));
  t.deepEqual(
    arriving.deliveries.map((envelopes) => envelopes.map(({ to }) => to)),
    [['a', 'b', 'c']],
  );
  t.is(arriving.arrivals.held, 0);
});

test('arrivals: what only tells of objects is handed on at once, and they stay where they are', (t) => {
  const arriving = new Arriving();
  const summary = { key: 'k', ordinal: 0, group: null, delayMs: 0, ref: far(3) };
  arriving.take({ to: 'a', message: { kind: 'objectSent', invocation: 1, attempt: 1, bucket: 0, ...summary } });
  t.deepEqual(refsOf(arriving.deliveries[0]?.[0]?.message as Message), [far(3)]);
  t.deepEqual(arriving.coming.asked, []);
});

test('arrivals: what lies here is not far away, wherever it is named', (t) => {
  const arriving = new Arriving();
  const here = far(640, 'w1');
  const sent = { invocation: 1, attempt: 1, bucket: 0, key: 'k', ordinal: 0, group: null, delayMs: 0 };
  const asked = { kind: 'lodgerAnswer', home: 'h', session: 's', invocation: 1, attempt: 1, request: 1, error: null, owned: [] } as const;
  arriving.take({ to: 'a', message: { kind: 'objectSent', ...sent, ref: here } });
  arriving.take({ to: 'b', message: { ...asked, objects: [input(here), input(far(1))] } });
  arriving.take({
    to: 'c',
    message: { kind: 'putIntoSession', session: 's', client: '', request: 1, entries: [{ bucket: '', key: '', group: null, ref: here }] },
  });
  const local = { encoding: 0, sizeBytes: 1, inline: null, offset: 640 };
  t.deepEqual(
    arriving.deliveries.flat().map(({ message }) => refsOf(message)),
    [[local], [local, far(1)], [local]],
  );
});

test('arrivals: a message that needs objects is handed on when all of them are here, with them in their places', async (t) => {
  const arriving = new Arriving();
  arriving.take(put('a', 's', 1, 2, 3));
  await arriving.coming.come(3, 1);
  t.deepEqual(arriving.order, []);
  t.is(arriving.arrivals.held, 1);
  await arriving.coming.come(2);
  t.deepEqual(arriving.order, ['a with 10,20,30']);
  t.deepEqual(
    refsOf(arriving.deliveries[0]?.[0]?.message as Message).map(({ offset, remote }) => [offset, remote]),
    [
      [10, undefined],
      [20, undefined],
      [30, undefined],
    ],
  );
  t.deepEqual(arriving.fetched, [1, 2, 3]);
  t.is(arriving.arrivals.held, 0);
});

test('arrivals: T7: what is about the same session waits behind, in its order; others pass', async (t) => {
  const arriving = new Arriving();
  arriving.take(stop('first', 's'), put('a', 's', 1), stop('b', 's'), stop('other', 'x'), load('none'), put('c', 's'));
  arriving.take(stop('d', 's'), put('other too', 'y'));
  t.deepEqual(arriving.order, ['first', 'other', 'none', 'other too']);
  t.is(arriving.arrivals.held, 4);
  await arriving.coming.come(1);
  t.deepEqual(arriving.order.slice(4), ['a with 10', 'b', 'c', 'd']);
});

test('arrivals: T7: what waits behind may itself have to wait', async (t) => {
  const arriving = new Arriving();
  arriving.take(put('a', 's', 1), stop('b', 's'), put('c', 's', 2), stop('d', 's'));
  t.deepEqual(arriving.coming.waiting, [1], 'it is not brought for what may never be');
  await arriving.coming.come(1);
  t.deepEqual(arriving.order, ['a with 10', 'b']);
  arriving.take(stop('e', 's'));
  await arriving.coming.come(2);
  t.deepEqual(arriving.order, ['a with 10', 'b', 'c with 20', 'd', 'e']);
});

test('arrivals: T7: a session is found by its spec, its summary, and its id; what has a number is about none', async (t) => {
  const arriving = new Arriving();
  const history = { objects: 0, outputs: 0, superseded: 0, late: 0, functions: [], linkedTo: [], retryOf: null };
  const state = { state: 'ended', openedMs: 0, endedMs: 0, error: null, history } as const;
  arriving.take(put('a', 's', 1));
  arriving.take({ to: 'b', message: { kind: 'sessionClosed', summary: { id: 's', app: 'app', revision: 1, ...state } } });
  arriving.take({ to: 'c', message: { kind: 'checkOut', home: 'h', session: 's' } });
  arriving.take({ to: 'd', message: { kind: 'forgetSession', session: 1 } });
  t.deepEqual(arriving.order, ['d']);
  await arriving.coming.come(1);
  t.deepEqual(arriving.order, ['d', 'a with 10', 'b', 'c']);
});

test('arrivals: T7: an invocation that is on its way to its lodging cannot be overtaken by what ends it', async (t) => {
  const arriving = new Arriving();
  const name = { home: 'h', session: 's', invocation: 1, attempt: 1 };
  const lodge = {
    kind: 'lodge',
    ...name,
    app: 'app',
    revision: 1,
    function: 0,
    priority: 5,
    owned: [],
    failure: null,
    ifFree: false,
  } as const;
  arriving.take({ to: 'a', message: { ...lodge, inputs: [input(far(1))] } });
  arriving.take({ to: 'b', message: { kind: 'unlodge', ...name, graceMs: 1 } });
  arriving.take({ to: 'c', message: { kind: 'checkOut', home: 'h', session: 's' } });
  t.deepEqual(arriving.order, []);
  await arriving.coming.come(1);
  t.deepEqual(arriving.order, ['a with 10', 'b', 'c']);
});

test('arrivals: T7: the end of a lodger is not heard before its output is here', async (t) => {
  const arriving = new Arriving();
  const name = { session: 's', invocation: 1, attempt: 1 };
  arriving.take({ to: 'a', message: { kind: 'lodgerOutput', ...name, ordinal: 1, ref: far(1), failure: null } });
  arriving.take({ to: 'b', message: { kind: 'lodgerEnded', ...name, outcome: { kind: 'returned', objects: 0, outputs: 1 }, free: 1 } });
  await arriving.coming.fail(1);
  t.deepEqual(arriving.order, ['a InputsLost', 'b']);
});

test('arrivals: T7: what is about no session can be said to follow', async (t) => {
  const follows = (message: Message, earlier: Message) => message.kind === 'slotsAsked' && earlier.kind === 'putIntoSession';
  const arriving = new Arriving({ follows });
  arriving.take(put('a', 's', 1), load('b'), { to: 'c', message: { kind: 'forwardDue' } }, load('d'));
  t.deepEqual(arriving.order, ['c']);
  await arriving.coming.come(1);
  t.deepEqual(arriving.order, ['c', 'a with 10', 'b', 'd']);
});

test('arrivals: T7: it also follows what itself waits behind another message', async (t) => {
  const follows = (message: Message, earlier: Message) => message.kind === 'slotsAsked' && earlier.kind === 'stopSession';
  const arriving = new Arriving({ follows });
  arriving.take(put('a', 's', 1), put('b', 's', 2), stop('c', 's'), load('d'));
  await arriving.coming.come(1);
  t.deepEqual(arriving.order, ['a with 10']);
  await arriving.coming.come(2);
  t.deepEqual(arriving.order, ['a with 10', 'b with 20', 'c', 'd']);
  t.is(arriving.arrivals.held, 0);
});

test('arrivals: T8: a message whose objects cannot be had is handed on as one that failed, and what is behind it goes on', async (t) => {
  const arriving = new Arriving();
  arriving.take(put('a', 's', 1, 2, 3), stop('b', 's'));
  await arriving.coming.come(1);
  await arriving.coming.fail(2);
  t.deepEqual(arriving.order, []);
  await arriving.coming.come(3);
  t.deepEqual(arriving.order, ['a InputsLost', 'b']);
  t.deepEqual(arriving.discarded, [10, 30], 'what has come of it is nobody’s');
  t.deepEqual(arriving.fetched, [1, 2, 3]);
  t.is(arriving.arrivals.held, 0);
});

test('arrivals: T8: whatever else goes wrong is told in words', async (t) => {
  const arriving = new Arriving();
  arriving.take(put('a', 's', 1));
  await arriving.coming.fail(1, new Error('no room'));
  t.deepEqual(arriving.order, ['a StoreFull']);
});

test('arrivals: what is for a session that is not open yet says so', async (t) => {
  const arriving = new Arriving({ isIntake: ({ kind }) => kind === 'putIntoSession' });
  const name = { session: 's', invocation: 1, attempt: 1 };
  arriving.take(put('a', 's', 1), {
    to: 'b',
    message: { kind: 'lodgerOutput', ...name, session: 'x', ordinal: 1, ref: far(2), failure: null },
  });
  t.deepEqual(
    arriving.coming.asked.map(({ isNew }) => isNew),
    [true, false],
  );
  await arriving.coming.come(1, 2);
  t.is(arriving.order.length, 2);
});

test('arrivals: objects are asked for with a message for a session that nobody knows, too', async (t) => {
  const arriving = new Arriving({ needs: () => true });
  const app = { worker: 'w', object: 1, app: 'app', bucket: 'in', source: 0, sourceFunction: null, input: input(far(1)) };
  arriving.take({ to: 'a', message: { kind: 'appObjectReady', ...app } }, load('b'));
  t.deepEqual(arriving.order, ['b']);
  await arriving.coming.come(1);
  t.deepEqual(arriving.order, ['b', 'a with 10']);
});

test('arrivals: in whatever order objects come, those of each session come in its order, and each message once', async (t) => {
  const message = fc.record({ session: fc.constantFrom('s', 'x', 'y'), objects: fc.nat(2) });
  const moves = fc.array(fc.oneof(message, fc.record({ come: fc.nat(20), fails: fc.boolean() })), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(moves, async (steps) => {
      const arriving = new Arriving();
      const sent = new Map<string, string[]>();
      let made = 0;
      let offset = 0;
      const settle = async (which: number, fails: boolean) => {
        const { waiting } = arriving.coming;
        const next = waiting[which % Math.max(1, waiting.length)];
        if (next !== undefined) await (fails ? arriving.coming.fail(next) : arriving.coming.come(next));
      };
      for (const step of steps) {
        if ('come' in step) await settle(step.come, step.fails);
        else {
          const name = `${step.session}${made++}`;
          sent.set(step.session, [...(sent.get(step.session) ?? []), name]);
          arriving.take(put(name, step.session, ...Array.from({ length: step.objects }, () => ++offset)));
        }
      }
      while (arriving.coming.waiting.length > 0) await settle(0, false);
      if (arriving.arrivals.held > 0) throw new Error('somebody waits for nothing');
      const order = arriving.order.map((to) => to.split(' ')[0] ?? '');
      for (const [session, names] of sent) {
        const came = order.filter((name) => name.startsWith(session));
        if (came.join() !== names.join()) throw new Error(`${came.join()} came, not ${names.join()}`);
      }
    }),
    { numRuns: 100 },
  );
  t.pass();
});

test('arrivals: an object that a former process of this name had is not taken for one that lies here', async (t) => {
  const arriving = new Arriving();
  const ref: Ref = { encoding: 0, sizeBytes: 1, inline: null, offset: -1, remote: { node: 'w1', incarnation: 2, offset: 64, serial: 1 } };
  const current: Ref = { ...ref, remote: { node: 'w1', incarnation: 1, offset: 64, serial: 1 } };
  const put = (session: string, one: Ref): Envelope => ({
    to: 'scheduler',
    message: { kind: 'putIntoSession', session, client: 'c', request: 1, entries: [{ bucket: 'in', key: 'k', group: null, ref: one }] },
  });
  arriving.take(put('a', ref), put('b', current));
  t.deepEqual(
    arriving.deliveries.flat().map(({ message }) => (message as { session: string }).session),
    ['b'],
  );
});

test('arrivals: what lay here and does not any more is not taken for what lies in its place', async (t) => {
  const seen: unknown[] = [];
  const arriving = new Arriving({
    isHere: (place, sizeBytes) => {
      seen.push([place, sizeBytes]);
      return place.serial === 1;
    },
  });
  const ref = far(64, 'w1');
  const late: Ref = { ...ref, remote: { node: 'w1', incarnation: 1, offset: 64, serial: 0 } };
  const put = (session: string, one: Ref): Envelope => ({
    to: session,
    message: { kind: 'putIntoSession', session, client: 'c', request: 1, entries: [{ bucket: 'in', key: 'k', group: null, ref: one }] },
  });
  arriving.take(put('a', late), put('b', ref), put('c', far(64, 'w2')));
  t.deepEqual(arriving.order, ['b']);
  t.deepEqual(refsOf(arriving.deliveries[0]?.[0]?.message as Message), [{ encoding: 0, sizeBytes: 1, inline: null, offset: 64 }]);
  t.deepEqual(seen, [
    [late.remote, 1],
    [ref.remote, 1],
  ]);
  t.deepEqual(
    arriving.coming.asked.map((asked) => asked.ref.remote?.node),
    ['w1', 'w2'],
    'the fetcher refuses what is to lie here',
  );
});

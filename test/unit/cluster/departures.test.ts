/** What a worker says to others (`transfer/departures.ts`). */
import test from 'ava';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { Departures } from '../../../src/cluster/transfer/departures.ts';
import type { Envelope } from '../../../src/cluster/wire/codec.ts';
import { refsOf } from '../../../src/cluster/wire/refs.ts';
import type { Ref } from '../../../src/storage/object.ts';
import { ObjectStore } from '../../../src/storage/object-store.ts';
import { createSegment } from '../../../src/storage/segment.ts';

const client = 'client:local@~u/c1';
const inline: Ref = { encoding: 0, sizeBytes: 1, inline: new Uint8Array(1), offset: -1 };

interface Known {
  readonly offset: number;
  readonly serial: number;
}

class Leaving {
  readonly store = new ObjectStore({ segment: createSegment({ sizeBytes: 65_536, mapped: false }) });
  readonly sent: { readonly to: string; readonly message: Message }[] = [];
  readonly departures = new Departures({
    node: 'w1',
    incarnation: 1,
    outletOf: (address) => (address.includes('@') ? { send: (to, message) => void this.sent.push({ to, message }) } : null),
    store: this.store,
  });

  /** A block, held so often. */
  block(holders = 1): Ref {
    const offset = this.store.allocate('thread:0', 64, 'running');
    this.store.adopt(offset);
    for (let more = 1; more < holders; more++) this.store.pin(offset);
    return { encoding: 3, sizeBytes: 64, inline: null, offset };
  }

  output(to: string, ref: Ref): void {
    const message = { kind: 'sessionOutput', session: 's', app: 'app', index: 0, from: 'f', ref, called: true } as const;
    this.departures.outletOf(to)?.send(to, message);
  }

  /** As the client knows it: with the serial of what lies there now. */
  known({ offset }: Ref): Known {
    return { offset, serial: this.store.serialOf(offset) };
  }

  /** The client says that it has these; what of it the store is told is done. */
  release(owner: string, ...blocks: readonly Known[]): readonly number[] {
    const [offsets, serials] = [blocks.map(({ offset }) => offset), blocks.map(({ serial }) => serial)];
    const said: Envelope[] = [{ to: 'store@w1', message: { kind: 'releaseBlocks', owner, offsets, serials } }];
    const passed = this.departures.noteReleases(said).flatMap(({ message }) => (message.kind === 'releaseBlocks' ? message.offsets : []));
    for (const offset of passed) this.store.release(offset);
    return passed;
  }

  get refs(): readonly Ref[] {
    return this.sent.flatMap(({ message }) => refsOf(message));
  }
}

test('departures: what lies here is said to lie here; all else is as it was', (t) => {
  const leaving = new Leaving();
  const block = leaving.block();
  const elsewhere: Ref = {
    encoding: 0,
    sizeBytes: 9,
    inline: null,
    offset: -1,
    remote: { node: 'w2', incarnation: 1, offset: 0, serial: 7 },
  };
  const inputs = [block, inline, elsewhere].map((ref) => ({ key: 'k', group: null, session: 's', ref }));
  const lodge = { home: 'scheduler@w1', session: 's', invocation: 1, attempt: 1, app: 'app', revision: 1, function: 0, priority: 5 };
  const message: Message = { kind: 'lodge', ...lodge, inputs, owned: [], failure: null, ifFree: false };
  leaving.departures.outletOf('scheduler@w2')?.send('scheduler@w2', message);
  t.deepEqual(leaving.refs, [
    { encoding: 3, sizeBytes: 64, inline: null, offset: -1, remote: { node: 'w1', incarnation: 1, ...leaving.known(block) } },
    inline,
    elsewhere,
  ]);
  t.deepEqual(refsOf(message)[0], block, 'the message itself is somebody’s');
  t.is(leaving.departures.sent, 1);
});

test('departures: who is of this node is no matter of theirs', (t) => {
  const leaving = new Leaving();
  t.is(leaving.departures.outletOf('thread:1'), null);
});

test('departures: T9: what was pinned for a client is held until it says that it has it', (t) => {
  const leaving = new Leaving();
  const block = leaving.block();
  leaving.output(client, block);
  t.is(leaving.store.blocks, 1);
  t.deepEqual(leaving.release(client, leaving.known(block)), [block.offset]);
  t.is(leaving.store.blocks, 0);
  leaving.departures.forget('~u/c1');
  t.is(leaving.store.blocks, 0);
});

test('departures: T9: a client is no more: all that was held for it is let go of, as often as it was, and only once', (t) => {
  const leaving = new Leaving();
  const [once, thrice, others] = [leaving.block(), leaving.block(3), leaving.block(2)] as const;
  leaving.output(client, once);
  for (let i = 0; i < 3; i++) leaving.output(client, thrice);
  leaving.output(client, others);
  leaving.output('client:local@~v/c1', others);
  leaving.release(client, leaving.known(thrice));
  leaving.departures.forget('~u/c1');
  t.is(leaving.store.blocks, 1);
  leaving.departures.forget('~u/c1');
  leaving.departures.forget('~nobody/c1');
  t.is(leaving.store.blocks, 1);
  leaving.departures.forget('~v/c1');
  t.is(leaving.store.blocks, 0);
});

test('departures: T9: with a gateway all its clients are gone, and what comes for them later is held for nobody, until one is back', (t) => {
  const leaving = new Leaving();
  leaving.output(client, leaving.block());
  leaving.output('client:local@~v/c1', leaving.block());
  leaving.output('client:local@~v/c2', leaving.block());
  leaving.departures.outletOf('front@c1')?.send('front@c1', {
    kind: 'objectsFound',
    request: 1,
    objects: [{ key: 'k', group: null, session: 's', ref: leaving.block() }],
  });
  leaving.departures.forget('c1');
  t.is(leaving.store.blocks, 1);
  leaving.output(client, leaving.block());
  t.is(leaving.store.blocks, 1);
  leaving.departures.remember('~w/c1');
  leaving.output('client:local@~w/c1', leaving.block());
  t.is(leaving.store.blocks, 2);
});

test('departures: T9: what is found for a client is held for it; what is sent to other nodes their actors hold themselves', (t) => {
  const leaving = new Leaving();
  const objects = [leaving.block(), inline].map((ref) => ({ key: 'k', group: null, session: 's', ref }));
  leaving.departures.outletOf(client)?.send(client, { kind: 'objectsFound', request: 1, objects });
  const ref = leaving.block();
  const name = { session: 's', invocation: 1, attempt: 1 };
  leaving.departures.outletOf('scheduler@w2')?.send('scheduler@w2', { kind: 'lodgerOutput', ...name, ordinal: 1, ref, failure: null });
  leaving.departures.forget('~u/c1');
  leaving.departures.forget('w2');
  t.is(leaving.store.blocks, 1);
});

test('departures: T9: who lets go of what is not held for him changes nothing', (t) => {
  const leaving = new Leaving();
  const ref = leaving.block(2);
  leaving.output(client, ref);
  const known = leaving.known(ref);
  t.deepEqual(leaving.release('client:local@~v/c1', known), []);
  t.deepEqual(leaving.release(client, known, known, { offset: 6_400, serial: 0 }), [ref.offset]);
  t.deepEqual(leaving.release('client:local', known), []);
  t.is(leaving.store.blocks, 1, 'it is still another’s');
});

test('departures: T9: a client that was given up and comes back lets go of nothing twice', (t) => {
  const leaving = new Leaving();
  const ref = leaving.block();
  leaving.output(client, ref);
  const known = leaving.known(ref);
  leaving.departures.forget('~u/c1');
  const another = leaving.block();
  t.is(another.offset, ref.offset, 'its place is another’s now');
  leaving.release(client, known);
  t.is(leaving.store.blocks, 1);
});

test('departures: T10: what was let go of when the client was taken for gone lets go of no new output in its place', (t) => {
  const leaving = new Leaving();
  const ref = leaving.block();
  leaving.output(client, ref);
  const late = leaving.known(ref);
  leaving.departures.forget('~u/c1');
  leaving.departures.remember('~u/c1');
  const another = leaving.block();
  t.is(another.offset, ref.offset);
  leaving.output(client, another);
  t.deepEqual(leaving.release(client, late), []);
  t.is(leaving.store.blocks, 1, 'the client has yet to fetch it');
  t.deepEqual(leaving.release(client, leaving.known(another)), [another.offset]);
  t.is(leaving.store.blocks, 0);
});

test('departures: T10: who does not say which block he means lets go of none', (t) => {
  const leaving = new Leaving();
  const { offset } = leaving.block();
  leaving.output(client, { encoding: 3, sizeBytes: 64, inline: null, offset });
  const said: Envelope[] = [{ to: 'store@w1', message: { kind: 'releaseBlocks', owner: client, offsets: [offset] } }];
  t.deepEqual(leaving.departures.noteReleases(said), [{ to: 'store@w1', message: { kind: 'releaseBlocks', owner: client, offsets: [] } }]);
});

test('departures: T10: what is free when it leaves, and may be granted again, is said to be no block', (t) => {
  const leaving = new Leaving();
  const ref = leaving.block();
  leaving.store.release(ref.offset);
  t.is(leaving.store.allocate('thread:1', 64, 'running'), ref.offset);
  const objects = [{ key: 'k', group: null, session: 's', ref }];
  const name = { session: 's', invocation: 1, attempt: 1 };
  const answer = { kind: 'lodgerAnswer', home: 'scheduler@w1', ...name, request: 1, error: null, objects, owned: [] } as const;
  leaving.departures.outletOf('scheduler@w2')?.send('scheduler@w2', answer);
  t.like(leaving.refs, [{ remote: { offset: ref.offset, serial: 0 } }]);
  leaving.store.adopt(ref.offset);
  t.not(leaving.store.serialOf(ref.offset), 0);
});

test('departures: T9: what was found by a search of the client’s coordinator the client lets go of', (t) => {
  const leaving = new Leaving();
  const ref = leaving.block();
  const objects = [{ key: 'k', group: null, session: 's', ref }];
  leaving.departures.outletOf('front@c1')?.send('front@c1', { kind: 'objectsFound', request: 1, objects });
  t.deepEqual(leaving.release('client:local@~v/c2', leaving.known(ref)), []);
  t.deepEqual(leaving.release(client, leaving.known(ref)), [ref.offset]);
  t.is(leaving.store.blocks, 0);
});

test('departures: other messages go through as they are', (t) => {
  const leaving = new Leaving();
  const said: Envelope[] = [
    { to: 'scheduler@w1', message: { kind: 'slotsAsked', coordinator: 'c' } },
    { to: 'objects@w1', message: { kind: 'nodeGone', node: '~u/c1' } },
  ];
  t.deepEqual(leaving.departures.noteReleases(said), said);
});

test('departures: T9: what is sent to a client that is gone is held for nobody, until it comes back', (t) => {
  const leaving = new Leaving();
  leaving.departures.forget('~u/c1');
  leaving.output(client, leaving.block());
  t.is(leaving.store.blocks, 0);
  t.is(leaving.sent.length, 1, 'should it be there, it hears of it');
  leaving.departures.remember('~u/c1');
  const ref = leaving.block();
  leaving.output(client, ref);
  t.is(leaving.store.blocks, 1);
  leaving.release(client, leaving.known(ref));
  t.is(leaving.store.blocks, 0);
});

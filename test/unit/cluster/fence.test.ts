/** A coordinator that has lost its shard, and its successor, at one worker (`cluster/fence.ts`). */
import test from 'ava';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { shardOf } from '../../../src/actors/protocol/session-id.ts';
import { Fence, stamping } from '../../../src/cluster/fence.ts';
import type { Shard } from '../../../src/cluster/view.ts';
import { decodeFrame, encodeFrame } from '../../../src/cluster/wire/codec.ts';
import { single } from '../actors/coordinator-workers-driver.ts';

const bundle = { hash: 'h', code: '', content: '', module: '' };
const install = (coordinator: string, revision: number): Message => ({
  kind: 'installApp',
  coordinator,
  revision,
  definition: single,
  bundle,
});

/** What a worker takes, in order, by the coordinator that says it. */
class Worker {
  readonly taken: string[] = [];
  readonly #fence = new Fence();

  /** The way there of a coordinator that takes itself for the shard's owner since this epoch. */
  wayOf(name: string, shards: ReadonlyMap<number, Shard>) {
    const send = (to: string, sent: Message) => {
      for (const { message } of decodeFrame(encodeFrame([{ to, message: sent }])))
        if (this.#fence.admits(message)) this.taken.push(`${name} ${message.kind}`);
    };
    return stamping({ send }, name, { shards: new Map(shards) });
  }
}

test('fence: Y4: what a former owner of the shard begins is refused once its successor has acted', (t) => {
  const worker = new Worker();
  const shard = shardOf(single.name);
  const former = worker.wayOf('c1', new Map([[shard, { owner: 'c1', epoch: 4 }]]));
  const next = worker.wayOf('c2', new Map([[shard, { owner: 'c2', epoch: 9 }]]));
  former?.send('scheduler@w1', install('coordinator@c1', 1));
  next?.send('scheduler@w1', install('coordinator@c2', 2));
  former?.send('scheduler@w1', install('coordinator@c1', 2));
  // It names what it ends.
  former?.send('scheduler@w1', { kind: 'uninstallApp', app: single.name, revision: 1 });
  next?.send('scheduler@w1', install('coordinator@c2', 3));
  t.deepEqual(worker.taken, ['c1 installApp', 'c2 installApp', 'c1 uninstallApp', 'c2 installApp']);
});

test('fence: Y4: who knows that the shard is another’s begins nothing in it; other shards and other messages are not concerned', (t) => {
  const worker = new Worker();
  const way = worker.wayOf('c1', new Map([[shardOf(single.name), { owner: 'c2', epoch: 9 }]]));
  way?.send('scheduler@w1', install('coordinator@c1', 1));
  way?.send('scheduler@w1', { kind: 'slotsAsked', coordinator: 'coordinator@c1' });
  t.deepEqual(worker.taken, ['c1 slotsAsked']);
});

test('fence: what names no epoch begins nothing', (t) => {
  const fence = new Fence();
  t.false(fence.admits(install('coordinator@c1', 1)));
  t.true(fence.admits({ ...install('coordinator@c1', 1), epoch: 1 } as Message));
});

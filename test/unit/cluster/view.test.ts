/** The cluster as a node sees it (`cluster/view.ts`). */
import test from 'ava';
import { shardOf, shardsCount } from '../../../src/actors/protocol/session-id.ts';
import { MemoryRegistry } from '../../../src/cluster/registry/memory-registry.ts';
import { ClusterView, encodeEntry, memberKey, shardKey } from '../../../src/cluster/view.ts';
import { turn } from './transfer-driver.ts';

class Seen {
  readonly registry: MemoryRegistry;
  readonly view: ClusterView;
  readonly events: string[] = [];

  constructor(registry = new MemoryRegistry()) {
    this.registry = registry;
    this.view = new ClusterView(registry, {
      joined: ({ name, incarnation }) => this.events.push(`${name} ${incarnation} joined${this.view.members.has(name) ? '' : ', unknown'}`),
      left: ({ name, incarnation }) => this.events.push(`${name} ${incarnation} left${this.view.members.has(name) ? ', known' : ''}`),
      sharded: () => this.events.push('sharded'),
    });
  }

  async member(name: string, incarnation = 1, role: 'worker' | 'coordinator' = 'worker'): Promise<void> {
    const value = encodeEntry({ role, address: `tcp://${name}`, incarnation, startedMs: 5 });
    await this.registry.put(memberKey(name), value, { expected: null, ttlMs: null });
  }

  async shard(shard: number | string, owner: string): Promise<number> {
    return this.registry.put(`shards/${shard}`, encodeEntry({ owner }), { expected: null, ttlMs: null });
  }
}

test('view: is ready when it knows what there was', async (t) => {
  const before = new Seen();
  await before.member('c1', 1, 'coordinator');
  await before.member('w1');
  await before.member('w2');
  await before.shard(3, 'c1');
  const { view } = new Seen(before.registry);
  t.is(view.members.size, 0);
  await view.ready;
  t.deepEqual(
    view.workers().map(({ name }) => name),
    ['w1', 'w2'],
  );
  t.deepEqual(view.coordinators(), [{ name: 'c1', role: 'coordinator', address: 'tcp://c1', incarnation: 1, startedMs: 5 }]);
  t.is(view.ownerOf(3), 'c1');
});

test('view: members join and leave, and a lease that is renewed is nothing new', async (t) => {
  const seen = new Seen();
  await seen.member('w1', 1);
  await seen.member('w1', 1);
  await seen.member('w2', 4);
  await seen.registry.delete(memberKey('w1'), null);
  t.deepEqual(seen.events, ['w1 1 joined', 'w2 4 joined', 'w1 1 left']);
});

test('view: another node of the same name is another: the former has left before it joins', async (t) => {
  const seen = new Seen();
  await seen.member('w1', 1);
  await seen.member('w1', 2);
  t.deepEqual(seen.events, ['w1 1 joined', 'w1 1 left', 'w1 2 joined']);
  t.is(seen.view.members.get('w1')?.incarnation, 2);
});

test('view: a shard has an owner as long as that is a member, since the revision of its entry', async (t) => {
  const seen = new Seen();
  const first = await seen.shard(7, 'c1');
  t.is(seen.view.ownerOf(7), null);
  t.deepEqual(seen.view.shards.get(7), { owner: 'c1', epoch: first });
  await seen.member('c1', 1, 'coordinator');
  t.is(seen.view.ownerOf(7), 'c1');
  const second = await seen.shard(7, 'c2');
  t.true(second > first);
  t.is(seen.view.ownerOf(7), null);
  t.is(seen.view.shards.get(7)?.epoch, second);
  await seen.registry.delete(shardKey(7), null);
  t.false(seen.view.shards.has(7));
  t.is(seen.events.filter((event) => event === 'sharded').length, 3);
});

test('view: an app’s owner is that of its shard', async (t) => {
  const seen = new Seen();
  await seen.member('c1', 1, 'coordinator');
  await seen.shard(shardOf('app'), 'c1');
  t.is(seen.view.ownerOfApp('app'), 'c1');
  t.is(seen.view.ownerOf((shardOf('app') + 1) % shardsCount), null);
});

test('view: what is no shard is none', async (t) => {
  const seen = new Seen();
  await seen.shard(shardsCount, 'c1');
  await seen.shard(-1, 'c1');
  await seen.shard('x', 'c1');
  t.is(seen.view.shards.size, 0);
  t.deepEqual(seen.events, []);
});

test('view: hears nothing more when it is stopped', async (t) => {
  const seen = new Seen();
  await seen.member('w1');
  seen.view.stop();
  await seen.member('w2');
  await seen.shard(1, 'c1');
  await turn();
  t.deepEqual(seen.events, ['w1 1 joined']);
});

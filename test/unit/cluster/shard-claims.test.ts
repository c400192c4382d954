/** Which coordinator acts for which shard (`cluster/shard-claims.ts`), over a registry in memory. */
import test from 'ava';
import fc from 'fast-check';
import { shardsCount } from '../../../src/actors/protocol/session-id.ts';
import { MemoryRegistry } from '../../../src/cluster/registry/memory-registry.ts';
import { preferredFor, ShardClaims } from '../../../src/cluster/shard-claims.ts';
import { ClusterView, encodeEntry, memberKey, shardKey } from '../../../src/cluster/view.ts';
import { turn } from './transfer-driver.ts';

const shards = Array.from({ length: shardsCount }, (_, shard) => shard);
const any = { expected: null, ttlMs: null };

class Coordinator {
  readonly name: string;
  readonly registry: MemoryRegistry;
  readonly view: ClusterView;
  readonly claims: ShardClaims;
  readonly used = new Set<number>();
  readonly errors: unknown[] = [];
  #isHere = false;

  constructor(name: string, registry: MemoryRegistry) {
    this.name = name;
    this.registry = registry;
    const changed = () => void (this.#isHere && this.claims.settle());
    this.view = new ClusterView(registry, { joined: changed, left: changed, sharded: changed });
    const inUse = (shard: number) => this.used.has(shard);
    this.claims = new ShardClaims({ name, registry, view: this.view, inUse, failed: (error) => this.errors.push(error) });
  }

  /** As `startCoordinator` does it. */
  async join(incarnation = 1): Promise<void> {
    await this.view.ready;
    const value = encodeEntry({ role: 'coordinator', address: '', incarnation, startedMs: 0 });
    await this.registry.put(memberKey(this.name), value, any);
    this.#isHere = true;
    await this.claims.settle();
  }

  async leave(): Promise<void> {
    this.#isHere = false;
    this.view.stop();
    await this.registry.delete(memberKey(this.name), null);
  }

  get owned(): readonly number[] {
    return shards.filter((shard) => this.view.ownerOf(shard) === this.name);
  }
}

/** What is to change has changed. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

async function clusterOf(...names: readonly string[]): Promise<{ registry: MemoryRegistry; nodes: Coordinator[] }> {
  const registry = new MemoryRegistry();
  const nodes = names.map((name) => new Coordinator(name, registry));
  await Promise.all(nodes.map((node) => node.join()));
  await quiet();
  return { registry, nodes };
}

const owners = ({ view }: Coordinator) => shards.map((shard) => view.ownerOf(shard));

test('shard claims: one coordinator has them all, when settle has resolved', async (t) => {
  const node = new Coordinator('c1', new MemoryRegistry());
  await node.join();
  t.deepEqual(node.owned, shards);
});

test('shard claims: P2: of several that start together each shard gets one, and all of them see the same', async (t) => {
  const { registry, nodes } = await clusterOf('c1', 'c2', 'c3');
  const [first] = nodes as [Coordinator];
  t.deepEqual(
    owners(first),
    shards.map((shard) => preferredFor(shard, ['c1', 'c2', 'c3'])),
  );
  for (const node of nodes) t.deepEqual(owners(node), owners(first));
  t.is(nodes.flatMap(({ owned }) => owned).length, shardsCount);
  t.deepEqual(
    nodes.flatMap(({ errors }) => errors),
    [],
  );
  const entries = await registry.list('shards/');
  t.is(entries.length, shardsCount);
  for (const { key, revision } of entries) t.is(first.view.shards.get(Number(key.slice(7)))?.epoch, revision);
});

test('shard claims: who joins gets what is preferred there and not in use, and nothing else moves', async (t) => {
  const { registry, nodes } = await clusterOf('c1', 'c2');
  const [c1, c2] = nodes as [Coordinator, Coordinator];
  const before = owners(c1);
  const due = shards.filter((shard) => preferredFor(shard, ['c1', 'c2', 'c3']) === 'c3');
  t.true(due.length > 4);
  const kept = due.slice(0, 3);
  for (const shard of kept) for (const node of nodes) if (before[shard] === node.name) node.used.add(shard);
  const c3 = new Coordinator('c3', registry);
  await c3.join();
  await quiet();
  t.deepEqual(
    owners(c1),
    shards.map((shard) => (due.includes(shard) && !kept.includes(shard) ? 'c3' : before[shard])),
  );
  t.deepEqual(owners(c3), owners(c1));
  for (const node of [c1, c2]) node.used.clear();
  await Promise.all([c1.claims.settle(), c2.claims.settle()]);
  await quiet();
  t.deepEqual(c3.owned, due, 'what is not in use any more goes where it belongs');
});

test('shard claims: a shard that is being given away is said to be, until its owner is another', async (t) => {
  const { registry, nodes } = await clusterOf('c1');
  const [c1] = nodes as [Coordinator];
  const put = registry.put.bind(registry);
  const given: boolean[] = [];
  registry.put = async (key, value, options) => {
    if (key.startsWith('shards/')) given.push(c1.claims.isYielding(Number(key.slice(7))));
    return put(key, value, options);
  };
  await new Coordinator('c2', registry).join();
  await quiet();
  t.true(given.length > 10);
  t.true(given.every((isGiven) => isGiven));
  t.is(c1.owned.length, shardsCount - given.length);
  t.false(shards.some((shard) => c1.claims.isYielding(shard)));
});

test('shard claims: the shards of one that is gone are taken, and only those', async (t) => {
  const { nodes } = await clusterOf('c1', 'c2', 'c3');
  const [c1, c2, c3] = nodes as [Coordinator, Coordinator, Coordinator];
  for (const node of nodes) for (const shard of node.owned) node.used.add(shard);
  const before = owners(c1);
  await c3.leave();
  await quiet();
  t.deepEqual(
    owners(c1),
    shards.map((shard) => (before[shard] === 'c3' ? preferredFor(shard, ['c1', 'c2']) : before[shard])),
  );
  t.deepEqual(owners(c2), owners(c1));
});

test('shard claims: P1: whenever a shard changes hands its epoch is another, and greater', async (t) => {
  const { registry, nodes } = await clusterOf('c1', 'c2');
  const [c1, c2] = nodes as [Coordinator, Coordinator];
  const lost = c2.owned;
  const before = new Map([...c1.view.shards].map(([shard, { epoch }]) => [shard, epoch]));
  await c2.leave();
  await quiet();
  for (const shard of lost) t.true((c1.view.shards.get(shard)?.epoch ?? 0) > (before.get(shard) ?? 0));
  const again = new Coordinator('c2', registry);
  await again.join(2);
  await quiet();
  t.deepEqual(again.owned, lost);
});

test('shard claims: who comes back under its name has what it had, and nobody is asked', async (t) => {
  const { registry, nodes } = await clusterOf('c1', 'c2');
  const [c1, c2] = nodes as [Coordinator, Coordinator];
  const { owned } = c2;
  c2.view.stop();
  const again = new Coordinator('c2', registry);
  await again.join(2);
  await quiet();
  t.deepEqual(again.owned, owned);
  t.deepEqual(owners(again), owners(c1));
});

test('shard claims: P2: who is slower than another leaves it to him, without a word', async (t) => {
  const registry = new MemoryRegistry();
  const node = new Coordinator('c1', registry);
  await node.view.ready;
  await registry.put(memberKey('c1'), encodeEntry({ role: 'coordinator', address: '', incarnation: 1, startedMs: 0 }), any);
  const other = registry.put(shardKey(5), encodeEntry({ owner: 'c2' }), any);
  await Promise.all([node.claims.settle(), other]);
  t.is(node.view.shards.get(5)?.owner, 'c2');
  t.deepEqual(node.errors, []);
  t.is(node.owned.length, shardsCount - 1);
  await node.claims.settle();
  t.deepEqual(node.owned, shards, 'c2 is no member');
});

test('shard claims: what goes wrong with the registry is told, and the next settle tries again', async (t) => {
  const registry = new MemoryRegistry();
  const node = new Coordinator('c1', registry);
  await node.view.ready;
  await registry.put(memberKey('c1'), encodeEntry({ role: 'coordinator', address: '', incarnation: 1, startedMs: 0 }), any);
  await turn();
  const put = registry.put.bind(registry);
  registry.put = () => Promise.reject(new Error('the disk is full'));
  await node.claims.settle();
  t.is(node.errors.length, shardsCount);
  registry.put = put;
  await node.claims.settle();
  t.deepEqual(node.owned, shards);
});

test('shard claims: workers have no part in it', async (t) => {
  const { registry, nodes } = await clusterOf('c1');
  const worker = encodeEntry({ role: 'worker', address: '', incarnation: 1, startedMs: 0 });
  await registry.put(memberKey('w1'), worker, any);
  await quiet();
  t.deepEqual(nodes[0]?.owned, shards);
});

type Move = { readonly kind: 'join' | 'leave' | 'use' | 'free'; readonly which: number };

test('shard claims: whoever comes and goes, in the end each shard has one living owner, and what was in use has stayed', async (t) => {
  const move = fc.record<Move>({ kind: fc.constantFrom('join', 'leave', 'use', 'use', 'free'), which: fc.nat(1_000) });
  await fc.assert(
    fc.asyncProperty(fc.array(move, { maxLength: 15 }), async (moves) => {
      const registry = new MemoryRegistry();
      const nodes: Coordinator[] = [];
      let made = 0;
      const join = async () => {
        const node = new Coordinator(`c${++made}-${moves.length}`, registry);
        nodes.push(node);
        await node.join();
      };
      await join();
      for (const { kind, which } of moves) {
        const node = nodes[which % nodes.length] as Coordinator;
        const shard = which % shardsCount;
        if (kind === 'join' && nodes.length < 5) await join();
        if (kind === 'leave' && nodes.length > 1) await nodes.splice(which % nodes.length, 1)[0]?.leave();
        // As `Front` does it.
        if (kind === 'use' && node.view.ownerOf(shard) === node.name && !node.claims.isYielding(shard)) node.used.add(shard);
        if (kind === 'free') node.used.clear();
      }
      await quiet();
      const living = nodes.map(({ name }) => name);
      for (const node of nodes) {
        if (owners(node).some((owner) => owner === null || !living.includes(owner))) throw new Error('a shard has no living owner');
        if (owners(node).join() !== owners(nodes[0] as Coordinator).join()) throw new Error('two see different owners');
        for (const shard of node.used) if (node.view.ownerOf(shard) !== node.name) throw new Error(`shard ${shard} was in use`);
        if (node.errors.length > 0) throw new Error(String(node.errors[0]));
      }
    }),
    { numRuns: 40 },
  );
  t.pass();
});

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,15}$/);

test('shard claims: rendezvous: who joins takes only for himself, and who leaves gives up only his own', (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 8 }), name, (names, another) => {
      fc.pre(!names.includes(another));
      return shards.every((shard) => {
        const before = preferredFor(shard, names);
        const after = preferredFor(shard, [...names, another]);
        return (after === before || after === another) && preferredFor(shard, names.toReversed()) === before;
      });
    }),
  );
  t.is(preferredFor(1, []), null);
});

test('shard claims: rendezvous: shards are spread evenly, whatever the coordinators are called', (t) => {
  const numbered = fc
    .integer({ min: 2, max: 8 })
    .chain((count) =>
      fc.constantFrom('c', 'coordinator-', 'c.eu-west-1.', '').map((prefix) => Array.from({ length: count }, (_, i) => `${prefix}${i}`)),
    );
  const names = fc.oneof(fc.uniqueArray(name, { minLength: 2, maxLength: 8 }), numbered);
  fc.assert(
    fc.property(names, (list) => {
      const counts = new Map<string | null, number>();
      const many = 4_096;
      for (let shard = 0; shard < many; shard++) {
        const owner = preferredFor(shard, list);
        counts.set(owner, (counts.get(owner) ?? 0) + 1);
      }
      const fair = many / list.length;
      return list.every((one) => Math.abs((counts.get(one) ?? 0) - fair) < fair * 0.3);
    }),
  );
  t.pass();
});

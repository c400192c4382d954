/** The registry over messages: what gets lost, what is told again, and what is bounded. */
import test from 'ava';
import fc from 'fast-check';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { answersOf, EntryJoiner, pieceBytesMax, piecesOf } from '../../../src/cluster/registry/pieces.ts';
import type { Registry } from '../../../src/cluster/registry/registry.ts';
import { RegistryError } from '../../../src/cluster/registry/registry-error.ts';
import { RegistryService } from '../../../src/cluster/registry/registry-service.ts';
import { RemoteRegistry } from '../../../src/cluster/registry/remote-registry.ts';
import { encodeFrame } from '../../../src/cluster/wire/codec.ts';
import { advance, anyRevision, bytes, Log, Network } from '../../conformance/registry-bench.ts';
import { Clock } from '../../simulation/clock.ts';

function setUp() {
  const clock = new Clock(0);
  const network = new Network(clock);
  return { clock, network, base: network.registry, remote: network.join('w1', { timeoutMs: 2_000, checkMs: 1_000 }) };
}

const sizeOf = (message: Message) => encodeFrame([{ to: 'registry-client@w1', message }]).byteLength;
const sortOf = (error: unknown) => (error instanceof RegistryError ? error.code : error);

test('remote registry: what is not answered in time is refused, and a late answer is nobody’s', async (t) => {
  const { clock, network, remote } = setUp();
  network.cut('w1');
  const outcomes = Promise.all([remote.get('a').catch(sortOf), remote.put('a', bytes('1'), anyRevision).catch(sortOf)]);
  clock.step(1_999);
  t.is(await Promise.race([outcomes, network.quiet().then(() => 'waiting')]), 'waiting');
  while (clock.step(2_000));
  t.deepEqual(await outcomes, ['CallTimedOut', 'CallTimedOut']);
  network.mend('w1');
  t.is(await remote.get('a'), null);
  remote.take({ kind: 'registryAnswer', request: 1, error: null, result: 0, parts: [], isLast: true });
  t.is(await remote.get('a'), null);
  await network.close();
});

test('remote registry: when the connection is lost, what is unanswered is refused at once, and what is asked until it is back', async (t) => {
  const { network, base, remote } = setUp();
  const unanswered = [remote.get('a'), remote.put('a', bytes('1'), anyRevision), remote.list(''), remote.delete('b', null)];
  remote.connectionLost();
  t.deepEqual(await Promise.all(unanswered.map((one) => one.catch(sortOf))), Array(4).fill('PeerUnreachable'));
  const error = await t.throwsAsync(remote.get('a'), {
    instanceOf: RegistryError,
    message: /get of "a": there is no connection to the registry/,
  });
  t.true(error.retryable);
  await network.quiet();
  t.deepEqual((await base.get('a'))?.value, bytes('1'), 'it may have been done');
  remote.connectionRestored();
  t.deepEqual((await remote.get('a'))?.value, bytes('1'));
  await network.close();
});

test('remote registry: watches outlive a lost connection, and tell what came of it meanwhile', async (t) => {
  const { network, base, remote } = setUp();
  for (const key of ['m/1', 'm/2', 'm/3', 'm/4']) await base.put(key, bytes('x'), anyRevision);
  const log = new Log(remote, 'm/');
  await network.quiet();
  t.deepEqual(log.take(), ['m/1=x @1', 'm/2=x @2', 'm/3=x @3', 'm/4=x @4', 'current']);
  network.cut('w1');
  remote.connectionLost();
  network.service.bury('w1');
  t.is(network.service.watches, 0);
  await base.delete('m/1', null);
  await base.put('m/2', bytes('y'), anyRevision);
  await base.delete('m/3', null);
  await base.put('m/3', bytes('z'), anyRevision);
  await base.put('m/5', bytes('new'), anyRevision);
  await base.put('m/6', bytes('short'), anyRevision);
  await base.delete('m/6', null);
  await network.quiet();
  t.deepEqual(log.take(), []);
  network.mend('w1');
  remote.connectionRestored();
  await network.quiet();
  t.deepEqual(log.take(), ['m/2=y @6', 'm/3=z @8', 'm/5=new @9', 'm/1 gone @9']);
  await base.put('m/1', bytes('back'), anyRevision);
  await network.quiet();
  t.deepEqual(log.take(), ['m/1=back @12']);
  t.is(network.service.watches, 1);
  await network.close();
});

test('remote registry: a connection that comes back before its loss was noticed tells nothing twice', async (t) => {
  const { network, base, remote } = setUp();
  await base.put('a', bytes('1'), anyRevision);
  const log = new Log(remote, '');
  await network.quiet();
  network.cut('w1');
  await base.put('b', bytes('2'), anyRevision);
  await network.quiet();
  network.mend('w1');
  remote.connectionRestored();
  remote.connectionRestored();
  await base.put('c', bytes('3'), anyRevision);
  await network.quiet();
  t.deepEqual(log.take(), ['a=1 @1', 'current', 'b=2 @2', 'c=3 @3']);
  await network.close();
});

test('remote registry: whatever happens to connections, watchers end up knowing what there is, and revisions never fall', async (t) => {
  const event = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constantFrom('put' as const, 'delete' as const), key: fc.constantFrom('a', 'b', 'c/1', 'c/2') }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('lost' as const, 'restored' as const, 'bury' as const, 'quiet' as const) }) },
  );
  const property = fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
    const { network, base, remote } = setUp();
    const known = new Map<string, number>();
    let [highest, currents] = [0, 0];
    remote.watch('', {
      changed(change) {
        const { key, revision } = change.kind === 'put' ? change.entry : change;
        if (revision < highest) throw new Error(`${key}: ${revision} after ${highest}`);
        highest = revision;
        if (change.kind === 'gone' && !known.delete(key)) throw new Error(`${key} was gone already`);
        if (change.kind !== 'gone') known.set(key, revision);
      },
      current: () => void currents++,
    });
    for (const { kind, ...rest } of events) {
      if (kind === 'put') await base.put((rest as { key: string }).key, bytes('x'), anyRevision);
      else if (kind === 'delete') await base.delete((rest as { key: string }).key, null);
      else if (kind === 'bury') network.service.bury('w1');
      else if (kind === 'quiet') await network.quiet();
      else if (kind === 'lost') {
        network.cut('w1');
        remote.connectionLost();
      } else {
        network.mend('w1');
        remote.connectionRestored();
      }
    }
    network.mend('w1');
    remote.connectionRestored();
    await network.quiet();
    const right = (await base.list('')).map(({ key, revision }) => [key, revision]);
    const got = [...known].sort(([a], [b]) => (a < b ? -1 : 1));
    await network.close();
    if (JSON.stringify(got) !== JSON.stringify(right) || currents !== 1)
      throw new Error(`${JSON.stringify(got)}, not ${JSON.stringify(right)}; current ${currents} times`);
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: 150 }));
});

test('remote registry: a watch that the registry has dropped without telling is opened again', async (t) => {
  const { clock, network, base, remote } = setUp();
  await base.put('a', bytes('1'), anyRevision);
  const log = new Log(remote, '');
  await network.quiet();
  network.service.bury('w1');
  await base.put('b', bytes('2'), anyRevision);
  await base.delete('a', null);
  await advance({ clock, registry: remote }, 900);
  t.deepEqual(log.take(), ['a=1 @1', 'current']);
  await advance({ clock, registry: remote }, 100);
  await network.quiet();
  t.deepEqual(log.take(), ['b=2 @2', 'a gone @2']);
  await advance({ clock, registry: remote }, 10_000);
  t.deepEqual(log.take(), []);
  t.is(network.service.watches, 1);
  await network.close();
});

test('remote registry: a watch that is asked for, or stopped, without a connection is so when it is back', async (t) => {
  const { network, base, remote } = setUp();
  const stopped = new Log(remote, '');
  await network.quiet();
  remote.connectionLost();
  stopped.stop();
  const log = new Log(remote, '');
  await base.put('a', bytes('1'), anyRevision);
  await network.quiet();
  t.deepEqual(log.take(), []);
  remote.connectionRestored();
  await network.quiet();
  await base.put('b', bytes('2'), anyRevision);
  await network.quiet();
  t.deepEqual(log.take(), ['a=1 @1', 'current', 'b=2 @2']);
  t.deepEqual(stopped.take(), ['current']);
  t.is(network.service.watches, 1);
  await network.close();
});

test('remote registry: a process of the same name that starts anew gets its watches, and not those of the former one', async (t) => {
  const { network, base, remote } = setUp();
  const former = new Log(remote, '');
  await network.quiet();
  await base.put('a', bytes('1'), anyRevision);
  await network.quiet();
  const log = new Log(network.join('w1'), '');
  await network.quiet();
  t.deepEqual(log.take(), ['a=1 @1', 'current']);
  t.deepEqual(former.take(), ['current', 'a=1 @1']);
  t.is(network.service.watches, 1);
  await network.close();
});

test('remote registry: burying a node drops its watches, and nobody else’s', async (t) => {
  const { network, base, remote } = setUp();
  const others = ['w11', '~c/w1', 'xw1'].map((node) => new Log(network.join(node), ''));
  const log = new Log(remote, '');
  await network.quiet();
  t.is(network.service.watches, 4);
  network.service.bury('w1');
  t.is(network.service.watches, 3);
  await base.put('a', bytes('1'), anyRevision);
  await network.quiet();
  t.deepEqual(log.take(), ['current']);
  for (const other of others) t.deepEqual(other.take(), ['current', 'a=1 @1']);
  await network.close();
});

test('remote registry: no message has more than 256 KiB of values, and pieces are followed by their put', async (t) => {
  const { network, remote } = setUp();
  const value = new Uint8Array(3_000_000).map((_, i) => i % 251);
  await Promise.all(['a', 'b', 'c'].map((key) => remote.put(key, value, anyRevision)));
  await remote.put('d', bytes('small'), anyRevision);
  t.is((await remote.list('')).length, 4);
  for (const message of network.sent) t.true(sizeOf(message) < pieceBytesMax + 4_096, `${message.kind}: ${sizeOf(message)} bytes`);
  const kinds = network.sent.flatMap(({ kind }) => (kind === 'registryPiece' || kind === 'registryPut' ? [kind] : []));
  t.deepEqual(kinds, [
    ...Array(3)
      .fill([...Array(11).fill('registryPiece'), 'registryPut'])
      .flat(),
    'registryPut',
  ]);
  await network.close();
});

test('remote registry: a put of which pieces got lost is refused, and changes nothing', async (t) => {
  const { network, base, remote } = setUp();
  network.cut('w1');
  const lost = remote.put('a', new Uint8Array(1_000_000), anyRevision).catch(sortOf);
  await network.quiet();
  network.mend('w1');
  const last = network.sent.at(-1)!;
  network.service.take(last);
  t.is(await lost, 'PeerUnreachable');
  t.is(await base.get('a'), null);
  // Begun, given up, begun again.
  network.service.take(network.sent[0]!);
  await remote.put('a', new Uint8Array(1_000_000), anyRevision);
  t.is((await base.get('a'))?.value.byteLength, 1_000_000);
  await network.close();
});

test('remote registry: a put that goes on beyond all bounds is refused, and nothing of it kept', async (t) => {
  const { network } = setUp();
  const answers: Message[] = [];
  const service = new RegistryService({ registry: network.registry, send: (_, message) => void answers.push(message), unsent() {} });
  const piece = new Uint8Array(pieceBytesMax);
  const owner = 'registry-client@w1';
  for (let i = 0; i < 100; i++) service.take({ kind: 'registryPiece', owner, request: 1, bytes: piece });
  service.take({ kind: 'registryPut', owner, request: 1, key: 'a', sizeBytes: 9, bytes: piece, expected: null, ttlMs: null });
  await network.quiet();
  t.like(answers, { length: 1, 0: { kind: 'registryAnswer', error: { code: 'Overloaded' } } });
  await network.close();
});

test('remote registry: at most 1,024 requests are unanswered, with 64 MiB of values, and 64 watches open', async (t) => {
  const { network, remote } = setUp();
  network.cut('w1');
  const many = Array.from({ length: 1_024 }, () => remote.get('a').catch(sortOf));
  await t.throwsAsync(remote.get('a'), { instanceOf: RegistryError, message: /1024 requests .* are unanswered/ });
  t.is(network.sent.length, 8, 'the others wait for these');
  remote.connectionLost();
  t.deepEqual(new Set(await Promise.all(many)), new Set(['PeerUnreachable']));
  remote.connectionRestored();
  const large = new Uint8Array(16 * 2 ** 20);
  const puts = Array.from({ length: 4 }, () => remote.put('a', large, anyRevision).catch(sortOf));
  await t.throwsAsync(remote.put('a', bytes('1'), anyRevision), { message: /with 67108864 bytes are unanswered/ });
  remote.connectionLost();
  await Promise.all(puts);
  for (let i = 0; i < 64; i++) new Log(remote, `w/${i}`);
  t.throws(() => new Log(remote, 'w/'), { instanceOf: RegistryError, message: /64 watches are open already/ });
  await network.close();
});

test('remote registry: requests that wait for others are sent when these are answered, or refused in their time', async (t) => {
  const { clock, network, remote } = setUp();
  const keys = Array.from({ length: 50 }, (_, i) => `k/${i}`);
  await Promise.all(keys.map((key) => remote.put(key, bytes(key), anyRevision)));
  const entries = await Promise.all(keys.map((key) => remote.get(key)));
  t.deepEqual(
    entries.map((entry) => entry?.key),
    keys,
  );
  network.cut('w1');
  const outcomes = Promise.all(keys.map((key) => remote.get(key).then(String, (error: Error) => error.message)));
  while (clock.step(clock.nowMs + 2_000)) await network.quiet();
  const messages = await outcomes;
  t.is(messages.filter((text) => /no answer has come for 2000 ms/.test(text)).length, 16);
  t.is(messages.filter((text) => /8 others are not done for 2000 ms/.test(text)).length, 34);
  network.mend('w1');
  t.is((await remote.get('k/1'))?.key, 'k/1');
  await network.close();
});

test('remote registry: a registry that throws is an answer, and what is for no registry is ignored', async (t) => {
  const { network } = setUp();
  const answers: Message[] = [];
  const registry = {
    get: () => Promise.reject(new Error('disk on fire')),
    watch: () => {
      throw new RegistryError('Overloaded', 'too many');
    },
  } as unknown as Registry;
  const service = new RegistryService({ registry, send: (_, message) => void answers.push(message), unsent() {} });
  service.take({ kind: 'registryGet', owner: 'x@w1', request: 7, key: 'a' });
  service.take({ kind: 'registryWatch', owner: 'x@w1', watch: 1, prefix: '' });
  service.take({ kind: 'stopScheduler' });
  await network.quiet();
  t.like(answers, { length: 1, 0: { request: 7, error: { code: 'DurableStoreFailed', message: 'registry: disk on fire' } } });
  t.is(service.watches, 0);
  await network.close();
});

test('remote registry: answers that do not fit together are refused', async (t) => {
  const { network } = setUp();
  const sent: Message[] = [];
  const remote = new RemoteRegistry({
    owner: 'x@w1',
    timers: network.clock.timers(),
    firstNumber: 1,
    send: (message) => void sent.push(message),
  });
  const part = { key: 'a', revision: 1, sizeBytes: 10, bytes: new Uint8Array(6) };
  const answer = { kind: 'registryAnswer', error: null, result: 0, isLast: true } as const;
  const attempts = [1, 2, 3].map(() => remote.get('a').catch(sortOf));
  remote.take({ ...answer, request: 1, parts: [part] });
  remote.take({ ...answer, request: 2, parts: [part, { ...part, revision: 2 }] });
  remote.take({ ...answer, request: 3, parts: [part, part] });
  t.deepEqual(await Promise.all(attempts), Array(3).fill('ProtocolMismatch'));
  await network.close();
});

test('remote registry: values cut in pieces are the same when they are joined', (t) => {
  const size = fc.oneof(fc.nat({ max: 200 }), fc.constantFrom(pieceBytesMax - 1, pieceBytesMax, pieceBytesMax + 1, 3 * pieceBytesMax));
  const property = fc.property(fc.array(size, { maxLength: 8 }), (sizes) => {
    const entries = sizes.map((length, i) => ({ key: `k/${i}`, revision: i + 1, value: new Uint8Array(length).fill(i + 1) }));
    const joiner = new EntryJoiner();
    const answers = answersOf(entries);
    for (const part of answers.flat()) joiner.add(part);
    const largest = Math.max(...answers.map((parts) => parts.reduce((sum, part) => sum + part.bytes.byteLength, 0)));
    const isSame = joiner.entries.every(({ value }, i) => Buffer.compare(value, entries[i]!.value) === 0);
    const isPutSame = entries.every(({ value }) => Buffer.compare(Buffer.concat(piecesOf(value)), value) === 0);
    return joiner.isWhole && joiner.entries.length === entries.length && isSame && isPutSame && largest <= pieceBytesMax;
  });
  t.notThrows(() => fc.assert(property));
});

/** Keys: their text, their files, and that they are never shown. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import test from 'ava';
import { connect } from 'pheromone';
import { curveKeyPair } from 'zeromq';
import { parseClientKeys, readClientKeys, readNodeKeys } from '../../../src/cluster/keys/key-file.ts';
import { createKeyPair, isKey, publicKeyOf } from '../../../src/cluster/keys/key-pair.ts';
import { Keys } from '../../../src/cluster/keys/keys.ts';
import { decodeZ85, encodeZ85 } from '../../../src/cluster/keys/z85.ts';
import { Refusals } from '../../../src/cluster/transport/zmq/refusals.ts';

const directory = mkdtempSync(join(tmpdir(), 'pheromone-test-'));
test.after.always(() => rmSync(directory, { recursive: true }));

let files = 0;
function file(content: unknown, mode = 0o600): string {
  const path = join(directory, `${++files}.key`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  chmodSync(path, mode);
  return path;
}

const own = createKeyPair();
const other = createKeyPair();
const clusterFile = { kind: 'pheromone cluster key', ...own, clients: { ada: other.publicKey } };
const clientFile = { kind: 'pheromone client key', clusterKey: own.publicKey, ...other };

test('z85: the example of the RFC, and what is none', (t) => {
  t.is(encodeZ85(Buffer.from('864FD26FB559F75B', 'hex')), 'HelloWorld');
  t.is(decodeZ85('HelloWorld')?.toString('hex').toUpperCase(), '864FD26FB559F75B');
  t.deepEqual(encodeZ85(new Uint8Array(4).fill(255)), '%nSc0');
  for (const bad of ['Hell', 'Hell ', '#####', '%nSc1', 'Hellö']) t.is(decodeZ85(bad), null, bad);
});

test('keys: pairs are those of ZeroMQ', (t) => {
  const { publicKey, secretKey } = curveKeyPair();
  t.is(publicKeyOf(secretKey), publicKey);
  t.is(publicKeyOf(own.secretKey), own.publicKey);
  t.true(isKey(own.publicKey) && isKey(secretKey));
  t.false(isKey('short') || isKey(7) || isKey('x'.repeat(41)));
});

test('keys: the cluster admits itself and its clients, and nobody else', (t) => {
  const keys = readNodeKeys(file(clusterFile));
  t.true(keys.admits(own.publicKey) && keys.admits(other.publicKey));
  t.false(keys.admits(createKeyPair().publicKey));
  t.false(readClientKeys(file(clientFile)).admits(own.publicKey));
});

test('keys: a seal is of one name, role and incarnation, and only who has the cluster key makes it', (t) => {
  const node = { name: 'w1', role: 'worker', incarnation: 5 };
  const keys = Keys.ofCluster(own, []);
  const seal = keys.sealOf(node);
  t.true(Keys.ofCluster(own, [other.publicKey]).isSealOf(node, seal));
  for (const changed of [{ name: 'w2' }, { role: 'coordinator' }, { incarnation: 6 }])
    t.false(keys.isSealOf({ ...node, ...changed }, seal));
  for (const bad of [null, '', 'x', Keys.ofCluster(other, []).sealOf(node)]) t.false(keys.isSealOf(node, bad));
  t.is(Keys.ofClient(other, own.publicKey).sealOf(node), null);
  t.is(Keys.ofClient(own, own.publicKey).sealOf(node), null);
});

test('keys: what is printed, logged, or made to JSON has no secret', (t) => {
  const keys = Keys.ofCluster(own, []);
  for (const shown of [JSON.stringify({ keys }), inspect(keys, { depth: 9, showHidden: true })])
    t.false(shown.includes(own.secretKey.slice(0, 12)), shown);
});

test('key files: each refusal names the file and what is wrong, and shows nothing of what stands there', async (t) => {
  const secret = own.secretKey.slice(1, 20);
  const bad: readonly (readonly [string, RegExp])[] = [
    [join(directory, 'nowhere.key'), /cannot be read \(ENOENT\)/],
    [directory, /cannot be read \(EISDIR\)|every user/],
    [file(clusterFile, 0o644), /can be read by every user of this machine: chmod 600/],
    [file(`{ "secretKey": ${own.secretKey}`), /is not JSON/],
    [file(own.secretKey), /is not JSON/],
    [file([own.secretKey]), /is not a JSON object/],
    [file({ ...clusterFile, kind: own.secretKey }), /has no kind that is known/],
    [file({ ...clusterFile, secretKey: own.secretKey.slice(1) }), /has a bad secretKey/],
    [file({ ...clusterFile, publicKey: `${own.secretKey}x` }), /has a bad publicKey/],
    [file({ ...clusterFile, publicKey: other.publicKey }), /publicKey that is not that of its secretKey/],
    [file({ ...clusterFile, clients: [own.secretKey] }), /has no clients/],
    [file({ ...clusterFile, clients: { ada: own.secretKey.slice(1) } }), /has a bad clients\.ada/],
    [file({ ...clientFile, clusterKey: own.secretKey.slice(1) }), /has a bad clusterKey/],
    [file('x'.repeat(2 ** 20 + 1)), /is larger than/],
    [file(clientFile), /is a client key: coordinators and workers need the cluster key/],
  ];
  for (const [path, why] of bad) {
    const error = t.throws(() => readNodeKeys(path), { message: why });
    t.true(error?.message.includes(path), error?.message);
    t.false(inspect(error, { depth: 9 }).includes(secret), error?.message);
  }
  for (const options of [{ key: JSON.parse(JSON.stringify(clientFile)) }, { key: own.secretKey }, { key: own.secretKey, keyFile: 'x' }]) {
    const error = await t.throwsAsync(connect('tcp://127.0.0.1:1', options as never), { code: 'InvalidOption' });
    t.false(inspect(error, { depth: 9 }).includes(secret), error?.message);
  }
  t.throws(() => parseClientKeys('option key', '{}'), { message: /^key file option key has no kind/ });
});

test('refusals: the first is told at once, those that follow are counted until the next may be', (t) => {
  let nowMs = 0;
  const lines: object[] = [];
  const refusals = new Refusals(
    (level, text, detail) => lines.push([level, text, detail]),
    () => nowMs,
  );
  for (const [atMs, why] of [
    [0, 'a'],
    [1, 'a'],
    [2, 'b'],
    [9_999, 'a'],
    [10_000, 'a'],
    [30_000, 'a'],
  ] as const) {
    nowMs = atMs;
    refusals.note(why, { address: 'x' });
  }
  t.deepEqual(lines, [
    ['warn', 'a', { address: 'x' }],
    ['warn', 'b', { address: 'x' }],
    ['warn', 'a', { address: 'x', untold: 2 }],
    ['warn', 'a', { address: 'x' }],
  ]);
});

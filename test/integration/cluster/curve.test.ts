/** A cluster of processes with keys: what works with one, and what nobody can do without. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { connect, type Runtime } from 'pheromone';
import { startUp, type Up } from '../cli/cluster.ts';
import { pheromone } from '../cli/pheromone.ts';
import { scenarios } from '../scenarios/table.ts';
import { TcpProxy } from '../transport/tcp-proxy.ts';
import { copyApp } from './apps.ts';

let directory: string;
let up: Up;
let address: string;
const key = (name: string) => join(directory, name);

test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pheromone-test-'));
  for (const out of ['ours', 'theirs']) {
    const { code, stdout, stderr } = await pheromone(['keygen', '--out', key(out)]);
    if (code !== 0) throw new Error(stderr);
    for (const file of ['cluster.key', 'client.key']) {
      const { secretKey } = JSON.parse(await readFile(key(`${out}/${file}`), 'utf8')) as { secretKey: string };
      if (stdout.includes(secretKey)) throw new Error('keygen has printed a secret key');
    }
  }
  up = await startUp(['--coordinators', '2', '--workers', '2', '--executors', '1', '--key-file', key('ours/cluster.key')]);
  address = up.report.address;
});

test.after.always(async () => {
  up?.process.kill('SIGKILL');
  await rm(directory, { recursive: true });
});

test.serial('keygen: the files are for their owner alone, and are not written over', async (t) => {
  for (const file of ['cluster.key', 'client.key']) t.is((await stat(key(`ours/${file}`))).mode & 0o777, 0o600);
  const before = await readFile(key('ours/cluster.key'), 'utf8');
  const { code, stderr } = await pheromone(['keygen', '--out', key('ours')]);
  t.is(code, 1);
  t.regex(stderr, /is there already, and is not written over/);
  t.is(await readFile(key('ours/cluster.key'), 'utf8'), before);
});

for (const name of ['fan-in', 'map-join', 'chain']) {
  test.serial(`curve: scenario ${name} passes on a cluster with keys`, async (t) => {
    const [options, expected] = scenarios[name] ?? ['', {}];
    const args = ['scenario', name, ...options.split(' '), '--json', '--connect', address, '--key-file', key('ours/client.key')];
    const { code, stdout, stderr } = await pheromone(args);
    t.deepEqual([code, stderr], [0, ''], stdout);
    t.like(JSON.parse(stdout), { scenario: name, mode: 'cluster', ok: true, ...expected });
  });
}

test.serial('curve: nobody without a key, or with a wrong one, registers, calls, reads, or joins', async (t) => {
  const client = await connect(address, { apps: [copyApp], keyFile: key('ours/client.key') });
  t.teardown(() => client.close());
  await client.durable(copyApp).put('secret', 'kept');
  t.is(await client.durable(copyApp).get('secret'), 'kept');
  // Each is turned away without an answer, and waits out its time: all at once, not one after the other.
  const strangers = [undefined, key('theirs/client.key'), key('theirs/cluster.key')].flatMap((keyFile) => {
    const connecting = connect(address, { keyFile, timeoutMs: 2_000, logLevel: 'silent', apps: [copyApp] });
    const given = keyFile === undefined ? [] : ['--key-file', keyFile];
    const asking = pheromone(['status', '--connect', address, ...given]);
    return [t.throwsAsync(connecting, { code: 'PeerUnreachable' }), asking.then(({ code }) => t.is(code, 1))];
  });
  const joining = [[], ['--key-file', key('theirs/cluster.key')], ['--key-file', key('ours/client.key')]].map(async (given) => {
    const { code, stdout, stderr } = await pheromone(['worker', '--name', 'evil', '--join', address, ...given]);
    t.deepEqual([code, stdout], [1, '']);
    t.regex(stderr, /PeerUnreachable|is a client key/);
  });
  await Promise.all([...strangers, ...joining]);
  const { nodes } = await client.clusterStatus();
  t.deepEqual(nodes.map(({ name }) => name).sort(), ['c1', 'c2', 'w1', 'w2']);
});

test.serial('curve: a payload cannot be read on the wire between client and cluster', async (t) => {
  const proxy = await TcpProxy.open(t, address);
  const heard: Buffer[] = [];
  proxy.tap = (bytes) => heard.push(bytes);
  const client: Runtime = await connect(proxy.endpoint, { apps: [copyApp], key: await readFile(key('ours/client.key'), 'utf8') });
  t.teardown(() => client.close());
  const payload = Buffer.from('a payload to be recognised '.repeat(1_000));
  t.deepEqual(Buffer.from((await client.call(copyApp, 'given', new Uint8Array(payload))) as Uint8Array), payload);
  const wire = Buffer.concat(heard).toString('latin1');
  t.true(wire.length > 2_000);
  for (const words of ['to be recognised', 'registerApp', 'client:local', 'copy', 'PHZ1']) t.false(wire.includes(words), words);
});

test.serial('curve: at the end nothing that was logged or printed has a secret key', async (t) => {
  up.process.kill('SIGTERM');
  const { code, stdout, stderr } = await up.ended;
  t.is(code, 0, stderr);
  t.regex(stderr, /was turned away/);
  for (const file of ['ours/cluster.key', 'ours/client.key', 'theirs/client.key']) {
    const { secretKey } = JSON.parse(await readFile(key(file), 'utf8')) as { secretKey: string };
    t.false(`${stdout}${stderr}`.includes(secretKey.slice(0, 12)));
  }
});

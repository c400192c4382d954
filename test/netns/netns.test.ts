/** A cluster whose processes have hosts of their own: right answers over them, also while one worker is far away and its line a bad one. */
import { tmpdir } from 'node:os';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { scenarios } from '../integration/scenarios/table.ts';
import { type Host, Hosts, whyNot } from './hosts.ts';

const reason = whyNot();
const testIn = reason === null ? test.serial : test.serial.skip;
const title = (what: string) => `hosts of their own: ${what}${reason === null ? '' : ` (skipped: ${reason})`}`;
/** What differs in what goes from host to host: chains, joins, streams, large objects, files, races. All of them: `cluster-scenarios.test.ts`. */
const kinds = ['ad-stream', 'chain', 'data-exchange', 'map-join', 'nexmark', 'redundant', 'sort', 'two-tier', 'word-count'];
const delayMs = 50;
const loss = 0.01;
const port = 7_000;

async function cluster(t: ExecutionContext, addLast: (hosts: Hosts) => Host | Promise<Host>) {
  const dataDir = await mkdtemp(join(tmpdir(), 'pheromone-netns-'));
  const hosts = new Hosts();
  t.teardown(async () => {
    await hosts.close();
    await rm(dataDir, { recursive: true });
  });
  const [c1, c2, w1] = [hosts.add('c1'), hosts.add('c2'), hosts.add('w1')];
  const w2 = await addLast(hosts);
  const listen = (host: Host) => ['--listen', `tcp://${host.address}:${port}`];
  const address = `tcp://${c1.address}:${port}`;
  await c1.start('coordinator', '--name', 'c1', ...listen(c1), '--data-dir', dataDir);
  await c2.start('coordinator', '--name', 'c2', ...listen(c2), '--join', address);
  for (const [name, host] of Object.entries({ w1, w2 }))
    await host.start('worker', '--name', name, ...listen(host), '--join', address, '--executors', '1', '--arena-bytes', String(2 ** 27));
  return { client: hosts.add('client'), address, last: w2.address };
}

async function assertAnswers(t: ExecutionContext, client: Host, address: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const [options = '', expected = {}] = scenarios[name] ?? [];
    const { code, stdout, stderr } = await client.pheromone('scenario', name, ...options.split(' '), '--json', '--connect', address);
    t.deepEqual([code, stderr], [0, ''], stdout);
    t.like(JSON.parse(stdout), { scenario: name, mode: 'cluster', ok: true, ...expected });
  }
}

testIn(title('scenarios of every kind find the right answer'), async (t) => {
  t.timeout(300_000);
  const { client, address } = await cluster(t, (hosts) => hosts.add('w2'));
  await assertAnswers(t, client, address, kinds);
});

testIn(title(`also with ${delayMs} ms of delay and ${loss * 100} % of loss at one worker`), async (t) => {
  t.timeout(300_000);
  const { client, address, last } = await cluster(t, async (hosts) => {
    const host = await hosts.addSlow('w2', delayMs, loss);
    t.log(`delay and loss by ${host.by}`);
    return host;
  });
  t.true(client.connectMs(last, port) >= delayMs);
  await assertAnswers(t, client, address, ['chain', 'choice', 'fan-in', 'map-join', 'redundant', 'word-count']);
});

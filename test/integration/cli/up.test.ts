/** `pheromone up` and the commands for its cluster: processes come, and go. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { ClusterStatus } from '../../../src/api/cluster-status.ts';
import { freePort } from '../free-port.ts';
import { type Running, start, startUp, type Up } from './cluster.ts';
import { pheromone } from './pheromone.ts';
import { childrenOf, running, runningAfter } from './processes.ts';

const greet = fileURLToPath(new URL('greet.ts', import.meta.url));
const slow = fileURLToPath(new URL('slow.ts', import.meta.url));
let directory: string;

test.beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pheromone-test-'));
});

test.afterEach.always(() => rm(directory, { recursive: true }));

/** What a test starts ends with it, also if it fails. */
function endWith<R extends Running>(t: ExecutionContext, started: R): R {
  t.teardown(() => void started.process.kill('SIGKILL'));
  return started;
}

async function up(t: ExecutionContext, ...args: readonly string[]): Promise<Up> {
  return endWith(t, await startUp(args, { env: { TMPDIR: directory }, cwd: directory }));
}

test.serial('up: prints its address when all is ready, runs an app, shows its state, and ends in order by SIGTERM', async (t) => {
  const { process: child, report, pids, ended } = await up(t, '--coordinators', '2', '--workers', '2', '--executors', '1');
  t.deepEqual(
    report.nodes.map(({ name, role }) => [name, role]),
    [
      ['c1', 'coordinator'],
      ['c2', 'coordinator'],
      ['w1', 'worker'],
      ['w2', 'worker'],
    ],
  );
  t.is(report.address, report.nodes[0]!.address);
  t.regex(report.address, /^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/);
  t.deepEqual(running(pids), pids);

  const run = await pheromone(['run', greet, '--bucket', 'names', '--value', '"Ada"', '--connect', report.address]);
  t.deepEqual(run, { code: 0, stdout: '"Hello, Ada"\n', stderr: '' });

  const { nodes, shards } = await statusOf(report);
  t.deepEqual(
    nodes.map(({ name, address, state, executors }) => ({ name, address, state, executors })),
    report.nodes.map(({ name, role, address }) => ({ name, address, state: 'up', executors: role === 'worker' ? 1 : 0 })),
  );
  t.true(shards.length > 0 && shards.every(({ owner }) => owner === 'c1' || owner === 'c2'));
  const { stdout } = await pheromone(['status', '--connect', report.address]);
  for (const { name, address } of report.nodes) t.regex(stdout, new RegExp(`^${name} +\\w+ +${address} +up `, 'm'));

  child.kill('SIGTERM');
  const { code, stderr } = await ended;
  t.is(code, 0, stderr);
  t.deepEqual(running(pids), []);
  t.deepEqual(await readdir(directory), []);
});

async function statusOf({ address }: { readonly address: string }): Promise<ClusterStatus> {
  const { code, stdout, stderr } = await pheromone(['status', '--connect', address, '--json']);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as ClusterStatus;
}

test.serial('up: without --json it prints the address alone; what else there is goes to standard error', async (t) => {
  const args = ['up', '--workers', '1', '--executors', '1', '--listen', 'tcp://127.0.0.1:0'];
  const started = endWith(t, start(args, { env: { TMPDIR: directory } }));
  const line = await started.ready;
  started.process.kill('SIGINT');
  const { code, stdout, stderr } = await started.ended;
  t.deepEqual([code, stdout], [0, `${line}\n`], stderr);
  t.regex(line, /^tcp:\/\/127\.0\.0\.1:\d+$/);
  t.regex(stderr, /^ready w1 tcp:/m);
});

test.serial('up: goes on when nobody reads what it prints any more', async (t) => {
  const address = `tcp://127.0.0.1:${await freePort()}`;
  const started = endWith(t, start(['up', '--workers', '1', '--executors', '1', '--listen', address], { env: { TMPDIR: directory } }));
  started.process.stdout.destroy();
  started.process.stderr.destroy();
  const names = async () => (await statusOf({ address }).catch(() => ({ nodes: [] }))).nodes.map(({ name }) => name).join(' ');
  const untilMs = performance.now() + 20_000;
  while ((await names()) !== 'c1 w1' && performance.now() < untilMs) await sleep(200);
  t.is(await names(), 'c1 w1');
  started.process.kill('SIGTERM');
  t.is((await started.ended).code, 0);
  t.deepEqual(await readdir(directory), []);
});

test.serial('up: keeps its registry where --data-dir says, and leaves it there', async (t) => {
  const dataDir = join(directory, 'data');
  const { process: child, ended } = await up(t, '--workers', '1', '--executors', '1', '--data-dir', dataDir);
  child.kill('SIGTERM');
  t.is((await ended).code, 0);
  t.true((await readdir(dataDir)).length > 0);
  t.deepEqual(await readdir(directory), ['data']);
});

test.serial('up: a process that ends unasked ends all, and is named', async (t) => {
  const { report, pids, ended } = await up(t, '--workers', '2', '--executors', '1');
  const { pid = 0 } = report.nodes.find(({ name }) => name === 'w2') ?? {};
  process.kill(pid, 'SIGKILL');
  const { code, stderr } = await ended;
  t.is(code, 1);
  t.true(stderr.includes(`error: pheromone up: worker w2 (process ${pid}) ended: killed by SIGKILL\n`), stderr);
  t.deepEqual(running(pids), []);
  t.deepEqual(await readdir(directory), []);
});

test.serial('up: kill -9 leaves no process and no file behind', async (t) => {
  const { process: child, pids } = await up(t, '--coordinators', '2', '--workers', '2', '--executors', '1');
  child.kill('SIGKILL');
  t.deepEqual(await runningAfter(pids, 6_000), []);
  t.deepEqual(await readdir(directory), []);
});

test.serial('up: kill -9 while it starts leaves none behind either', async (t) => {
  const args = ['up', '--workers', '2', '--executors', '1', '--listen', 'tcp://127.0.0.1:0'];
  const started = endWith(t, start(args, { env: { TMPDIR: directory } }));
  // Workers have been started, and are loading.
  await printed(started, 'ready c1');
  const pids = childrenOf(started.pid);
  t.true(pids.length >= 1, String(pids));
  started.process.kill('SIGKILL');
  t.deepEqual(await runningAfter(pids, 6_000), []);
  t.deepEqual(await readdir(directory), []);
});

test.serial('up: ends what it has started if it is told to end before all is ready', async (t) => {
  const args = ['up', '--workers', '4', '--executors', '1', '--listen', 'tcp://127.0.0.1:0'];
  const started = endWith(t, start(args, { env: { TMPDIR: directory } }));
  await printed(started, 'ready c1');
  started.process.kill('SIGTERM');
  const { code, stdout, stderr } = await started.ended;
  t.deepEqual([code, stdout], [0, ''], stderr);
  t.deepEqual(await readdir(directory), []);
});

/** Logs are JSON. */
function withoutLogs(stderr: string): string {
  return stderr.replace(/^\{.*\}\n/gm, '');
}

/** Resolves when this is on its standard error. */
function printed({ process: { stderr } }: Running, what: string): Promise<void> {
  return new Promise((resolve) => stderr.on('data', (text: string) => (text.includes(what) ? resolve() : undefined)));
}

/** A port that somebody listens on who is no coordinator, and says nothing. */
async function takenPort(t: ExecutionContext): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  return `tcp://127.0.0.1:${(server.address() as { port: number }).port}`;
}

test.serial('coordinator, up: a port in use is one clear line, and exit code 1', async (t) => {
  const address = await takenPort(t);
  const coordinator = await pheromone(['coordinator', '--listen', address, '--data-dir', directory]);
  t.deepEqual([coordinator.code, coordinator.stdout], [1, '']);
  t.regex(coordinator.stderr, new RegExp(`^error: pheromone coordinator: AddressInUse: .*${address}.*\n$`));
  const cluster = await pheromone(['up', '--listen', address], { env: { TMPDIR: directory } });
  t.deepEqual([cluster.code, cluster.stdout], [1, '']);
  t.regex(cluster.stderr, new RegExp(`^error: pheromone up: coordinator c1 could not start: AddressInUse: .*${address}.*\n$`));
});

test.serial('worker, status, run, scenario: a coordinator that cannot be reached is one clear line, and exit code 1', async (t) => {
  const address = 'tcp://127.0.0.1:9';
  const commands = [
    ['worker', '--join', address, '--data-dir', directory],
    ['status', '--connect', address],
    ['run', greet, '--bucket', 'names', '--value', '"Ada"', '--connect', address],
    ['scenario', 'chain', '--connect', address],
  ];
  for (const { code, stdout, stderr } of await Promise.all(commands.map((args) => pheromone(args)))) {
    t.deepEqual([code, stdout], [1, '']);
    t.regex(stderr, /^error: .*PeerUnreachable: .*tcp:\/\/127\.0\.0\.1:9.*\n$/);
  }
});

test.serial('worker: prints when it is ready; another of its name is refused; SIGTERM lets it leave', async (t) => {
  const { report } = await up(t, '--workers', '1', '--executors', '1');
  const args = ['worker', '--join', report.address, '--executors', '1', '--arena-bytes', String(2 ** 26)];
  const worker = endWith(t, start([...args, '--name', 'extra']));
  const line = await worker.ready;
  t.regex(line, /^ready extra tcp:\/\/127\.0\.0\.1:\d+$/);

  const namesake = await pheromone([...args, '--name', 'extra']);
  t.deepEqual([namesake.code, namesake.stdout], [1, '']);
  t.regex(withoutLogs(namesake.stderr), /^error: pheromone worker: NodeNameTaken: .*extra.*\n$/);

  t.true((await statusOf(report)).nodes.some(({ name }) => name === 'extra'));
  worker.process.kill('SIGTERM');
  t.deepEqual(await worker.ended, { code: 0, stdout: `${line}\n`, stderr: '' });
  t.false((await statusOf(report)).nodes.some(({ name }) => name === 'extra'));
});

test.serial('worker: a second signal ends it at once, whatever it waits for', async (t) => {
  const { report } = await up(t, '--workers', '1', '--executors', '1');
  const worker = endWith(t, start(['worker', '--join', report.address, '--executors', '1', '--name', 'extra']));
  await worker.ready;
  worker.process.kill('SIGTERM');
  worker.process.kill('SIGINT');
  const { code } = await worker.ended;
  // The second may come when it has left already.
  t.true(code === 130 || code === 143 || code === 0, String(code));
});

/** A coordinator and a worker, each by its own command. Resolves with the way to them when both are ready. */
async function startPair(t: ExecutionContext, ...ofWorker: readonly string[]) {
  const listen = ['--listen', 'tcp://127.0.0.1:0', '--name'];
  const coordinator = endWith(t, start(['coordinator', ...listen, 'c', '--data-dir', directory]));
  const [, , address = ''] = (await coordinator.ready).split(' ');
  const worker = endWith(t, start(['worker', ...listen, 'w', '--join', address, '--executors', '1', ...ofWorker]));
  await worker.ready;
  return { coordinator, worker, address };
}

function takeNap(ms: number, address: string) {
  return pheromone(['run', slow, '--bucket', 'naps', '--value', String(ms), '--connect', address, '--timeout-ms', '20000']);
}

test.serial('worker: sessions that are open when it is told to end are finished first', async (t) => {
  const { coordinator, worker, address } = await startPair(t);
  const slept = takeNap(2_000, address);
  await printed(worker, 'asleep');
  worker.process.kill('SIGTERM');
  t.deepEqual(await slept, { code: 0, stdout: '"slept"\n', stderr: '' });
  t.is((await worker.ended).code, 0);
  coordinator.process.kill('SIGTERM');
  t.is((await coordinator.ended).code, 0);
});

test.serial('worker: waits for open sessions no longer than --drain-ms', async (t) => {
  const { worker, address } = await startPair(t, '--drain-ms', '300');
  const slept = takeNap(10_000, address);
  await printed(worker, 'asleep');
  const startedMs = performance.now();
  worker.process.kill('SIGTERM');
  t.is((await worker.ended).code, 0);
  const elapsedMs = performance.now() - startedMs;
  t.true(elapsedMs > 300 && elapsedMs < 4_000, String(elapsedMs));
  const { code, stderr } = await slept;
  t.is(code, 1);
  t.regex(stderr, /^error: \w+: /);
});

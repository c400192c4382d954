/**
 * What `docker-compose.yml` promises: from the host a cluster is reached at one address, and goes on while it grows, while its workers are
 * started anew one after the other, and while its registry is. Without a Docker engine all of it is skipped.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { connect, type Runtime } from 'pheromone';
import { pheromone } from '../cli/pheromone.ts';
import { walkApp } from './app.ts';
import { freePort } from '../free-port.ts';
import { Compose, findCompose } from './compose.ts';

const command = findCompose();
const title = (what: string) => `docker-compose: ${what}${command ? '' : ' (skipped: no Docker engine, or no docker-compose)'}`;
const testIn = command ? test.serial : test.serial.skip;
const startMsMax = 120_000;

let compose: Compose;
let address: string;

test.before(async (t) => {
  if (!command) return;
  t.timeout(600_000);
  const port = await freePort();
  address = `tcp://127.0.0.1:${port}`;
  compose = new Compose(command, `pheromone-test-${process.pid}`, {
    PHEROMONE_PORT: String(port),
    PHEROMONE_PORT_2: String(await freePort()),
  });
  await compose.run('up', '--detach', '--build');
  await until(t, 'all are healthy', async () => (await compose.health('c1', 'c2', 'worker')).every((state) => state === 'healthy'));
});

test.after.always(async (t) => {
  if (!command) return;
  t.timeout(120_000);
  await compose.run('down', '--volumes', '--timeout', '5');
});

async function until(t: ExecutionContext, what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + startMsMax;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) {
      t.log(await compose.run('logs', '--tail', '40'));
      throw new Error(`not within ${startMsMax} ms: ${what}`);
    }
    await sleep(250);
  }
}

/** A client of this host. */
async function client(t: ExecutionContext): Promise<Runtime> {
  const runtime = await connect(address, { apps: [walkApp], logLevel: 'silent' });
  t.teardown(() => runtime.close());
  return runtime;
}

async function workersOf(runtime: Runtime): Promise<string[]> {
  return (await runtime.clusterStatus()).nodes.flatMap(({ role, name, state }) => (role === 'worker' && state === 'up' ? [name] : []));
}

/** Runs sessions, `lanes` at a time, for as long as `work` takes. All must succeed. Resolves with where they ended, by host. */
async function during(runtime: Runtime, lanes: number, work: () => Promise<unknown>): Promise<Map<string, number>> {
  const ends = new Map<string, number>();
  let isOver = false;
  const lane = async () => {
    while (!isOver) {
      const host = (await runtime.call(walkApp, 'walks', { left: 5, stepMs: 40 }, { timeoutMs: 60_000 })) ?? '';
      ends.set(host, (ends.get(host) ?? 0) + 1);
    }
  };
  const running = Promise.all(Array.from({ length: lanes }, lane));
  try {
    await Promise.race([work(), running]);
  } finally {
    isOver = true;
  }
  await running;
  return ends;
}

const jobs = [
  ['word-count', '--input', 'LICENSE', '--top', '1'],
  ['ad-stream', '--events', '300', '--rate', '1000'],
] as const;

for (const [name, ...options] of jobs) {
  testIn(title(`${name} finds the right answer from the host`), async (t) => {
    const { code, stdout, stderr } = await pheromone(['scenario', name, ...options, '--json', '--connect', address]);
    t.deepEqual([code, stderr], [0, ''], stdout);
    t.like(JSON.parse(stdout), { scenario: name, mode: 'cluster', ok: true });
  });
}

testIn(title('runs as nobody special, on a root that cannot be written'), async (t) => {
  const [worker = ''] = await compose.containers('worker');
  const id = await compose.docker('exec', worker, 'id', '-un');
  t.is(id.trim(), 'node');
  await t.throwsAsync(compose.docker('exec', worker, 'touch', '/pheromone/x'), { message: /Read-only file system/ });
});

testIn(title('scaled to 5 workers while sessions run, the new ones take some, and none fails'), async (t) => {
  t.timeout(240_000);
  const runtime = await client(t);
  t.is((await workersOf(runtime)).length, 3);
  const ends = await during(runtime, 20, async () => {
    await compose.run('up', '--detach', '--no-recreate', '--scale', 'worker=5');
    await until(t, 'there are 5 workers', async () => (await workersOf(runtime)).length === 5);
    await sleep(2_000);
  });
  t.is(ends.size, 5, JSON.stringify([...ends]));
});

testIn(title('no session fails while its workers are started anew, one after the other'), async (t) => {
  t.timeout(400_000);
  const runtime = await client(t);
  const workers = await compose.containers('worker');
  const ends = await during(runtime, 10, async () => {
    for (const worker of workers) {
      await compose.docker('restart', '--time', '45', worker);
      await until(t, 'it is back', async () => (await workersOf(runtime)).length === workers.length);
    }
  });
  t.is(ends.size, workers.length, JSON.stringify([...ends]));
});

testIn(title('no session fails while NATS is started anew'), async (t) => {
  t.timeout(120_000);
  const runtime = await client(t);
  const [nats = ''] = await compose.containers('nats');
  await during(runtime, 10, async () => {
    await compose.docker('restart', '--time', '1', nats);
    await sleep(12_000);
  });
  t.is((await workersOf(runtime)).length, 5);
});

testIn(title('nodes that cannot reach NATS until their leases end say so, stop, and come back with it'), async (t) => {
  t.timeout(240_000);
  const [nats = ''] = await compose.containers('nats');
  const watching = await connect(address, { logLevel: 'silent' });
  t.teardown(() => watching.close());
  await compose.docker('stop', '--time', '1', nats);
  const isAway = async (role: string) =>
    (await watching.clusterStatus()).nodes.some((node) => node.role === role && (node.registryAwayMs ?? 0) > 0);
  await until(t, 'it is in the status of coordinators', () => isAway('coordinator'));
  await until(t, 'it is in the status of workers', () => isAway('worker'));
  const said = async (service: string) => /lease: members\/.* could not be renewed/.test(await compose.run('logs', service));
  await until(t, 'they say why they end', async () => (await said('c1')) && (await said('c2')) && (await said('worker')));
  await compose.docker('start', nats);
  await until(t, 'they are back', async () => (await compose.health('c1', 'c2', 'worker')).every((state) => state === 'healthy'));
  const runtime = await client(t);
  t.is(typeof (await runtime.call(walkApp, 'walks', { left: 2, stepMs: 1 }, { timeoutMs: 30_000 })), 'string');
});

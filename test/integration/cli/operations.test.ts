/** What looks after a cluster: health over HTTP, and `status --watch`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { ClusterStatus } from '../../../src/api/cluster-status.ts';
import type { Health } from '../../../src/cluster/roles/health.ts';
import { freePort } from '../free-port.ts';
import { type Running, start } from './cluster.ts';

const slow = fileURLToPath(new URL('slow.ts', import.meta.url));
/** A client takes 20 s to give a cluster up. */
const timeoutMs = 40_000;
let directory: string;

test.beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pheromone-test-'));
});

test.afterEach.always(() => rm(directory, { recursive: true }));

function endWith<R extends Running>(t: ExecutionContext, started: R): R {
  t.teardown(async () => {
    started.process.kill('SIGKILL');
    await started.ended;
  });
  return started;
}

function coordinator(t: ExecutionContext, port = 0): Running {
  const args = ['coordinator', '--name', 'c1', '--listen', `tcp://127.0.0.1:${port}`, '--data-dir', join(directory, 'data')];
  return endWith(t, start(args));
}

/** Null: nobody answers there. */
async function ask(url: string): Promise<(Health & { readonly status: number }) | null> {
  try {
    const response = await fetch(url);
    return { status: response.status, ...((await response.json()) as Health) };
  } catch {
    return null;
  }
}

async function soon<T>(t: ExecutionContext, what: string, find: () => T | Promise<T>): Promise<NonNullable<T>> {
  const untilMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await find();
    if (found) return found;
    if (performance.now() > untilMs) {
      t.fail(`not within ${timeoutMs} ms: ${what}`);
      throw new Error(what);
    }
    await sleep(20);
  }
}

test.serial('health: a worker is ready from when it serves until it drains, and live all the time', async (t) => {
  const port = await freePort();
  const joined = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = ['worker', '--name', 'w1', '--executors', '1', '--listen', 'tcp://127.0.0.1:0', '--join', `tcp://127.0.0.1:${joined}`];
  const worker = endWith(t, start([...args, '--arena-bytes', String(2 ** 26), '--health-listen', url]));
  const starting = await soon(t, 'it answers', () => ask(`${url}/readyz`));
  t.like(starting, { status: 503, name: null, role: 'worker', state: 'starting' });
  t.like(await ask(`${url}/livez`), { status: 200, state: 'starting' });

  await coordinator(t, joined).ready;
  await worker.ready;
  t.deepEqual(await ask(`${url}/readyz`), { status: 200, name: 'w1', role: 'worker', state: 'serving', registryAwayMs: null });

  const run = endWith(t, start(['run', slow, '--bucket', 'naps', '--value', '2000', '--connect', `tcp://127.0.0.1:${joined}`]));
  let log = '';
  worker.process.stderr.on('data', (text: string) => (log += text));
  await soon(t, 'the function runs', () => log.includes('asleep'));
  worker.process.kill('SIGTERM');
  t.like(await soon(t, 'it drains', async () => ((await ask(`${url}/readyz`))?.state === 'draining' ? ask(`${url}/readyz`) : null)), {
    status: 503,
    name: 'w1',
  });
  t.is((await ask(`${url}/livez`))?.status, 200);
  t.like(await run.ended, { code: 0, stdout: '"slept"\n' });
  const { code, stdout, stderr } = await worker.ended;
  t.is(code, 0, stderr);
  t.true(stdout.endsWith(`\nhealth ${url}\n`), stdout);
  t.is(await ask(`${url}/livez`), null);
});

test.serial('health: a port that is taken, and an address that is none, are refused in one line', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  const { port } = server.address() as { readonly port: number };
  const args = ['coordinator', '--listen', 'tcp://127.0.0.1:0', '--data-dir', join(directory, 'data'), '--health-listen'];
  const taken = await start([...args, `http://127.0.0.1:${port}`]).ended;
  t.deepEqual([taken.code, taken.stdout], [1, '']);
  t.regex(
    taken.stderr,
    new RegExp(`^error: pheromone coordinator: AddressInUse: http://127\\.0\\.0\\.1:${port} cannot be listened on: .*\n$`),
  );
  const wrong = await start([...args, '7080']).ended;
  t.is(wrong.code, 2);
  t.regex(wrong.stderr, /option '--health-listen' is "7080": must be http:\/\/HOST:PORT/);
});

test.serial('status --watch: shows the cluster again and again, also when that was away, until it is told to end', async (t) => {
  const port = await freePort();
  const first = coordinator(t, port);
  await first.ready;
  const watch = endWith(t, start(['status', '--connect', `tcp://127.0.0.1:${port}`, '--watch', '1', '--json']));
  let [shown, said] = ['', ''];
  watch.process.stdout.on('data', (text: string) => (shown += text));
  watch.process.stderr.on('data', (text: string) => (said += text));
  const lines = () => shown.trim().split('\n').filter(Boolean);
  await soon(t, 'two lines', () => lines().length >= 2);
  for (const line of lines()) t.is((JSON.parse(line) as ClusterStatus).nodes[0]?.name, 'c1');

  first.process.kill('SIGTERM');
  await first.ended;
  await soon(t, 'it says that the cluster is away', () => /^pheromone status: PeerUnreachable: .*; trying again$/m.test(said));
  const before = lines().length;
  await coordinator(t, port).ready;
  await soon(t, 'it shows it again', () => lines().length > before);
  watch.process.kill('SIGTERM');
  t.is((await watch.ended).code, 0, said);
});

test.serial('status --watch: an interval that is none is refused', async (t) => {
  const { code, stderr } = await start(['status', '--connect', 'tcp://127.0.0.1:7000', '--watch', '0']).ended;
  t.deepEqual([code, /must be a whole number from 1 to 3600/.test(stderr)], [2, true], stderr);
});

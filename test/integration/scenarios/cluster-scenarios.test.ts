/** Every scenario against a cluster of processes: the same options and answers as embedded (`scenarios.test.ts`). */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startUp, type Up } from '../cli/cluster.ts';
import { pheromone } from '../cli/pheromone.ts';
import { running } from '../cli/processes.ts';
import { scenarios } from './table.ts';

let directory: string;
let up: Up;

test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pheromone-test-'));
  up = await startUp(['--coordinators', '2', '--workers', '3', '--executors', '1']);
});

test.after.always(async () => {
  up?.process.kill('SIGKILL');
  await rm(directory, { recursive: true });
});

for (const [name, [options, expected]] of Object.entries(scenarios)) {
  test.serial(`${name}: finds the right answer on a cluster, and leaves nothing behind`, async (t) => {
    const args = ['scenario', name, ...options.split(' '), '--json', '--connect', up.report.address];
    const { code, stdout, stderr } = await pheromone(args, { env: { TMPDIR: directory } });
    t.deepEqual([code, stderr], [0, ''], stdout);
    t.like(JSON.parse(stdout), { scenario: name, mode: 'cluster', ok: true, ...expected });
    t.deepEqual(await readdir(directory), []);
  });
}

test.serial('scenario: by way of the other coordinator it finds the same', async (t) => {
  const { address = '' } = up.report.nodes.find(({ name }) => name === 'c2') ?? {};
  const { code, stdout, stderr } = await pheromone(['scenario', 'fan-in', '--width', '9', '--connect', address]);
  t.deepEqual([code, stderr], [0, '']);
  t.regex(stdout, /^fan-in: ok in .* on a cluster\n/);
});

test.serial('two-tier: what one worker is too small for is run by others, and what is large is reduced where it lies', async (t) => {
  const args = ['scenario', 'two-tier', '--crowd', '6', '--megabytes', '8', '--json', '--connect', up.report.address];
  // Where the large object is made is up to who is free at the moment; were it at home each time, nothing would be shown.
  for (let placedNear = 0, tries = 0; placedNear === 0; tries++) {
    const { code, stdout, stderr } = await pheromone(args);
    t.deepEqual([code, stderr], [0, ''], stdout);
    const report = JSON.parse(stdout) as Record<string, number> & { readonly result: object };
    t.like(report.result, { messagesOfSteps: 0, isForwarded: true, isReducedNear: true });
    t.true(Number(report['bytesFetched']) < 8 * 2 ** 20, stdout);
    placedNear = Number(report['placedNear']);
    if (tries === 5) return t.fail(`it was never reduced on another worker: ${stdout}`);
  }
});

test.serial('up: after all of them it ends in order', async (t) => {
  up.process.kill('SIGTERM');
  const { code, stderr } = await up.ended;
  t.is(code, 0, stderr);
  t.deepEqual(running(up.pids), []);
});

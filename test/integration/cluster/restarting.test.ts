/** What becomes of a client's short calls when a worker goes: one that is started anew under its old name, and one that is killed. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { connect, type Runtime } from 'pheromone';
import { start } from '../cli/cluster.ts';
import { commandLine, userEnvironment } from '../cli/pheromone.ts';
import { napApp } from '../runtime/apps/busy.ts';
import { troubledApp } from '../runtime/apps/solo.ts';

const script = '"$@" & echo pid $!; wait; exec "$@"';
const startMsMax = 60_000;
const installMs = 2_000;
const cell = new Int32Array(new SharedArrayBuffer(4));

/** A coordinator that is ready, and a directory that goes with it. */
async function startCoordinator(t: ExecutionContext): Promise<{ readonly address: string; readonly directory: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'pheromone-test-'));
  const coordinator = start(['coordinator', '--name', 'c1', '--listen', 'tcp://127.0.0.1:0', '--data-dir', directory]);
  t.teardown(async () => {
    coordinator.process.kill('SIGKILL');
    await coordinator.ended;
    rmSync(directory, { recursive: true });
  });
  const [, , address = ''] = (await coordinator.ready).split(' ');
  return { address, directory };
}

async function clientOf(t: ExecutionContext, address: string): Promise<Runtime> {
  const runtime = await connect(address, { apps: [napApp, troubledApp], logLevel: 'silent' });
  t.teardown(() => runtime.close());
  // The long way, until it is known which way the worker can be reached.
  for (const untilMs = performance.now() + 3_000; performance.now() < untilMs; ) await runtime.call(troubledApp, 'passed', 'x');
  return runtime;
}

test('restarting: calls that a late client makes under the name of the worker’s former process are not lost', async (t) => {
  t.timeout(150_000);
  const { address, directory } = await startCoordinator(t);
  const log = join(directory, 'worker.log');
  writeFileSync(log, '');
  const worker = ['worker', '--name', 'w1', '--listen', 'tcp://127.0.0.1:0', '--advertise', 'tcp://127.0.0.1:1', '--join', address];
  const shell = spawn('sh', ['-c', `exec >> ${log}; ${script}`, 'sh', process.execPath, ...commandLine(worker)], {
    env: userEnvironment(),
  });
  t.teardown(() => shell.kill('SIGKILL'));
  const said = () => readFileSync(log, 'utf8');
  const areReady = (count: number) => said().split('ready w1').length > count;
  for (const untilMs = performance.now() + startMsMax; !areReady(1) && performance.now() < untilMs; ) await sleep(50);

  const runtime = await clientOf(t, address);
  const answered = runtime.call(napApp, 'naps', 300).then(async () => {
    // Its answer is read before the news that its worker has left.
    await Promise.all(Array.from({ length: 5 }, () => runtime.call(troubledApp, 'passed', 'x')));
  });
  await sleep(50);
  process.kill(Number(/^pid (\d+)$/m.exec(said())?.[1]), 'SIGTERM');
  // Nothing is read here until the next one is a member, and has the apps.
  for (const untilMs = performance.now() + startMsMax; !areReady(2) && performance.now() < untilMs; ) Atomics.wait(cell, 0, 0, 50);
  Atomics.wait(cell, 0, 0, installMs);
  t.true(areReady(2), said());
  await t.notThrowsAsync(answered);
});

test('killed: calls that are out to a worker that has died fail as soon as it is known, also where it was reached directly', async (t) => {
  t.timeout(150_000);
  const { address } = await startCoordinator(t);
  const worker = start(['worker', '--name', 'w1', '--listen', 'tcp://127.0.0.1:0', '--join', address]);
  t.teardown(() => worker.process.kill('SIGKILL'));
  await worker.ready;
  const runtime = await clientOf(t, address);
  const lane = async (): Promise<never> => {
    for (;;) await runtime.call(troubledApp, 'passed', 'x');
  };
  const failed = Promise.all(Array.from({ length: 8 }, () => t.throwsAsync(lane, { code: 'WorkerLost' })));
  await sleep(50);
  worker.process.kill('SIGKILL');
  const isMember = async () => (await runtime.clusterStatus()).nodes.some(({ name }) => name === 'w1');
  for (const untilMs = performance.now() + startMsMax; performance.now() < untilMs && (await isMember()); ) await sleep(50);
  const knownMs = performance.now();
  await failed;
  const lateMs = performance.now() - knownMs;
  t.true(lateMs < 3_000, `${lateMs} ms`);
});

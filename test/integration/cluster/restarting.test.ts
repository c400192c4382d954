/** A worker that is started anew under its old name, as containers are, while a client does not get to hear of it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { connect } from 'pheromone';
import { start } from '../cli/cluster.ts';
import { bin, userEnvironment } from '../cli/pheromone.ts';
import { napApp } from '../runtime/apps/busy.ts';
import { troubledApp } from '../runtime/apps/solo.ts';

const script = '"$@" & echo pid $!; wait; exec "$@"';
const startMsMax = 60_000;
const installMs = 2_000;
const cell = new Int32Array(new SharedArrayBuffer(4));

test('restarting: calls that a late client makes under the name of the worker’s former process are not lost', async (t) => {
  t.timeout(150_000);
  const directory = mkdtempSync(join(tmpdir(), 'pheromone-test-'));
  const coordinator = start(['coordinator', '--name', 'c1', '--listen', 'tcp://127.0.0.1:0', '--data-dir', directory]);
  t.teardown(async () => {
    coordinator.process.kill('SIGKILL');
    await coordinator.ended;
    rmSync(directory, { recursive: true });
  });
  const [, , address = ''] = (await coordinator.ready).split(' ');
  const log = join(directory, 'worker.log');
  writeFileSync(log, '');
  const worker = ['worker', '--name', 'w1', '--listen', 'tcp://127.0.0.1:0', '--advertise', 'tcp://127.0.0.1:1', '--join', address];
  const shell = spawn('sh', ['-c', `exec >> ${log}; ${script}`, 'sh', process.execPath, bin, ...worker], { env: userEnvironment() });
  t.teardown(() => shell.kill('SIGKILL'));
  const said = () => readFileSync(log, 'utf8');
  const areReady = (count: number) => said().split('ready w1').length > count;
  for (const untilMs = performance.now() + startMsMax; !areReady(1) && performance.now() < untilMs; ) await sleep(50);

  const runtime = await connect(address, { apps: [napApp, troubledApp], logLevel: 'silent' });
  t.teardown(() => runtime.close());
  // The long way, until it is known that the worker can only be reached by way of the coordinator.
  for (const untilMs = performance.now() + 3_000; performance.now() < untilMs; ) await runtime.call(troubledApp, 'passed', 'x');
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

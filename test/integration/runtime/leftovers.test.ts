/** Must-show 6: after a run, after Ctrl-C and after `kill -9` nothing of ours is left: no file, no shared memory, no process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { eventually } from './started.ts';

const workload = fileURLToPath(new URL('workload.ts', import.meta.url));

interface Place {
  /** The workload's own `TMPDIR` and working directory, so that what others do meanwhile does not show. */
  readonly folder: string;
  readonly sharedMemory: readonly string[];
}

async function place(): Promise<Place> {
  return { folder: await mkdtemp(join(tmpdir(), 'pheromone-test-')), sharedMemory: await readdir('/dev/shm') };
}

function start({ folder }: Place, ...args: readonly string[]): ChildProcess {
  const flags = ['--conditions=source', `--import=${import.meta.resolve('tsx')}`];
  return spawn(process.execPath, [...flags, workload, ...args], {
    cwd: folder,
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function outputOf(child: ChildProcess): Promise<{ readonly out: string; readonly err: string }> {
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk));
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk));
  await once(child, 'close');
  return { out, err };
}

/** Processes whose environment has the workload's `TMPDIR`: itself and all that it started, whoever their parent is by now. */
async function processesIn(folder: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    ids.map(async (id) => {
      const environment = await readFile(`/proc/${id}/environ`, 'utf8').catch(() => '');
      return environment.includes(`TMPDIR=${folder}`) ? [id] : [];
    }),
  );
  return found.flat();
}

async function assertNothingLeft(t: ExecutionContext, { folder, sharedMemory }: Place): Promise<void> {
  await eventually(t, 'no process is left', async () => (await processesIn(folder)).length === 0);
  // What tsx, the loader of TypeScript for this test, keeps there is not ours.
  const files = (await readdir(folder)).filter((name) => !name.startsWith('tsx-') && !name.startsWith('node-compile-cache'));
  t.deepEqual(files, []);
  const since = (await readdir('/dev/shm')).filter((name) => !sharedMemory.includes(name));
  t.deepEqual(
    since.filter((name) => /pheromone/i.test(name)),
    [],
  );
  await rm(folder, { recursive: true });
}

test('a run that ends: its log lines and what its functions print have come, and nothing is left', async (t) => {
  const where = await place();
  const child = start(where, 'once');
  const { out, err } = await outputOf(child);
  t.is(child.exitCode, 0, err);
  t.regex(out, /^said hello$/m);
  const lines = err
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  t.like(lines[0], { app: 'loud', function: 'shout', attempt: 1, msg: 'logged', what: 'hello' });
  t.like(lines[1], { app: 'loud', msg: 'session failed', code: 'FunctionFailed', error: 'function shout: Error: and nobody waits' });
  t.is(lines.length, 2);
  await assertNothingLeft(t, where);
});

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`${signal} in the middle of work: nothing is left`, async (t) => {
    const where = await place();
    const child = start(where);
    const ended = outputOf(child);
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    await new Promise((resolve) => setTimeout(resolve, 300));
    t.true((await processesIn(where.folder)).includes(String(child.pid)), 'the search finds the workload itself');
    child.kill(signal);
    await ended;
    t.is(child.signalCode, signal);
    await assertNothingLeft(t, where);
  });
}

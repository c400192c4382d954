/** The processes that `pheromone up` starts, from its side, with processes that do what a test says. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { type ChildPlan, Children } from '../../../src/api/cli/children.ts';
import { running, runningAfter } from './processes.ts';

const script = fileURLToPath(new URL('fake-role.mjs', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'pheromone-test-'));
test.after.always(() => rmSync(directory, { recursive: true }));

const limits = { startMsMax: 1_500, stopMsMax: 1_000 };

function plan(name: string, ...does: readonly string[]): ChildPlan {
  return { name, title: `worker ${name}`, args: [script, name, ...does], variables: {} };
}

function childrenOf(t: ExecutionContext): Children {
  const children = new Children(limits);
  t.teardown(() => children.killAll());
  return children;
}

test('children: a start resolves with what the child says that it is ready at', async (t) => {
  const children = childrenOf(t);
  const child = await children.start(plan('w1'));
  t.like(child, { name: 'w1', address: 'tcp://127.0.0.1:11' });
  t.deepEqual(running([child.pid]), [child.pid]);
  t.deepEqual(await children.takeDown([['w1']]), []);
  t.deepEqual(running([child.pid]), []);
});

test('children: a start rejects with the reason that the child told, its exit code, or the limit of time', async (t) => {
  const children = childrenOf(t);
  await t.throwsAsync(children.start(plan('w1', 'fails')), { message: 'worker w1 could not start: the port is taken' });
  await t.throwsAsync(children.start(plan('w2', 'dies')), { message: 'worker w2 could not start: exit code 7' });
  await t.throwsAsync(children.start(plan('w3', 'never ready')), { message: 'worker w3 could not start: it is not ready after 1500 ms' });
  t.deepEqual(await children.takeDown([['w1', 'w2', 'w3']]), []);
});

test('children: one that ends unasked is lost, and named', async (t) => {
  const children = childrenOf(t);
  await children.start(plan('w1'));
  const { pid } = await children.start(plan('w2', 'dies later'));
  t.is((await children.lost).message, `worker w2 (process ${pid}) ended: exit code 8`);
  t.deepEqual(await children.takeDown([['w1', 'w2']]), []);
});

test('children: are taken down group after group', async (t) => {
  const journal = join(directory, 'order');
  const children = childrenOf(t);
  const started = await Promise.all(['w1', 'w2', 'c2', 'c1'].map((name) => children.start(plan(name, journal))));
  t.deepEqual(await children.takeDown([['w1', 'w2'], ['c2'], ['c1']]), []);
  const lines = readFileSync(journal, 'utf8').trimEnd().split('\n');
  t.deepEqual(lines.slice(0, 2).toSorted(), ['w1 told', 'w2 told']);
  t.deepEqual(lines.slice(4), ['c2 told', 'c2 ended', 'c1 told', 'c1 ended']);
  t.deepEqual(running(started.map(({ pid }) => pid)), []);
});

test('children: one that does not end in time is killed, and one that fails as it ends is reported', async (t) => {
  const children = childrenOf(t);
  const deaf = await children.start(plan('w1', 'deaf'));
  await children.start(plan('w2', 'fails at the end'));
  const wrong = await children.takeDown([['w1', 'w2']]);
  t.deepEqual(wrong.toSorted(), ['worker w1 did not end within 1000 ms and was killed', 'worker w2 ended: exit code 3']);
  t.deepEqual(running([deaf.pid]), []);
});

test('children: when all are being taken down none is started', async (t) => {
  const children = childrenOf(t);
  const starting = t.throwsAsync(children.start(plan('w1', 'never ready')));
  t.deepEqual(await children.takeDown([['w1']]), []);
  await starting;
  await t.throwsAsync(children.start(plan('w2')), { message: 'worker w2 could not start: all are being taken down' });
});

test('children: killing all takes no time', async (t) => {
  const children = childrenOf(t);
  const started = await Promise.all(['w1', 'w2'].map((name) => children.start(plan(name, 'deaf'))));
  children.killAll();
  t.deepEqual(
    await runningAfter(
      started.map(({ pid }) => pid),
      5_000,
    ),
    [],
  );
});

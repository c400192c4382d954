/** Every scenario as its user runs it: a process, small options, a report that JSON can read. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import chain from '../../../scenarios/chain/scenario.ts';
import { play } from '../../../scenarios/scenario.ts';
import { pheromone } from '../cli/pheromone.ts';
import { scenarios } from './table.ts';

let directory: string;

test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pheromone-test-'));
});

test.after.always(() => rm(directory, { recursive: true }));

for (const [name, [options, expected]] of Object.entries(scenarios)) {
  test.serial(`${name}: finds the right answer, reports it as one JSON object, and leaves nothing behind`, async (t) => {
    const { code, stdout, stderr } = await pheromone(['scenario', name, ...options.split(' '), '--json'], { env: { TMPDIR: directory } });
    t.deepEqual([code, stderr], [0, '']);
    t.like(JSON.parse(stdout), { scenario: name, mode: 'embedded', ok: true, ...expected });
    t.deepEqual(await readdir(directory), []);
  });
}

test.serial('scenario: --list names every scenario there is, and each has a test', async (t) => {
  const { code, stdout } = await pheromone(['scenario', '--list']);
  const listed = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ')[0]);
  t.is(code, 0);
  t.deepEqual(new Set(listed), new Set(Object.keys(scenarios)));
});

test.serial('scenario: without --json it prints a summary for people', async (t) => {
  const { code, stdout } = await pheromone(['scenario', 'chain', '--length', '5']);
  t.is(code, 0);
  t.regex(stdout, /^chain: ok in [\d.,]+ ms, [\d,]+ steps\/s\nsessions 1, invocations 5, objects 5\nsteps 5\n$/);
});

test.serial('scenario: an answer that is not the expected one is reported as wrong, field by field', async (t) => {
  const miscounting = {
    ...chain,
    run: async (...args: Parameters<typeof chain.run>) => {
      const findings = await chain.run(...args);
      return { ...findings, details: { notes: 'none' }, expected: { steps: 4, notes: 'none', ends: 1 } };
    },
  };
  const showProgress = () => ({ expectInvocations() {}, async stop() {} });
  const { report } = await play('chain', miscounting, { length: 3 }, { showProgress });
  t.like(report, { ok: false, result: { steps: 3 }, wrong: ['steps is 3, but should be 4', 'ends is undefined, but should be 1'] });
});

test.serial('scenario: what it fails of is reported too, and the exit code is 1', async (t) => {
  const { code, stdout, stderr } = await pheromone(['scenario', 'word-count', '--input', '/proc/self/mem', '--json']);
  t.deepEqual([code, stderr], [1, '']);
  t.like(JSON.parse(stdout), { scenario: 'word-count', ok: false, wrong: ['Error: EIO: i/o error, read'] });
});

/** What is wrong with the command: one line on standard error, and the exit code 2. */
const refusals: readonly (readonly [what: string, args: string, line: RegExp])[] = [
  ['an unknown name', 'chian', /there is no scenario "chian"; there are ad-stream, batch, chain, /],
  [
    'a number below its limit',
    'word-count --maps 0',
    /'--maps <n>' argument '0' is invalid\. It must be a whole number from 1 to 100000\./,
  ],
  [
    'what is not a number',
    'chain --length long',
    /'--length <n>' argument 'long' is invalid\. It must be a whole number from 1 to 1000000\./,
  ],
  ['an empty number', 'chain --length=', /'--length <n>' argument '' is invalid/],
  ['an unknown option', 'chain --width 5', /unknown option '--width'/],
  ['a file that is not there', 'word-count --input /nowhere/*.txt', /'--input' is "\/nowhere\/\*\.txt": no file/],
  [
    'an address that is none',
    'chain --connect localhost',
    /'--connect <address>' argument 'localhost' is invalid\. It must be tcp:\/\/HOST:PORT/,
  ],
  ['k > n', 'redundant --k 3 --n 2', /'--k' is 3: must be at most n, which is 2/],
  ['k > n classifiers', 'ml-pipeline --k 4 --n 3', /'--k' is 4: must be at most n, which is 3/],
  [
    'blocks that are too small',
    'svd --rows 100 --columns 30 --blocks 4',
    /'--blocks' is 4: of 100 rows, one would have fewer than the 30 columns/,
  ],
  ['a tree too large', 'map-join --branches 1000 --depth 2', /'--depth' is 2: .*1000000 leaves; at most 100000/],
];

for (const [what, args, expected] of refusals) {
  test.serial(`scenario: refuses ${what}, in one line, with exit code 2`, async (t) => {
    const { code, stdout, stderr } = await pheromone(['scenario', ...args.split(' ')]);
    t.deepEqual([code, stdout], [2, '']);
    t.regex(stderr, expected);
    t.is(stderr.trimEnd().split('\n').length, 1);
  });
}

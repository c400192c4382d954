/** word-count against the shell, on text of any kind. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startLocal } from 'pheromone';
import wordCount from '../../../scenarios/word-count/scenario.ts';
import { pheromone } from '../cli/pheromone.ts';
import { junk, unevenWords } from './junk.ts';

type Counts = readonly (readonly [word: string, count: number])[];

const mebibyte = 2 ** 20;
let directory: string;
/** What is in a directory of their own. */
const files: Readonly<Record<string, string | Uint8Array>> = {
  'every byte': junk(300_000),
  empty: '',
  'one word, larger than a part': 'aB'.repeat(mebibyte),
  'words across the boundaries': unevenWords(2 * mebibyte),
  'ends within a word': 'these are two wor',
  'goes on': 'ds of two files',
  'neighbours of letters': '@A[Z`a{z\u0000b\r\nc\u00e9d\u00dfe\ud83d\ude00f_g-h1i',
  '[a-z]{x,y}*.txt': 'a name like a glob',
};

test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pheromone-test-'));
  await mkdir(join(directory, 'input'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, 'input', name), content);
});

test.after.always(() => rm(directory, { recursive: true }));

/** As the shell counts them, ranked as the scenario ranks: by count, then by word. */
function countedByShell(paths: readonly string[]): Counts {
  const script = `for f in "$@"; do cat "$f"; echo; done | tr -cs 'A-Za-z' '\\n' | tr A-Z a-z | grep . | sort | uniq -c`;
  const lines = execFileSync('bash', ['-c', script, 'bash', ...paths], { env: { ...process.env, LC_ALL: 'C' }, maxBuffer: 2 ** 28 })
    .toString()
    .trimEnd()
    .split('\n');
  const counts = lines.map((line): [string, number] => {
    const [count = '', word = ''] = line.trim().split(' ');
    return [word, Number(count)];
  });
  return counts.sort(([wordA, countA], [wordB, countB]) => countB - countA || (wordA < wordB ? -1 : 1));
}

async function inputPaths(): Promise<string[]> {
  return (await readdir(join(directory, 'input'))).map((name) => join(directory, 'input', name));
}

interface WordCountReport {
  readonly ok: boolean;
  readonly input: object;
  readonly result: { readonly words: number; readonly distinct: number; readonly top: Counts };
}

async function countedByScenario(...options: readonly string[]): Promise<WordCountReport> {
  const { code, stdout, stderr } = await pheromone(['scenario', 'word-count', '--json', '--top', '100000000', ...options]);
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout) as WordCountReport;
}

for (const options of ['', '--maps 1 --reducers 1', '--maps 13 --reducers 7', '--maps 5000 --reducers 2']) {
  test.serial(`word-count ${options}: counts as the shell does, whatever the files hold`, async (t) => {
    const expected = countedByShell(await inputPaths());
    const { ok, input, result } = await countedByScenario('--input', join(directory, 'input', '*'), ...options.split(' ').filter(Boolean));
    const bytes = Object.values(files).reduce((sum, content) => sum + Buffer.from(content).length, 0);
    t.true(ok);
    t.deepEqual(input, { files: Object.keys(files).length, bytes });
    t.is(
      result.words,
      expected.reduce((sum, [, count]) => sum + count, 0),
    );
    t.is(result.distinct, expected.length);
    t.deepEqual(result.top, expected);
  });
}

test.serial('word-count: the name of a file means that file, even if it looks like a glob', async (t) => {
  const named = join(directory, 'input', '[a-z]{x,y}*.txt');
  const { input, result } = await countedByScenario('--input', named, join(directory, 'input', 'emp*'));
  t.deepEqual(input, { files: 2, bytes: 18 });
  t.deepEqual(result.top, [
    ['a', 2],
    ['glob', 1],
    ['like', 1],
    ['name', 1],
  ]);
});

test.serial('word-count: a text without a word has an answer too', async (t) => {
  const { ok, result } = await countedByScenario('--input', join(directory, 'input', 'empty'));
  t.true(ok);
  t.deepEqual(result, { words: 0, distinct: 0, top: [] });
});

test.serial('word-count: a text larger than the store is counted in sessions, one after the other', async (t) => {
  const runtime = await startLocal({ apps: [wordCount.app], arenaBytes: 2 * mebibyte, executors: 2 });
  try {
    const path = join(directory, 'input', 'words across the boundaries');
    const every = join(directory, 'input', 'every byte');
    const options = { input: [path, path, every, path], top: 1_000_000, maps: null, reducers: 3 };
    const { result, details } = await wordCount.run(runtime, options, { expectInvocations() {} });
    const { sessionsOpened } = await runtime.stats();
    t.deepEqual(result.top, countedByShell([path, every]));
    t.like(details, { input: { files: 2 } });
    t.true(sessionsOpened > 10, `${sessionsOpened} sessions`);
  } finally {
    await runtime.close();
  }
});

/** The sort scenario on files, against the shell's sort. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startLocal } from 'pheromone';
import app from '../../../scenarios/sort/app.ts';
import { Gensort } from '../../../scenarios/sort/gensort.ts';
import { sortFile } from '../../../scenarios/sort/sort-file.ts';
import { pheromone } from '../cli/pheromone.ts';

let directory: string;
let input: string;

test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pheromone-test-'));
  input = join(directory, 'input');
  const records = Buffer.alloc(100 * 30_000);
  new Gensort('ascii').fill(records);
  await writeFile(input, records);
});

test.after.always(() => rm(directory, { recursive: true }));

function sortedByShell(): Buffer {
  return execFileSync('sort', [input], { env: { ...process.env, LC_ALL: 'C' }, maxBuffer: 2 ** 28 });
}

test.serial('sort: --input is sorted into --output as the shell sorts it, byte by byte', async (t) => {
  const output = join(directory, 'output');
  await writeFile(output, 'what was there before');
  const { code, stdout } = await pheromone(['scenario', 'sort', '--input', input, '--output', output, '--json']);
  t.is(code, 0, stdout);
  t.like(JSON.parse(stdout), { ok: true, passes: 1, result: { records: 30_000, duplicateKeys: 0 } });
  t.true(sortedByShell().equals(await readFile(output)));
});

test.serial('sort: a file larger than the store is sorted in several passes', async (t) => {
  const output = join(directory, 'in passes');
  const runtime = await startLocal({ apps: [app], arenaBytes: 2 * 2 ** 20, executors: 2 });
  try {
    t.is(await sortFile(runtime, input, output, () => {}), 3);
    t.true(sortedByShell().equals(await readFile(output)));
  } finally {
    await runtime.close();
  }
});

test.serial('sort: an input that has no records is refused, in one line', async (t) => {
  const cut = join(directory, 'cut');
  const empty = join(directory, 'empty');
  await writeFile(cut, 'not a record');
  await writeFile(empty, '');
  for (const [path, rule] of [
    [cut, /'--input' is ".*cut": has 12 bytes, which are not records of 100/],
    [empty, /'--input' is ".*empty": is empty/],
    [join(directory, 'nowhere'), /'--input' is ".*nowhere": is not a file/],
  ] as const) {
    const { code, stderr } = await pheromone(['scenario', 'sort', '--input', path]);
    t.is(code, 2);
    t.regex(stderr, rule);
    t.is(stderr.trimEnd().split('\n').length, 1);
  }
});

test.serial('sort: an output that is the input is refused, before anything is lost', async (t) => {
  const link = join(directory, 'link');
  await symlink(input, link);
  const { code, stderr } = await pheromone(['scenario', 'sort', '--input', input, '--output', link]);
  t.is(code, 2);
  t.regex(stderr, /'--output' is ".*link": is the input/);
  t.is((await readFile(input)).length, 3_000_000);
});

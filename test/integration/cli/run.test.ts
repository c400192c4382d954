/** `pheromone run`: what it prints, and its exit codes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { pheromone } from './pheromone.ts';

const greet = fileURLToPath(new URL('greet.ts', import.meta.url));
let directory: string;

test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pheromone-test-'));
});

test.after.always(() => rm(directory, { recursive: true }));

async function file(name: string, content: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

test.serial('run: prints the first output of a TypeScript app as JSON, and nothing else', async (t) => {
  t.deepEqual(await pheromone(['run', greet, '--bucket', 'names', '--value', '"Ada"']), { code: 0, stdout: '"Hello, Ada"\n', stderr: '' });
});

test.serial('run: --until end prints all outputs, in order', async (t) => {
  const input = JSON.stringify({ names: [{ value: 'Ada' }, { value: 'nobody' }, { value: 'Eve' }] });
  const { code, stdout } = await pheromone(['run', greet, '--input', input, '--until', 'end', '--executors', '1']);
  t.is(code, 0);
  t.deepEqual(JSON.parse(stdout), ['Hello, Ada', 'Hello, Eve']);
});

test.serial('run: values come from files and from standard input, bytes as they are', async (t) => {
  const json = await file('name.json', '"Eve"');
  t.is((await pheromone(['run', greet, '--bucket', 'names', '--value', `@${json}`])).stdout, '"Hello, Eve"\n');
  t.is((await pheromone(['run', greet, '--input', '@-'], { stdin: '{ "names": [{ "value": "Bob" }] }' })).stdout, '"Hello, Bob"\n');
  const { stdout } = await pheromone(['run', greet, '--bucket', 'files', '--bytes', json, '--key', 'k', '--group', 'g']);
  t.deepEqual(JSON.parse(stdout), { key: 'k', group: 'g', bytes: 'IkV2', big: '18446744073709551616', map: { size: 5 } });
});

test.serial('run: a session without an output prints nothing on standard output', async (t) => {
  const { code, stdout, stderr } = await pheromone(['run', greet, '--bucket', 'names', '--value', '"nobody"']);
  t.deepEqual([code, stdout], [0, '']);
  t.regex(stderr, /ended without an output/);
});

test.serial('run: what a function throws is printed with its place in the source, and the exit code is 1', async (t) => {
  const { code, stdout, stderr } = await pheromone(['run', greet, '--bucket', 'names', '--value', '""']);
  t.deepEqual([code, stdout], [1, '']);
  const [line = '', place = '', ...more] = stderr.trimEnd().split('\n');
  t.regex(line, /^error: FunctionFailed: .*greet.*RangeError: nobody to greet/);
  t.regex(place, /greet\.ts:8:/);
  t.deepEqual(more, []);
});

test.serial('run: a module that cannot be bundled, or throws when it is imported, is a failure that says where', async (t) => {
  const broken = await pheromone(['run', await file('broken.ts', 'export cons x'), '--bucket', 'a', '--value', '1']);
  t.is(broken.code, 1);
  t.regex(broken.stderr, /^error: ModuleFailed: .*\nbroken\.ts:1:8: Unexpected "cons"\n$/);
  const throwing = await pheromone(['run', await file('throwing.ts', 'throw new Error("not today")'), '--bucket', 'a', '--value', '1']);
  t.is(throwing.code, 1);
  t.regex(throwing.stderr, /not today\n.*throwing\.ts:1:7\)\n$/);
});

/** What is wrong with the command: one line on standard error, and the exit code 2. */
const refusals: readonly (readonly [what: string, args: readonly string[], line: RegExp])[] = [
  ['no module', [], /missing required argument 'module'/],
  ['a file that is not there', ['/nowhere/app.ts', '--bucket', 'a', '--value', '1'], /"\/nowhere\/app\.ts": there is no such file/],
  ['no objects', [greet], /--bucket with --value, or --input; the buckets of greet are names, files/],
  ['a bucket without a value', [greet, '--bucket', 'names'], /--value or --bytes/],
  ['an unknown bucket', [greet, '--bucket', 'nams', '--value', '1'], /"nams": the buckets of greet are names, files/],
  ['an unknown bucket in the input', [greet, '--input', '{ "nams": [] }'], /'--input' names the bucket "nams"/],
  ['a value that is not JSON', [greet, '--bucket', 'names', '--value', 'Ada'], /'--value' is "Ada": it is not JSON/],
  ['a value in no file', [greet, '--bucket', 'names', '--value', '@/nowhere.json'], /'--value' names the file "\/nowhere\.json": ENOENT/],
  ['input of another form', [greet, '--input', '{ "names": { "value": 1 } }'], /entries\.names is .*: must be an array/],
  ['an unknown app', [greet, '--app', 'grete', '--input', '{}'], /'--app' is "grete": the apps of .*greet\.ts are greet/],
  ['no executors', [greet, '--executors', '0'], /'--executors <n>' argument '0' is invalid\. It must be a whole number from 1 to 1024/],
  ['no time', [greet, '--timeout-ms', '1.5'], /'--timeout-ms <ms>' argument '1\.5' is invalid\. It must be a whole number/],
  ['an unknown option', [greet, '--buckets', 'names'], /unknown option '--buckets'/],
];

for (const [what, args, expected] of refusals) {
  test.serial(`run: refuses ${what}, in one line, with exit code 2`, async (t) => {
    const { code, stdout, stderr } = await pheromone(['run', ...args]);
    t.deepEqual([code, stdout], [2, '']);
    const [line = '', ...more] = stderr.trimEnd().split('\n');
    t.regex(line, expected);
    // commander may add what the option was perhaps meant to be.
    t.true(more.every((hint) => hint.startsWith('(Did you mean')));
  });
}

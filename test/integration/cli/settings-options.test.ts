/** The options of commands for clusters: what `--help` says, and what is refused. None of these tests needs a cluster. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { settingsOf } from '../../../src/cluster/roles/settings.ts';
import { pheromone } from './pheromone.ts';

const greet = fileURLToPath(new URL('greet.ts', import.meta.url));
let directory: string;
let config: string;

test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pheromone-test-'));
  config = join(directory, 'settings.json');
  await writeFile(config, '{ "arenaBytes": 1024 }');
});

test.after.always(() => rm(directory, { recursive: true }));

for (const settled of ['coordinator', 'worker', 'up'] as const) {
  test.serial(`${settled}: --help has every setting with its limit, unit and default, and where else it may be given`, async (t) => {
    const { code, stdout, stderr } = await pheromone([settled, '--help']);
    t.deepEqual([code, stderr], [0, '']);
    // As one line: the columns are broken where the terminal ends.
    const line = stdout.replace(/\s+/g, ' ');
    for (const { flag, about, limit, byDefault } of settingsOf(settled)) {
      t.regex(line, new RegExp(`${flag} [<[]`));
      t.true(line.includes(`${about} (${limit}; default: ${byDefault})`), flag);
    }
    t.regex(line, /PHEROMONE_ARENA_BYTES.*field of the --config file \(arenaBytes\)/);
    t.regex(line, /--config <file> JSON file of settings \(environment: PHEROMONE_CONFIG\)/);
    t.false(line.includes('temporary-data-dir'));
  });
}

test.serial('pheromone: --help names the commands', async (t) => {
  const { stdout } = await pheromone(['--help']);
  for (const name of ['run', 'scenario', 'up', 'status', 'coordinator', 'worker']) t.regex(stdout, new RegExp(`^  ${name} `, 'm'));
});

interface Refusal {
  readonly what: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly line: RegExp;
}

const refusals: readonly Refusal[] = [
  {
    what: 'a bad flag',
    args: ['coordinator', '--deadline-ms', '1s'],
    line: /pheromone coordinator: option '--deadline-ms' is "1s": .*1 to 2147483647 milliseconds/,
  },
  { what: 'a bad variable', args: ['coordinator'], env: { PHEROMONE_LISTEN: '7000' }, line: /PHEROMONE_LISTEN is "7000": must be tcp:/ },
  { what: 'a worker that joins nobody', args: ['worker'], line: /pheromone worker: option '--join'/ },
  {
    what: 'a bad variable of up',
    args: ['up'],
    env: { PHEROMONE_LOG_LEVEL: 'loud' },
    line: /pheromone up: PHEROMONE_LOG_LEVEL is "loud": must be one of 'debug'/,
  },
  {
    what: 'no coordinators',
    args: ['up', '--coordinators', '0'],
    line: /'--coordinators <n>' argument '0' is invalid\. It must be .* 1 to 16\./,
  },
  { what: 'too many workers', args: ['up', '--workers', '65'], line: /'--workers <n>' argument '65' is invalid\. It must be .* 1 to 64\./ },
  { what: 'a name for all of up', args: ['up', '--name', 'c1'], line: /unknown option '--name'/ },
  { what: 'the status of nothing', args: ['status'], line: /required option '--connect <address>' not specified/ },
  {
    what: 'the status of a port',
    args: ['status', '--connect', '7000'],
    line: /'--connect <address>' argument '7000' is invalid\. It must be tcp:\/\/HOST:PORT/,
  },
  {
    what: 'executors of a cluster',
    args: ['run', greet, '--connect', 'tcp://127.0.0.1:1', '--executors', '2'],
    line: /'--connect <address>' cannot be used with option '--executors <n>'/,
  },
  {
    what: 'executors of a scenario',
    args: ['scenario', 'chain', '--connect', 'tcp://127.0.0.1:1', '--executors', '2'],
    line: /unknown option '--executors'/,
  },
];

for (const { what, args, env = {}, line: expected } of refusals) {
  test.serial(`${args[0]}: refuses ${what}, in one line, with exit code 2`, async (t) => {
    const { code, stdout, stderr } = await pheromone(args, { env });
    t.deepEqual([code, stdout], [2, '']);
    const [line = '', ...more] = stderr.trimEnd().split('\n');
    t.regex(line, expected);
    t.true(more.every((hint) => hint.startsWith('(Did you mean')));
  });
}

test.serial('worker: refuses a bad field of the file, and names file and field', async (t) => {
  const { code, stderr } = await pheromone(['worker', '--join', 'tcp://127.0.0.1:1'], { env: { PHEROMONE_CONFIG: config } });
  t.is(code, 2);
  t.is(
    stderr,
    `error: InvalidOption: pheromone worker: field arenaBytes of ${config} is 1024: must be a whole number from 1048576 to 4294963200 bytes\n`,
  );
});

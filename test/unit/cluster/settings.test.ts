/** The settings of a process of a cluster: who has precedence, and what is refused. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { defaultConfig, settingRules } from '../../../src/cluster/config.ts';
import { flagsOf, readGiven, roleSettings, type Settled, settingsOf } from '../../../src/cluster/roles/settings.ts';

const directory = mkdtempSync(join(tmpdir(), 'pheromone-test-'));
test.after.always(() => rmSync(directory, { recursive: true }));

let files = 0;
function file(content: unknown): string {
  const path = join(directory, `${++files}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function read(flags: Record<string, unknown>, environment: Record<string, string> = {}, settled: Settled = 'coordinator') {
  return readGiven('pheromone test', settled, { flags, environment });
}

test('settings: a flag goes before a variable, that before a field of the file, and that before the default', (t) => {
  const config = file({ executors: 3, arenaBytes: 2 ** 21, deadlineMs: 7, logLevel: 'info' });
  const given = read({ config, executors: '5', poison: true }, { PHEROMONE_EXECUTORS: '4', PHEROMONE_ARENA_BYTES: '3145728' });
  t.deepEqual(given, { executors: 5, arenaBytes: 3 * 2 ** 20, deadlineMs: 7, logLevel: 'info', poison: true });
  const settings = roleSettings('coordinator', given);
  t.like(settings.config, { ...given, storeWaitMs: defaultConfig().storeWaitMs, listen: 'tcp://127.0.0.1:7000', join: null });
  t.is(settings.drainMs, 10_000);
});

test('settings: the file may be named by the environment too; a flag names another', (t) => {
  const [one, another] = [file({ executors: 1 }), file({ executors: 2 })];
  t.is(read({}, { PHEROMONE_CONFIG: one }).executors, 1);
  t.is(read({ config: another }, { PHEROMONE_CONFIG: one }).executors, 2);
});

test('settings: a variable that is empty, or that nobody knows, says nothing', (t) => {
  t.deepEqual(read({}, { PHEROMONE_JOIN: '', PHEROMONE_CONFIG: '', PHEROMONE_PORT: 'tcp://10.0.0.1:80' }), {});
});

test('settings: a text is read as what its rule asks for', (t) => {
  const environment = { PHEROMONE_NAME: '123', PHEROMONE_POISON: 'false', PHEROMONE_DATA_DIR: '7', PHEROMONE_DRAIN_MS: '0' };
  t.deepEqual(read({}, environment), { name: '123', poison: false, dataDir: '7', drainMs: 0 });
});

test('settings: each has a flag, a variable, a limit and a default, and those of numbers of bytes and times say so', (t) => {
  const settings = settingsOf('worker');
  t.true(Object.keys(settingRules).every((field) => settings.some((setting) => setting.field === field)));
  for (const { field, flag, variable, about, limit, byDefault } of settings) {
    t.regex(flag, /^--[a-z]+(-[a-z]+)*$/);
    t.is(variable, `PHEROMONE_${flag.slice(2).replaceAll('-', '_').toUpperCase()}`);
    t.true(
      [about, limit, byDefault].every((text) => text.length > 0 && !/undefined|null/.test(text)),
      field,
    );
    if (field.endsWith('Ms')) t.regex(limit, / milliseconds$/);
    if (field.endsWith('Bytes')) t.regex(limit, / bytes$/);
  }
  t.is(settings.find(({ field }) => field === 'executorHeapMiB')?.flag, '--executor-heap-mib');
});

test('settings: as flags they give another process the same', (t) => {
  const given = read({ executors: '3', poison: 'true', logLevel: 'info', dataDir: '-x', listen: 'tcp://[::1]:0' });
  t.deepEqual(flagsOf(given), ['--listen=tcp://[::1]:0', '--executors=3', '--data-dir=-x', '--poison=true', '--log-level=info']);
});

const limited = 'must be a whole number from 1 to 1024';

/** What is refused, and every word of how. */
const refusals: readonly (readonly [what: string, args: () => Parameters<typeof read>, message: string | RegExp])[] = [
  ['a flag', () => [{ executors: '0' }], `option '--executors' is "0": ${limited}`],
  ['an empty flag', () => [{ executors: '' }], `option '--executors' is "": ${limited}`],
  ['a variable', () => [{}, { PHEROMONE_EXECUTORS: 'many' }], `PHEROMONE_EXECUTORS is "many": ${limited}`],
  ['a variable that a flag hides', () => [{ executors: '2' }, { PHEROMONE_EXECUTORS: '-1' }], `PHEROMONE_EXECUTORS is "-1": ${limited}`],
  ['a field', () => [{ config: file({ executors: '2' }) }], /field executors of .*\.json is "2": must be a whole number from 1 to 1024$/],
  ['a field of nothing', () => [{ config: file({ executors: null }) }], /field executors of .*\.json is null: must be a whole number/],
  [
    'an unknown field',
    () => [{ config: file({ exectors: 2 }) }],
    /field exectors of .*\.json is 2: is not a setting of it \(there are name, /,
  ],
  ['a field of all objects', () => [{ config: file('{ "__proto__": 1 }') }], /field __proto__ of .* is 1: is not a setting of it/],
  ['a file that is not there', () => [{ config: '/nowhere.json' }], /option '--config' is "\/nowhere\.json": it cannot be read: ENOENT/],
  ['a file of the environment', () => [{}, { PHEROMONE_CONFIG: '/' }], /PHEROMONE_CONFIG is "\/": it cannot be read: EISDIR/],
  ['a file of another kind', () => [{ config: file('executors: 3') }], /option '--config' is ".*": it is not JSON: /],
  ['a file without fields', () => [{ config: file([]) }], /option '--config' is ".*": it must hold a JSON object$/],
  ['a bad name', () => [{ name: '~me/c1' }], /option '--name' is "~me\/c1": must be 1 to 64 letters, digits/],
  [
    'another protocol',
    () => [{ listen: 'http://127.0.0.1:7000' }],
    /option '--listen' is "http:.*": must be tcp:\/\/HOST:PORT, port 0 for any/,
  ],
  ['no port', () => [{ listen: 'tcp://127.0.0.1' }], /must be tcp:\/\/HOST:PORT/],
  ['a port too large', () => [{ listen: 'tcp://127.0.0.1:65536' }], /must be tcp:\/\/HOST:PORT/],
  ['any port to join', () => [{ join: 'tcp://127.0.0.1:0' }], /must be tcp:\/\/HOST:PORT, with a port from 1 to 65535/],
  [
    'a registry that is no NATS',
    () => [{ registry: 'http://u:secret@h:4222' }],
    /option '--registry' is "http:\/\/…@h:4222": must be nats:/,
  ],
  ['a registry and somebody to join', () => [{ registry: 'nats://h:4222', join: 'tcp://h:7000' }], /leave one of them out/],
  ['a worker that joins nobody', () => [{}, {}, 'worker'], /option '--join' .* a worker needs the address of a coordinator/],
  [
    'every address',
    () => [{ listen: 'tcp://0.0.0.0:7000' }],
    /option '--listen' is .* others cannot dial every address: say with .*--advertise/,
  ],
  [
    'every address of up',
    () => [{ listen: 'tcp://*:7000' }, {}, 'up'],
    /others cannot dial every address: name one address of this machine/,
  ],
  ['a name of up', () => [{ config: file({ name: 'c1' }) }, {}, 'up'], /field name of .* is not a setting of it/],
];

for (const [what, args, message] of refusals) {
  test(`settings: refuses ${what}, and says where it comes from and what is good`, (t) => {
    const error = t.throws(() => read(...args()), { code: 'InvalidOption' });
    if (typeof message === 'string') t.is(error?.message, `pheromone test: ${message}`);
    else t.regex(error?.message ?? '', message);
    t.false(error?.message.includes('\n'));
  });
}

test('settings: a node that listens on every address may say what others dial', (t) => {
  t.like(read({ listen: 'tcp://0.0.0.0:7000', advertise: 'tcp://worker-1.local:7000' }), { advertise: 'tcp://worker-1.local:7000' });
});

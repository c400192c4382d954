/** Options of calls and of the runtime: each refusal names the field, its value and the limit. */
import test from 'ava';
import { bucket, defineApp } from 'pheromone';
import { checkBranches, checkCallOptions, checkResultOptions, checkStartOptions, expectationsOf } from '../../../src/api/call-options.ts';
import { checkCloseOptions, checkLocalOptions } from '../../../src/api/local-options.ts';

type Check = (options: unknown) => object;
type Refusal = readonly [check: Check, options: unknown, field: string, value: unknown, says: RegExp];

const parts = bucket<number>('parts');

const refusals: Record<string, Refusal> = {
  'priority above nine': [checkCallOptions, { priority: 10 }, 'options.priority', 10, /^call: options\.priority is 10: .*from 0 to 9$/],
  'a fraction of a priority': [checkStartOptions, { priority: 1.5 }, 'options.priority', 1.5, /^start: .*whole number from 0 to 9/],
  'no time to wait': [checkCallOptions, { timeoutMs: 0 }, 'options.timeoutMs', 0, /from 1 to 2147483647 milliseconds/],
  'a time no timer can wait': [checkCallOptions, { timeoutMs: 2 ** 31 }, 'options.timeoutMs', 2 ** 31, /from 1 to 2147483647/],
  'a deadline that is no number': [checkStartOptions, { deadlineMs: '5' }, 'options.deadlineMs', '5', /is "5": must be a whole number/],
  'NaN retries': [checkCallOptions, { retries: Number.NaN }, 'options.retries', Number.NaN, /is NaN: .*from 0 to 100/],
  'an empty id': [checkCallOptions, { id: '' }, 'options.id', '', /1 to 256 characters/],
  'a signal that is none': [checkCallOptions, { signal: {} }, 'options.signal', {}, /AbortSignal/],
  'stable that is neither': [checkCallOptions, { stable: 1 }, 'options.stable', 1, /must be true or false/],
  'stable for start': [checkStartOptions, { stable: true }, 'options.stable', true, /is not an option/],
  'another end': [checkResultOptions, { until: 'done' }, 'options.until', 'done', /^result: .*'output', 'end'/],
  'an option of calls for start': [
    checkStartOptions,
    { until: 'end' },
    'options.until',
    'end',
    /is not an option \(there are id, deadlineMs/,
  ],
  'an inherited name': [checkCallOptions, { constructor: 5 }, 'options.constructor', 5, /is not an option/],
  'options that are none': [checkCallOptions, 5, 'options', 5, /must be an object/],
  'expect without branches': [
    checkCallOptions,
    { expect: { bucket: parts } },
    'options.expect',
    { keys: undefined, count: undefined },
    /keys or count/,
  ],
  'expect with keys and count': [
    checkCallOptions,
    { expect: [{ bucket: parts, keys: ['a'], count: 1 }] },
    'options.expect[0]',
    { keys: ['a'], count: 1 },
    /either keys or count/,
  ],
  'a negative count': [checkCallOptions, { expect: { bucket: 'parts', count: -1 } }, 'options.expect.count', -1, /from 0 to 1000000/],
  'a key twice': [checkCallOptions, { expect: { bucket: 'parts', keys: ['a', 'a'] } }, 'options.expect.keys[1]', 'a', /already/],
  'expect on no bucket': [checkCallOptions, { expect: { bucket: 5, count: 1 } }, 'options.expect.bucket', 5, /a bucket or its name/],
  'expect of an empty group': [
    checkStartOptions,
    { expect: { bucket: 'parts', group: '', count: 1 } },
    'options.expect.group',
    '',
    /1 to 1024/,
  ],
  'expect of nothing': [checkStartOptions, { expect: [null] }, 'options.expect[0]', null, /keys \| count/],
  'no executors': [checkLocalOptions, { executors: 0 }, 'options.executors', 0, /^startLocal: .*from 1 to 1024$/],
  'an arena too small': [checkLocalOptions, { arenaBytes: 5 }, 'options.arenaBytes', 5, /from 1048576 to 4294963200 bytes/],
  'an app that is none': [checkLocalOptions, { apps: ['app'] }, 'options.apps', ['app'], /made by defineApp/],
  'a level there is not': [checkLocalOptions, { logLevel: 'loud' }, 'options.logLevel', 'loud', /'debug', 'info'/],
  'a negative drain': [checkCloseOptions, { drainMs: -1 }, 'options.drainMs', -1, /^close: .*from 0/],
};

for (const [title, [check, options, field, value, says]] of Object.entries(refusals)) {
  test(`options: ${title}: refused with field, value and limit`, (t) => {
    const error = t.throws(() => check(options), { message: says });
    t.like(error, { code: 'InvalidOption', field, retryable: false });
    t.deepEqual((error as unknown as { value: unknown }).value, value);
  });
}

test('options: what is good or missing passes as it is', (t) => {
  const { signal } = new AbortController();
  const call = { id: 'x', timeoutMs: 1, retries: 0, deadlineMs: 2 ** 31 - 1, priority: 0, signal, until: 'end', expect: undefined };
  t.true(Object.is(checkCallOptions(call), call));
  t.deepEqual(checkCallOptions(undefined), {});
  t.deepEqual(
    checkStartOptions({
      expect: [
        { bucket: parts, keys: [] },
        { bucket: 'parts', group: 'g', count: 0 },
      ],
    }).expect,
    [
      { bucket: parts, keys: [] },
      { bucket: 'parts', group: 'g', count: 0 },
    ],
  );
  const app = defineApp('app', { module: import.meta.url, triggers: [] });
  t.notThrows(() => checkLocalOptions({ apps: [app], executors: 2, arenaBytes: 2 ** 20, admitTimeoutMs: 0, logLevel: 'silent' }));
  t.deepEqual(checkCloseOptions(null), {});
});

test('options: expectations are a list however they were written', (t) => {
  const one = { bucket: 'parts', count: 1 } as const;
  t.deepEqual(expectationsOf({}), []);
  t.deepEqual(expectationsOf({ expect: one }), [one]);
  t.deepEqual(expectationsOf({ expect: [one, one] }), [one, one]);
});

test('options: branches of a function’s own announcement are checked alike', (t) => {
  t.notThrows(() => checkBranches('expect', 'branches', { count: 0 }));
  t.throws(() => checkBranches('expect', 'branches', undefined as never), { message: /expect: branches is undefined: must be an object/ });
  t.like(
    t.throws(() => checkBranches('expect', 'branches', { keys: [''] })),
    { field: 'branches.keys[0]', value: '' },
  );
});

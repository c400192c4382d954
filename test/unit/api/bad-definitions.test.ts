/** Every bad definition is refused when it is defined; the refusal names the field, its value and the rule. */
import test from 'ava';
import { type AnyFn, bucket, byBatchSize, bySet, byTime, defineApp, dynamicGroup, fn, immediate, redundant, type Trigger } from 'pheromone';

const module = import.meta.url;
const parts = bucket<number>('parts');
const nothing = () => {};
const step = fn('step', { input: parts, sends: [parts] }, nothing);
const join = fn('join', { inputs: parts }, nothing);

interface Case {
  readonly field: string;
  readonly value: unknown;
  /** What the message must say beside the field. */
  readonly says: RegExp;
  readonly define: () => unknown;
}

const withTriggers = (...triggers: Trigger[]) => defineApp('app', { module, triggers });
const withFn = (options: object) => withTriggers(parts.on(immediate(), fn('bad', { input: parts, ...options }, nothing)));
/** What a user without TypeScript, or with a cyclic import, may hand over. */
const untyped = (value: unknown) => value as never;

const cases: Record<string, Case> = {
  'an unknown function in sources': {
    field: 'triggers[0].options.sources[0]',
    value: 'maap',
    says: /parts-dynamicGroup-join.*"maap".*not a function of this app/,
    define: () => withTriggers(parts.on(dynamicGroup({ sources: ['maap'] }), join)),
  },
  'k above n': {
    field: 'triggers[1].options.k',
    value: 4,
    says: /is 4: .*3/,
    define: () => withTriggers(parts.on(immediate(), step), parts.on(redundant({ k: 4, n: 3, sources: [step] }), join)),
  },
  'an empty set': {
    field: 'triggers[0].options.keys',
    value: [],
    says: /at least one/,
    define: () => withTriggers(parts.on(bySet({ keys: [] }), join)),
  },
  'a window of no length': {
    field: 'triggers[0].options.windowMs',
    value: 0,
    says: /is 0: must be .* from 1/,
    define: () => withTriggers(parts.on(byTime({ windowMs: 0 }), join)),
  },
  'a batch of less than one': {
    field: 'triggers[0].options.count',
    value: -1,
    says: /is -1: must be .* from 1/,
    define: () => withTriggers(parts.on(byBatchSize({ count: -1 }), join)),
  },
  'a misspelt option': {
    field: 'triggers[0].options.kees',
    value: ['a'],
    says: /not an option of bySet \(it has keys\)/,
    define: () => withTriggers(parts.on(bySet(untyped({ keys: ['a'], kees: ['a'] })), join)),
  },
  'two buckets of one name': {
    field: 'buckets[1].name',
    value: 'parts',
    says: /taken by another bucket/,
    define: () => withTriggers(parts.on(immediate(), fn('other', { input: bucket<number>('parts') }, nothing))),
  },
  'two functions of one name': {
    field: 'functions[1].name',
    value: 'step',
    says: /taken by another function/,
    define: () => withTriggers(parts.on(immediate(), step), parts.on(immediate(), fn('step', { input: parts }, nothing))),
  },
  'two triggers of one name': {
    field: 'triggers[1].name',
    value: 'mine',
    says: /taken by another trigger/,
    define: () => withTriggers(parts.on(immediate(), step, { name: 'mine' }), parts.on(immediate(), step, { name: 'mine' })),
  },
  'a bad character in the name of the app': {
    field: 'name',
    value: 'word count',
    says: /"word count".*1 to 64 letters/,
    define: () => defineApp('word count', { module, triggers: [] }),
  },
  'a bad character in the name of a bucket': {
    field: 'buckets[0].name',
    value: 'a|b',
    says: /1 to 64 letters/,
    define: () => defineApp('app', { module, triggers: [], buckets: [bucket('a|b')] }),
  },
  'a name that is too long': {
    field: 'functions[0].name',
    value: 'f'.repeat(65),
    says: /1 to 64 letters/,
    define: () => defineApp('app', { module, triggers: [], functions: [fn('f'.repeat(65), {}, nothing)] }),
  },
  'no attempt at all': {
    field: 'functions[0].retry.attemptsMax',
    value: 0,
    says: /from 1 to 1000/,
    define: () => withFn({ retry: { attemptsMax: 0 } }),
  },
  'a backoff that shrinks': {
    field: 'functions[0].retry.backoff.factor',
    value: 0.5,
    says: /from 1 to 100/,
    define: () => withFn({ retry: { backoff: { factor: 0.5 } } }),
  },
  'a negative time-out': {
    field: 'functions[0].timeoutMs',
    value: -5,
    says: /from 1 to 2147483647 milliseconds/,
    define: () => withFn({ timeoutMs: -5 }),
  },
  'a concurrency of none': { field: 'functions[0].concurrency', value: 0, says: /from 1/, define: () => withFn({ concurrency: 0 }) },
  'both input and inputs': {
    field: 'inputs',
    value: parts,
    says: /fn bad.*not be given together with input/,
    define: () => withFn({ inputs: parts }),
  },
  'a handler that is none': {
    field: 'handler',
    value: 5,
    says: /fn bad: handler is 5: must be a function/,
    define: () => fn('bad', {}, untyped(5)),
  },
  'sends to an undefined bucket, as a cyclic import gives it': {
    field: 'sends[1]',
    value: undefined,
    says: /fn bad: sends\[1\] is undefined/,
    define: () => fn('bad', { input: parts, sends: untyped([parts, undefined]) }, nothing),
  },
  'an input that is no bucket': {
    field: 'input',
    value: 'parts',
    says: /fn bad: input is "parts": must be a bucket/,
    define: () => fn('bad', untyped({ input: 'parts' }), nothing),
  },
  'an undefined trigger function': {
    field: 'triggers[0]',
    value: parts.on(immediate(), untyped(undefined)),
    says: /bucket\.on/,
    define: () => withTriggers(parts.on(immediate(), untyped(undefined))),
  },
  'a function of many inputs under immediate': {
    field: 'triggers[0].function',
    value: 'join',
    says: /immediate gives a single input: declare \{ input \}/,
    define: () => withTriggers(parts.on(immediate(), untyped(join as AnyFn))),
  },
  'a function of one input under a set': {
    field: 'triggers[0].function',
    value: 'step',
    says: /bySet gives an array: declare \{ inputs \}/,
    define: () => withTriggers(parts.on(bySet({ keys: ['a'] }), untyped(step as AnyFn))),
  },
  'a path instead of the module’s URL': {
    field: 'module',
    value: '/srv/app.ts',
    says: /import\.meta\.url/,
    define: () => defineApp('app', { module: '/srv/app.ts', triggers: [] }),
  },
  'no triggers at all': {
    field: 'triggers',
    value: undefined,
    says: /must be an array/,
    define: () => defineApp('app', untyped({ module })),
  },
  'a rerun of an unknown source': {
    field: 'triggers[0].rerun.source',
    value: 'ghost',
    says: /not a function of this app \(it has join\)/,
    define: () => withTriggers(parts.on(bySet({ keys: ['a'] }), join, { rerun: { source: 'ghost', timeoutMs: 5 } })),
  },
  'a misspelt option of a function': {
    field: 'timeout',
    value: 500,
    says: /fn bad: timeout is 500: is not an option \(there are input, .*timeoutMs/,
    define: () => withFn({ timeout: 500 }),
  },
  'no options of a function': { field: 'options', value: null, says: /must be an object/, define: () => fn('bad', untyped(null), nothing) },
  'an input that is null': { field: 'input', value: null, says: /must be a bucket/, define: () => withFn({ input: null }) },
  'a function whose name is a symbol': {
    field: 'name',
    value: Symbol.iterator,
    says: /name is Symbol\(Symbol\.iterator\): must be a string/,
    define: () => fn(untyped(Symbol.iterator), {}, nothing),
  },
  'a misspelt option of retry': {
    field: 'retry.attempts',
    value: 5,
    says: /there are attemptsMax, backoff/,
    define: () => withFn({ retry: { attempts: 5 } }),
  },
  'a retry that is a number': { field: 'retry', value: 5, says: /must be an object/, define: () => withFn({ retry: 5 }) },
  'a retry that is null': { field: 'retry', value: null, says: /must be an object/, define: () => withFn({ retry: null }) },
  'a backoff that is a number': {
    field: 'retry.backoff',
    value: 5,
    says: /must be an object \{ initialMs, factor, maxMs \}/,
    define: () => withFn({ retry: { backoff: 5 } }),
  },
  'a misspelt option of a backoff': {
    field: 'retry.backoff.initial',
    value: 5,
    says: /there are initialMs/,
    define: () => withFn({ retry: { backoff: { initial: 5 } } }),
  },
  'a factor that is text': {
    field: 'functions[0].retry.backoff.factor',
    value: '2',
    says: /from 1 to 100/,
    define: () => withFn({ retry: { backoff: { factor: '2' } } }),
  },
  'a misspelt option of a bucket': {
    field: 'extrenal',
    value: true,
    says: /bucket b: extrenal is true: is not an option \(there are external, value\)/,
    define: () => bucket('b', untyped({ extrenal: true })),
  },
  'no options of a bucket': { field: 'options', value: null, says: /bucket b/, define: () => bucket('b', untyped(null)) },
  'a bucket whose name is a number': { field: 'name', value: 5, says: /must be a string/, define: () => bucket(untyped(5)) },
  'a misspelt option of a trigger': {
    field: 'rerunn',
    value: {},
    says: /trigger of bucket parts: .*there are name, rerun/,
    define: () => parts.on(immediate(), step, untyped({ rerunn: {} })),
  },
  'no options of a trigger': {
    field: 'options',
    value: null,
    says: /trigger of bucket parts/,
    define: () => parts.on(immediate(), step, untyped(null)),
  },
  'a trigger whose name is a symbol': {
    field: 'name',
    value: Symbol.iterator,
    says: /must be a string/,
    define: () => parts.on(immediate(), step, { name: untyped(Symbol.iterator) }),
  },
  'a misspelt option of a rerun': {
    field: 'rerun.attempts',
    value: 9,
    says: /there are source, key, timeoutMs, attemptsMax, backoff/,
    define: () => parts.on(immediate(), step, { rerun: untyped({ source: 'step', timeoutMs: 5, attempts: 9 }) }),
  },
  'a rerun that is a number': {
    field: 'rerun',
    value: 5,
    says: /must be an object/,
    define: () => parts.on(immediate(), step, { rerun: untyped(5) }),
  },
  'a rerun for a key that is a number': {
    field: 'rerun.key',
    value: 5,
    says: /1 to 1024 characters/,
    define: () => parts.on(immediate(), step, { rerun: { source: 'step', timeoutMs: 5, key: untyped(5) } }),
  },
  'a backoff of a rerun that is a number': {
    field: 'rerun.backoff',
    value: 5,
    says: /must be an object/,
    define: () => parts.on(immediate(), step, { rerun: { source: 'step', timeoutMs: 5, backoff: untyped(5) } }),
  },
  'a misspelt option of an app': {
    field: 'externals',
    value: ['sharp'],
    says: /app app: .*there are module, triggers, buckets, functions, external/,
    define: () => defineApp('app', untyped({ module, triggers: [], externals: ['sharp'] })),
  },
  'a rerun after no time': {
    field: 'triggers[0].rerun.timeoutMs',
    value: 0,
    says: /from 1/,
    define: () => withTriggers(parts.on(bySet({ keys: ['a'] }), join, { rerun: { source: join, timeoutMs: 0 } })),
  },
};

for (const [title, { field, value, says, define }] of Object.entries(cases)) {
  test(`definitions: ${title} is refused, with field, value and rule`, (t) => {
    const error = t.throws(define, { message: says });
    t.like(error, { code: 'InvalidDefinition', field, retryable: false });
    t.deepEqual((error as unknown as { value: unknown }).value, value);
    t.true(error?.message.includes(field));
  });
}

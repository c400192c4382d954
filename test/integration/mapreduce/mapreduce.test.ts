/** `pheromone/mapreduce` as its users run it. */
import test from 'ava';
import { isPheromoneError, type Runtime } from 'pheromone';
import { mapReduce, mapReduceBlocks, type PartitionOutput, rangeBounds, runMapReduce } from 'pheromone/mapreduce';
import { assertEmpty, failureOf, startForTest } from '../runtime/started.ts';
import { combined, type Deed, histogram, hostile, jobs, passing, sorting, thenable, uncombined } from './apps/jobs.ts';

const mebibyte = 2 ** 20;
const arenaBytes = 8 * mebibyte;
let runtime: Runtime;

test.before(async () => {
  runtime = await startForTest({ apps: jobs, arenaBytes });
});

test.afterEach.always('nothing is left', (t) => assertEmpty(t, runtime));

test.after.always(() => runtime.close());

async function gather<T>(outputs: AsyncIterable<PartitionOutput<T>>): Promise<T[]> {
  const values: T[] = [];
  for await (const { value } of outputs) values.push(value);
  return values;
}

type Counts = [word: string, count: number][];

function countPlainly(texts: readonly string[]): Counts {
  const counts = new Map<string, number>();
  for (const word of texts.join(' ').split(/\s+/).filter(Boolean)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return sorted([...counts]);
}

function sorted(counts: readonly (readonly [string, number])[]): Counts {
  return counts.map(([word, count]): [string, number] => [word, count]).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** One session, or one for each input. */
const ways: Readonly<Record<string, <T>(inputs: readonly T[]) => Iterable<T> | AsyncIterable<T>>> = {
  'an array': (inputs) => inputs,
  'an iterable': (inputs) => new Set(inputs).values(),
  'an asynchronous iterable': async function* (inputs) {
    yield* inputs;
  },
};

/** Where most keys are one. */
const skewed = Array.from({ length: 20 }, (_, i) => `the ${'the '.repeat(2_000)} word-${i}`);
const texts: Readonly<Record<string, readonly string[]>> = {
  'no input': [],
  'inputs without a word': ['', ' ', '  '],
  'one key': ['a', 'a a'],
  'several inputs': ['to be or not to be', 'that is the question', ' ', 'to be'],
  'keys of every kind': ['__proto__ constructor é 🙂 \u0000', '🙂 toString'],
  'skewed keys': skewed,
};

for (const [way, inputsOf] of Object.entries(ways)) {
  for (const [what, inputs] of Object.entries(texts)) {
    for (const app of [combined, uncombined]) {
      test.serial(`words of ${what}, ${way}, ${app.name}: as a plain count`, async (t) => {
        for (const partitions of [1, 3, 50]) {
          const counts = await gather(runMapReduce(runtime, app, { inputs: inputsOf(inputs), partitions }));
          t.deepEqual(sorted(counts), countPlainly(inputs));
        }
      });
    }
  }

  test.serial(`a sort, ${way}: partitions that are ranges, in their order, are the sorted whole`, async (t) => {
    const words = Array.from({ length: 5_000 }, (_, i) => `w${(i * 7_919) % 4_999}`);
    const bounds = rangeBounds(words.slice(0, 200), 7, (a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const inputs = Array.from({ length: 10 }, (_, i) => words.slice(i * 500, (i + 1) * 500));
    const run = runMapReduce(runtime, sorting, { inputs: inputsOf(inputs), partitions: 7, params: { bounds }, ordered: true });
    t.deepEqual(await gather(run), [...words].sort());
  });
}

test.serial('an input of many times the store: with a combine no more is held than the keys take', async (t) => {
  const total = Array.from({ length: 256 }, () => 0);
  async function* inputs() {
    for (let i = 0; i < 100; i++) {
      const bytes = new Uint8Array(mebibyte / 4).fill(i);
      total[i]! += bytes.length;
      yield bytes;
    }
  }
  const found = await gather(runMapReduce(runtime, histogram, { inputs: inputs(), partitions: 3, heldBytesMax: 10_000 }));
  t.deepEqual(
    found.reduce((sum, counts) => sum.map((count, i) => count + counts[i]!)),
    total,
  );
});

test.serial('blocks of much more than the store are combined on the way', async (t) => {
  function* inputs() {
    for (let i = 0; i < 3_000; i++) yield Uint8Array.of(i % 256, 0);
  }
  const before = await runtime.stats();
  const [found] = await gather(runMapReduce(runtime, histogram, { inputs: inputs(), partitions: 1 }));
  t.is(found?.[1], 12);
  const { invocations } = await runtime.stats();
  t.true(invocations - before.invocations > 3_001, 'there were more than maps and the reduce');
});

test.serial('a job whose every byte goes from map to reduce, of many times the store: by way of memory and a file', async (t) => {
  const [inputBytes, inputs] = [mebibyte / 2, 60];
  async function* parts() {
    for (let i = 0; i < inputs; i++) yield new Uint8Array(inputBytes).fill(i);
  }
  const counts = new Map<number, number>();
  let last = -1;
  const run = runMapReduce(runtime, passing, { inputs: parts(), partitions: 20, ordered: true, heldBytesMax: 3 * mebibyte });
  for await (const { partition, value } of run) {
    t.true(partition >= last);
    last = partition;
    t.true(value.every((byte) => byte === value[0]));
    counts.set(value[0]!, (counts.get(value[0]!) ?? 0) + value.length);
  }
  t.is(last, 19);
  t.deepEqual(
    [...counts].sort(([a], [b]) => a - b),
    Array.from({ length: inputs }, (_, i): [number, number] => [i, inputBytes]),
  );
});

test.serial('a partition that is larger than half of the store: the error says what is too large, and what to do', async (t) => {
  const parts = (function* () {
    for (let i = 0; i < 40; i++) yield new Uint8Array(mebibyte / 2);
  })();
  const error = await failureOf(t, 'InvalidOption', gather(runMapReduce(runtime, passing, { inputs: parts, partitions: 1 })));
  t.regex(
    error.message,
    /options\.partitions is 1: makes partition 0 larger than half of the store \(20971520 of \d+ bytes\): give more partitions/,
  );
});

test.serial('leaving the loop ends the run: the inputs are returned, and its sessions cancelled', async (t) => {
  let isReturned = false;
  async function* inputs() {
    try {
      for (let i = 0; i < 1_000; i++) yield `word-${i % 10}`;
    } finally {
      isReturned = true;
    }
  }
  for await (const { value } of runMapReduce(runtime, combined, { inputs: inputs(), partitions: 10 })) if (value) break;
  t.true(isReturned);
});

test.serial('an aborted run ends with CallAborted, also while its inputs are read', async (t) => {
  const controller = new AbortController();
  async function* inputs() {
    for (let i = 0; ; i++) {
      if (i === 20) controller.abort();
      yield `word-${i}`;
    }
  }
  await failureOf(t, 'CallAborted', gather(runMapReduce(runtime, combined, { inputs: inputs(), signal: controller.signal })));
});

async function* silentAfter<T>(...inputs: readonly T[]) {
  yield* inputs;
  await new Promise(() => undefined);
}

test.serial('inputs that are silent: an abort, and a failed map, end the run', async (t) => {
  const abort = { inputs: silentAfter('a'), signal: AbortSignal.timeout(100) };
  await failureOf(t, 'CallAborted', gather(runMapReduce(runtime, combined, abort)));
  const job = { inputs: silentAfter('b'), params: { what: 'throw in map' } };
  await failureOf(t, 'FunctionFailed', gather(runMapReduce(runtime, hostile, job)));
});

test.serial('a signal that is aborted before: the run rejects, also without an input', async (t) => {
  for (const app of [combined, uncombined]) {
    await failureOf(t, 'CallAborted', gather(runMapReduce(runtime, app, { inputs: [], signal: AbortSignal.abort() })));
  }
});

test.serial('what the inputs throw, the run rejects with', async (t) => {
  function* inputs() {
    yield 'a';
    throw new Error('the disk is gone');
  }
  await t.throwsAsync(gather(runMapReduce(runtime, combined, { inputs: inputs() })), { message: 'the disk is gone' });
});

const deeds: Readonly<Record<string, readonly [code: Parameters<typeof failureOf>[1], message: RegExp]>> = {
  'throw in map': ['FunctionFailed', /TypeError: b is not liked/],
  'throw in reduce': ['FunctionFailed', /RangeError: no /],
  'emit no string': ['InvalidOption', /function map: emit: key is 5: must be a string/],
  'emit a function': ['FunctionFailed', /could not be cloned/],
  'partition wrongly': ['InvalidOption', /function map: partition\("[ab]+"\): its result is 2: must be a whole number from 0 to 1/],
  hang: ['FunctionTimedOut', /map/],
  exit: ['ExecutorCrashed', /map/],
};

for (const [way, inputsOf] of Object.entries(ways)) {
  test.serial(`an input that cannot be sent, ${way}: NotEncodable, with its place`, async (t) => {
    const inputs = inputsOf(['a', { text: () => 'b' }]) as Iterable<never>;
    const error = await failureOf(t, 'NotEncodable', gather(runMapReduce(runtime, combined, { inputs })));
    t.regex(error.message, /value\.text/);
  });

  for (const [what, [code, message]] of Object.entries(deeds)) {
    test.serial(`a job that does wrong (${what}), ${way}: the run rejects, and the next one is right`, async (t) => {
      const job = (params: Deed) => gather(runMapReduce(runtime, hostile, { inputs: inputsOf(['a', 'b', 'aaa']), partitions: 2, params }));
      t.regex((await failureOf(t, code, job({ what }))).message, message);
      t.deepEqual((await job({ what: 'nothing' })).sort(), ['a', 'aaa', 'b']);
    });
  }
}

test.serial('a reduce that returns a thenable of its own is awaited', async (t) => {
  t.deepEqual((await gather(runMapReduce(runtime, thenable, { inputs: ['x y', 'z'] }))).sort(), ['x', 'y', 'z']);
});

test.serial('options that are wrong are refused at once, with the field, the value, the limit', (t) => {
  const refuse = (options: object, message: RegExp) => {
    const error = t.throws(() => runMapReduce(runtime, combined, options as never));
    t.true(isPheromoneError(error) && error.code === 'InvalidOption', String(error));
    t.regex(String(error?.message), message);
  };
  refuse({ inputs: 5 }, /^runMapReduce: options\.inputs is 5: must be an array, or another iterable/);
  refuse({}, /options\.inputs is null: must be/);
  refuse({ inputs: [], partitions: 0 }, /options\.partitions is 0: must be a whole number from 1 to 100000/);
  refuse({ inputs: [], partitions: 2.5 }, /options\.partitions is 2\.5/);
  refuse({ inputs: [], reducers: 4 }, /options\.reducers is 4: is not an option \(there are inputs, partitions, /);
  refuse({ inputs: [], ordered: 'yes' }, /options\.ordered is "yes": must be true or false/);
  refuse({ inputs: [], heldBytesMax: -1 }, /options\.heldBytesMax is -1: must be a whole number from 0 to 1099511627776 bytes/);
  refuse({ inputs: [], retries: 101 }, /options\.retries is 101/);
  refuse({ inputs: [], signal: {} }, /options\.signal is an object: must be an AbortSignal/);
  t.throws(() => runMapReduce(runtime, {} as never, { inputs: [] }), { message: /app is an object: must be an app of mapReduce/ });
});

test.serial('definitions that are wrong are refused, with the field and the value', (t) => {
  const refuse = (options: object, message: RegExp) => {
    for (const define of [mapReduce, mapReduceBlocks] as readonly ((name: string, options: never) => unknown)[]) {
      const all = { module: import.meta.url, map: () => {}, reduce: () => {}, ...options };
      const error = t.throws(() => define('bad', all as never));
      t.true(isPheromoneError(error) && error.code === 'InvalidDefinition', String(error));
      t.regex(String(error?.message), message);
    }
  };
  refuse({ map: 'x' }, /^MapReduce app bad: map is "x": must be a function/);
  refuse({ reduce: undefined }, /reduce is undefined: must be a function/);
  refuse({ combine: 1 }, /combine is 1: must be a function/);
  refuse({ module: 'here' }, /module is "here": must be the file: URL/);
  refuse({ timeoutMs: 0 }, /timeoutMs is 0/);
  refuse({ timeout: 5 }, /timeout is 5: is not an option \(there are timeoutMs, /);
  refuse({ retry: 5 }, /retry is 5: must be an object/);
});

test.serial('an app that was not registered: the run rejects with UnknownApp', async (t) => {
  const stranger = mapReduce<string>('stranger', { module: import.meta.url, map: () => undefined, reduce: () => undefined });
  await failureOf(t, 'UnknownApp', gather(runMapReduce(runtime, stranger, { inputs: ['a'] })));
});

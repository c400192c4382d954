/** Work on a sequence, some items at a time. */
import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import { inWindow, type WindowOptions } from '../../../src/mapreduce/window.ts';

const { signal } = new AbortController();
const usual: WindowOptions<number> = { openMax: 3, bytesMax: 100, sizeOf: () => 1, ordered: false, signal, abandon: () => undefined };

async function gather<T>(results: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const result of results) all.push(result);
  return all;
}

for (const ordered of [true, false]) {
  test(`window: every item is worked on once, and no more at a time than there is room for (ordered: ${ordered})`, async (t) => {
    const property = fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 30 }), fc.integer({ min: 1, max: 5 }), async (sizes, openMax) => {
      let [open, bytes] = [0, 0];
      const bytesMax = 25;
      const options = { ...usual, openMax, bytesMax, ordered, sizeOf: (size: number) => size };
      const results = await gather(
        inWindow(sizes, options, async (size) => {
          t.true(open < openMax && (open === 0 || bytes < bytesMax));
          open += 1;
          bytes += size;
          for (let i = 0; i < size % 4; i++) await new Promise((resolve) => setImmediate(resolve));
          open -= 1;
          bytes -= size;
          return size;
        }),
      );
      const byNumber = (a: number, b: number) => a - b;
      t.deepEqual(ordered ? results : [...results].sort(byNumber), ordered ? sizes : [...sizes].sort(byNumber));
    });
    await fc.assert(property, { numRuns: 50 });
  });
}

test('window: an item larger than the window is worked on alone', async (t) => {
  t.deepEqual(await gather(inWindow([1_000, 1_000], { ...usual, sizeOf: (size) => size }, async (size) => size)), [1_000, 1_000]);
});

test('window: of an endless sequence no more is asked for than is wanted, and leaving ends it', async (t) => {
  let [asked, isReturned, abandoned] = [0, false, 0];
  async function* numbers() {
    try {
      for (;;) yield asked++;
    } finally {
      isReturned = true;
    }
  }
  for await (const result of inWindow(numbers(), { ...usual, abandon: () => (abandoned += 1) }, async (item) => item))
    if (result === 5) break;
  t.true(isReturned);
  t.true(asked < 12, `${asked} asked for`);
  t.true(abandoned <= 1);
});

test('window: the first failure ends it when nothing is under way any more', async (t) => {
  let open = 0;
  const stop = new AbortController();
  const work = async (item: number) => {
    open += 1;
    await sleep(item === 1 ? 5 : 10_000, undefined, { signal: item === 1 ? undefined : stop.signal }).catch(() => undefined);
    open -= 1;
    if (item === 1) throw new Error('the second fails');
    return item;
  };
  const error = await t.throwsAsync(gather(inWindow([0, 1, 2], { ...usual, abandon: () => stop.abort() }, work)));
  t.is(error?.message, 'the second fails');
  t.is(open, 0);
});

test('window: what the sequence throws is thrown', async (t) => {
  function* numbers() {
    yield 1;
    throw new Error('no more');
  }
  await t.throwsAsync(gather(inWindow(numbers(), usual, async (item) => item)), { message: 'no more' });
});

/** Silent after its first item, until it is woken. */
function silent() {
  const state = { isReturned: false, wake: (): void => undefined };
  async function* numbers() {
    try {
      yield 0;
      await new Promise<void>((resolve) => (state.wake = resolve));
      yield 1;
    } finally {
      state.isReturned = true;
    }
  }
  return { state, numbers: numbers() };
}

test('window: a failure ends it while the sequence is silent, which returns when it wakes', async (t) => {
  const { state, numbers } = silent();
  const work = async () => {
    await sleep(5);
    throw new Error('the first fails');
  };
  await t.throwsAsync(gather(inWindow(numbers, usual, work)), { message: 'the first fails' });
  t.false(state.isReturned);
  state.wake();
  await sleep(5);
  t.true(state.isReturned);
});

test('window: an abort ends it while the sequence is silent, and leaves no listener', async (t) => {
  const { state, numbers } = silent();
  const controller = new AbortController();
  const ended = gather(inWindow(numbers, { ...usual, signal: controller.signal }, async (item) => item));
  await sleep(5);
  t.is(getEventListeners(controller.signal, 'abort').length, 1);
  controller.abort(new Error('no more wanted'));
  const error = await t.throwsAsync(ended, { message: 'runMapReduce: its signal was aborted: Error: no more wanted' });
  t.like(error, { code: 'CallAborted' });
  t.is(getEventListeners(controller.signal, 'abort').length, 0);
  state.wake();
  await sleep(5);
  t.true(state.isReturned);
});

test('window: of a signal that is aborted already, nothing is asked for', async (t) => {
  let asked = 0;
  function* numbers() {
    for (;;) yield asked++;
  }
  await t.throwsAsync(gather(inWindow(numbers(), { ...usual, signal: AbortSignal.abort() }, async (item) => item)), { message: /aborted/ });
  t.is(asked, 0);
});

test('window: a sequence that answers has returned when its window is left', async (t) => {
  let isReturned = false;
  async function* numbers() {
    try {
      for (let i = 0; ; i++) yield i;
    } finally {
      await sleep(5);
      isReturned = true;
    }
  }
  for await (const result of inWindow(numbers(), usual, async (item) => item)) if (result === 5) break;
  t.true(isReturned);
});

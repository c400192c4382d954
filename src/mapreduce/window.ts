/**
 * Work on a sequence of items, some at a time: a window of bounded bytes that moves along.
 *
 *   W1  At most `openMax` items and `bytesMax` bytes are under way or waiting to be yielded; one item always may be, however large.
 *   W2  The next item is asked for while the work on others goes on, and the event loop has a turn before.
 *   W3  What fails first fails the whole, and so does `signal`. Then, or when its reader stops, `abandon` is called and no work is under way
 *       any more at the end.
 *   W4  Nobody waits for a source that is silent: it is told to return, whenever it wakes.
 */
import { setImmediate } from 'node:timers/promises';
import { callAborted } from './refusal.ts';

export interface WindowOptions<I> {
  readonly openMax: number;
  readonly bytesMax: number;
  sizeOf(item: I): number;
  /** Results in the order of the items; else as they come. */
  readonly ordered: boolean;
  /** Aborting it ends the window with `CallAborted`. */
  readonly signal: AbortSignal;
  /** Ends the work that is under way. */
  abandon(): void;
}

interface Running<O> {
  readonly sizeBytes: number;
  readonly ended: Promise<Ended<O>>;
}

type Ended<O> = { readonly kind: 'ended'; readonly running: Running<O>; readonly result: O };
type Asked<I> = { readonly kind: 'asked'; readonly item: IteratorResult<I> };

/** Yields what `work` makes of each item. */
export async function* inWindow<I, O>(
  items: Iterable<I> | AsyncIterable<I>,
  { openMax, bytesMax, sizeOf, ordered, signal, abandon }: WindowOptions<I>,
  work: (item: I) => Promise<O>,
): AsyncGenerator<O> {
  const source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const open: Running<O>[] = [];
  let heldBytes = 0;
  let isAll = false;
  let asked: Promise<Asked<I>> | null = null;
  try {
    for (;;) {
      if (signal.aborted) throw callAborted('runMapReduce', signal);
      const hasRoom = open.length === 0 || (open.length < openMax && heldBytes < bytesMax);
      if (!isAll && hasRoom) asked ??= noted(ask(source));
      const wanted = (ordered ? open.slice(0, 1) : open).map(({ ended }) => ended);
      if (!asked && wanted.length === 0) return;
      const event = await firstOf<Ended<O> | Asked<I>>(asked ? [...wanted, asked] : wanted, signal);
      if (event.kind === 'ended') {
        open.splice(open.indexOf(event.running), 1);
        heldBytes -= event.running.sizeBytes;
        yield event.result;
        continue;
      }
      asked = null;
      isAll = event.item.done === true;
      if (isAll) continue;
      const started = start(event.item.value as I, sizeOf, work);
      open.push(started);
      heldBytes += started.sizeBytes;
    }
  } finally {
    if (open.length > 0) abandon();
    await Promise.allSettled(open.map(({ ended }) => ended));
    if (asked || !isAll) await end(source, asked);
  }
}

/** The listener goes with each race: a signal that lives for long would gather them. */
async function firstOf<T>(promises: readonly Promise<T>[], signal: AbortSignal): Promise<T> {
  let giveUp = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => reject(callAborted('runMapReduce', signal));
    signal.addEventListener('abort', giveUp, { once: true });
  });
  try {
    return await Promise.race([...promises, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** One that answers within a turn of the event loop is waited for; one that is silent may never have an answer (W4). */
async function end(source: Iterator<unknown> | AsyncIterator<unknown>, asked: Promise<unknown> | null): Promise<void> {
  const answered = asked?.then(
    () => false,
    () => false,
  );
  const isSilent = answered !== undefined && (await Promise.race([answered, setImmediate(true)]));
  const returned = noted((async () => source.return?.())());
  if (!isSilent) await returned;
}

async function ask<I>(source: Iterator<I> | AsyncIterator<I>): Promise<Asked<I>> {
  await setImmediate();
  return { kind: 'asked', item: await source.next() };
}

function start<I, O>(item: I, sizeOf: (item: I) => number, work: (item: I) => Promise<O>): Running<O> {
  const running: Running<O> = {
    sizeBytes: sizeOf(item),
    ended: noted(work(item).then((result) => ({ kind: 'ended', running, result }))),
  };
  return running;
}

/** A failure is for whoever awaits it, however late that is. */
function noted<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

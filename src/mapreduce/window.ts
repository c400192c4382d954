/**
 * Work on a sequence of items, some at a time: a window of bounded bytes that moves along.
 *
 *   W1  At most `openMax` items and `bytesMax` bytes are under way or waiting to be yielded; one item always may be, however large.
 *   W2  The next item is asked for while the work on others goes on, and the event loop has a turn before.
 *   W3  What fails first fails the whole. Then, or when its reader stops, `abandon` is called and nothing is under way any more at the end.
 */
import { setImmediate } from 'node:timers/promises';

export interface WindowOptions<I> {
  readonly openMax: number;
  readonly bytesMax: number;
  sizeOf(item: I): number;
  /** Results in the order of the items; else as they come. */
  readonly ordered: boolean;
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
  { openMax, bytesMax, sizeOf, ordered, abandon }: WindowOptions<I>,
  work: (item: I) => Promise<O>,
): AsyncGenerator<O> {
  const source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const open: Running<O>[] = [];
  let heldBytes = 0;
  let isAll = false;
  let asked: Promise<Asked<I>> | null = null;
  try {
    for (;;) {
      const hasRoom = open.length === 0 || (open.length < openMax && heldBytes < bytesMax);
      if (!isAll && hasRoom) asked ??= noted(ask(source));
      const wanted = (ordered ? open.slice(0, 1) : open).map(({ ended }) => ended);
      if (!asked && wanted.length === 0) return;
      const event = await Promise.race(asked ? [...wanted, asked] : wanted);
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
    const isUnread = asked !== null || !isAll;
    if (open.length > 0) abandon();
    await Promise.allSettled([...open.map(({ ended }) => ended), asked]);
    if (isUnread) await source.return?.();
  }
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

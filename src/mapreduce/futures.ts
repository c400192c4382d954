/** One function over many items, each with a promise of its own, as PyWren's `map`. */
import { setMaxListeners } from 'node:events';
import { type App, bucket, defineApp, fn, immediate, type Log, type RetryOptions, type Runtime, type } from 'pheromone';
import { abortSignal, checkFunctions, checkNames, checkOptions, invalidDefinition, invalidOption, wholeNumber } from './refusal.ts';

/** What the function is told beside its item. */
export interface ItemContext {
  /** Aborted when the result is not wanted any more. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** 1 for the first attempt. */
  readonly attempt: number;
}

export interface MapAppOptions<Item, Out> {
  /** `import.meta.url` of the module that exports the app: executors import it. */
  readonly module: string;
  /** What it returns, or resolves with, is the result: any value that a runtime can send. Bytes of the item are valid until then. */
  fn(item: Item, context: ItemContext): Out | Promise<Out>;
  /** Items that one executor interleaves, 1 to 100,000. Default 1. More helps only a function that awaits. */
  readonly concurrency?: number | undefined;
  /** Of each attempt, 1 to 2³¹ − 1. Default: none. */
  readonly timeoutMs?: number | undefined;
  /** Default: one attempt. */
  readonly retry?: RetryOptions | undefined;
  /** Packages with native code, to be left out of the module's bundle. */
  readonly external?: readonly string[] | undefined;
}

declare const carried: unique symbol;

/** An app for `map`. */
export interface MapApp<Item = unknown, Out = unknown> extends App {
  readonly [carried]?: (item: Item) => Out;
}

export interface MapOptions {
  /** Items that are under way at a time, 1 to 100,000. Default 1,000. The others wait here. */
  readonly openMax?: number | undefined;
  /** From when an item is under way, 1 to 2³¹ − 1; then its promise rejects with `CallTimedOut`. Default: none. */
  readonly timeoutMs?: number | undefined;
  /** How often an item whose session failed is tried again, 0 to 100. Default 0. */
  readonly retries?: number | undefined;
  /** Aborting it rejects what has not settled with `CallAborted`. */
  readonly signal?: AbortSignal | undefined;
}

const rules = {
  openMax: wholeNumber(1, 100_000),
  timeoutMs: wholeNumber(1, 2 ** 31 - 1, 'milliseconds'),
  retries: wholeNumber(0, 100),
  signal: abortSignal,
} satisfies Record<keyof MapOptions, (value: unknown) => string | null>;

const openDefault = 1_000;

/** Defines an app of one function, for `map`. Throws `InvalidDefinition`. */
export function mapApp<Item, Out>(name: string, options: MapAppOptions<Item, Out>): MapApp<Item, Out> {
  const at = `map app ${String(name)}`;
  if (typeof options !== 'object' || options === null) throw invalidDefinition(at, 'options', options, 'must be { module, fn, … }');
  checkNames(at, options, ['module', 'fn', 'concurrency', 'timeoutMs', 'retry', 'external']);
  checkFunctions(at, options, ['fn'], []);
  const { module, external, concurrency, timeoutMs, retry } = options;
  const items = bucket('items', { value: type<Item>() });
  const apply = fn('fn', { input: items, sends: [], output: type<unknown>(), concurrency, timeoutMs, retry }, async ({ value }, ctx) => {
    const { signal, log, attempt } = ctx;
    const result = await options.fn(value, { signal, log, attempt });
    if (result !== undefined) await ctx.output(result);
  });
  return defineApp(name, { module, external, triggers: [items.on(immediate(), apply)] }) as MapApp<Item, Out>;
}

/**
 * Applies the app's function to each item. The promises are in the order of the items, and each settles by itself: await them singly, or by
 * `Promise.all`, `allSettled`, `race`, `any`. A rejection that nobody awaits is not an unhandled one. The app must have been registered.
 *
 * Throws `InvalidOption`. A promise rejects with `FunctionFailed` (what the function threw), `NotEncodable`, `CallTimedOut`, `CallAborted`, …
 */
export function map<Item, Out>(
  runtime: Runtime,
  app: MapApp<Item, Out>,
  items: readonly NoInfer<Item>[],
  options: MapOptions = {},
): Promise<Out>[] {
  if (!Array.isArray(items)) throw invalidOption('map', 'items', items, 'must be an array');
  checkOptions('map', options, rules);
  const { openMax = openDefault, timeoutMs, retries } = options;
  const signal = options.signal && AbortSignal.any([options.signal]);
  if (signal) setMaxListeners(openMax, signal);
  const waiting: (() => void)[] = [];
  let open = 0;
  return (items as readonly Item[]).map((item) => {
    const result = (async () => {
      if (open >= openMax) await new Promise<void>((resolve) => waiting.push(resolve));
      else open += 1;
      try {
        return (await runtime.call(app as App, { items: [{ value: item }] }, { timeoutMs, retries, signal })) as Out;
      } finally {
        const next = waiting.shift();
        if (next) next();
        else open -= 1;
      }
    })();
    result.catch(() => undefined);
    return result;
  });
}

/**
 * Running a MapReduce app over inputs.
 *
 *   J1  An array that is small beside the store is one session, if the app has no `combine`: what is between map and reduce is as much as
 *       the inputs then, and stays where it is made.
 *   J2  Other inputs are mapped each in a session of its own, some at a time, while the next ones are read and copied; then each partition
 *       is reduced in a session of its own. Between the two, blocks are held here, in memory or in a file (`held-blocks.ts`).
 *   J3  With a `combine`, a partition that has grown is combined now and then, so that it has about the size of its different keys.
 *   J4  So at no time more is in the store, or here, than a share of the store and what one partition takes.
 */
import { setMaxListeners } from 'node:events';
import { serialize } from 'node:v8';
import type { App, CallOptions, Runtime } from 'pheromone';
import { canCombine, isMapReduce, type Job, type MapReduceApp, partitionsMax, type Tagged } from './blocks.ts';
import { HeldBlocks } from './held-blocks.ts';
import { abortSignal, anything, callAborted, checkOptions, invalidOption, trueOrFalse, wholeNumber } from './refusal.ts';
import { inWindow } from './window.ts';

export interface MapReduceRun<In, P> {
  /**
   * What is mapped, each by a call of `map`: any values that a runtime can send. Worth some milliseconds each, for a megabyte of bytes or so; and
   * a sixteenth of the store at most. Of an iterable only a few are asked for ahead; bytes that it gives must not be changed before the run
   * has ended.
   */
  readonly inputs: Iterable<In> | AsyncIterable<In>;
  /** Each is reduced by one call of `reduce`, or one for each key. 1 to 100,000; default: twice as many as executors. */
  readonly partitions?: number | undefined;
  /** What `map`, `combine`, `partition` and `reduce` are to know: plain data, which they must not change. Sent with each session. */
  readonly params?: P | undefined;
  /** Outputs in the order of partitions; else as they come. Those of a partition are always in the order in which they were output. Default false. */
  readonly ordered?: boolean | undefined;
  /** How often a session that failed is tried again, 0 to 100: when a worker of a cluster is lost, for instance. Default 0. */
  readonly retries?: number | undefined;
  /** Aborting it ends the run with `CallAborted`, also while `inputs` are silent; these are told to return, and not waited for. */
  readonly signal?: AbortSignal | undefined;
  /** What this process holds in memory of what is between map and reduce, 0 to 2⁴⁰; the rest is in a file of the system's temporary directory. Default 64 MiB. */
  readonly heldBytesMax?: number | undefined;
}

/** The params are asked for only where the app has some. */
export type RunOptions<In, P> = undefined extends P ? MapReduceRun<In, P> : MapReduceRun<In, P> & { readonly params: P };

/** A result of a reducer. */
export interface PartitionOutput<Out> {
  readonly partition: number;
  readonly value: Out;
}

const rules = {
  inputs: (value) => (isIterable(value) ? null : 'must be an array, or another iterable, also an asynchronous one'),
  partitions: wholeNumber(1, partitionsMax),
  params: anything,
  ordered: trueOrFalse,
  retries: wholeNumber(0, 100),
  signal: abortSignal,
  heldBytesMax: wholeNumber(0, 2 ** 40, 'bytes'),
} satisfies Record<keyof MapReduceRun<unknown, unknown>, (value: unknown) => string | null>;

const heldBytesDefault = 64 * 2 ** 20;
/** Sessions under way: enough for the executors of a cluster, few enough to be remembered. */
const sessionsOpenMax = 64;

/**
 * Maps the inputs and reduces what comes of them. The app must have been registered with the runtime. Nothing starts before the first
 * result is asked for; leaving the loop ends the run, and its sessions are cancelled.
 *
 * Throws `InvalidOption`. The loop rejects with what has made a session fail (`FunctionFailed` when user code threw, `StoreFull`, …), with
 * what the iterable of inputs threw, and with `InvalidOption` for a partition that is larger than half of the store.
 */
export function runMapReduce<In, Out, P>(
  runtime: Runtime,
  app: MapReduceApp<In, Out, P>,
  options: NoInfer<RunOptions<In, P>>,
): AsyncGenerator<PartitionOutput<Out>, void, undefined> {
  if (!isMapReduce(app)) throw invalidOption('runMapReduce', 'app', app, 'must be an app of mapReduce or mapReduceBlocks');
  if (typeof options !== 'object' || options === null) throw invalidOption('runMapReduce', 'options', options, 'must be { inputs, … }');
  checkOptions('runMapReduce', { ...options, inputs: options.inputs ?? null }, rules);
  return outputsOf(runtime, app, options) as AsyncGenerator<PartitionOutput<Out>, void, undefined>;
}

async function* outputsOf(
  runtime: Runtime,
  app: MapReduceApp,
  options: MapReduceRun<unknown, unknown>,
): AsyncGenerator<PartitionOutput<unknown>> {
  const { executors, storeSizeBytes } = await runtime.stats();
  const { inputs, partitions = 2 * executors, params } = options;
  const run = new Run(runtime, app, { ...options, partitions, storeSizeBytes });
  try {
    const isWhole = Array.isArray(inputs) && !canCombine(app) && fits(inputs, run.inputBytesMax);
    const outputs = isWhole ? run.inOneSession({ params, partitions, isWhole }, inputs) : run.inMany({ params, partitions, isWhole });
    for await (const { partition, value } of outputs) {
      if (app.batches) for (const one of value as readonly unknown[]) yield { partition, value: one };
      else yield { partition, value };
    }
  } finally {
    await run.end();
  }
}

interface Settings extends MapReduceRun<unknown, unknown> {
  readonly partitions: number;
  readonly storeSizeBytes: number;
}

type Output = PartitionOutput<unknown>;

class Run {
  /** Of inputs that are in the store at a time: beside them are the blocks that are made of them, and these may be larger. */
  readonly inputBytesMax: number;
  readonly #runtime: Runtime;
  readonly #app: App;
  readonly #settings: Settings;
  readonly #held: HeldBlocks;
  readonly #abort = new AbortController();
  /** That of the run's end, and of its user. */
  readonly #signal: AbortSignal;
  /** After it was combined: by partition. */
  readonly #combinedBytes = new Map<number, number>();

  constructor(runtime: Runtime, app: App, settings: Settings) {
    this.#runtime = runtime;
    this.#app = app;
    this.#settings = settings;
    this.inputBytesMax = Math.ceil(settings.storeSizeBytes / 16);
    this.#held = new HeldBlocks(settings.heldBytesMax ?? heldBytesDefault);
    const { signal } = this.#abort;
    this.#signal = settings.signal ? AbortSignal.any([signal, settings.signal]) : signal;
    setMaxListeners(2 * sessionsOpenMax, this.#signal);
  }

  async end(): Promise<void> {
    this.#abort.abort();
    await this.#held.close();
  }

  async *inOneSession(job: Job, inputs: readonly unknown[]): AsyncGenerator<Output> {
    if (this.#signal.aborted) throw callAborted('runMapReduce', this.#signal);
    if (inputs.length === 0) return;
    const outputs = (await this.#call(job, { inputs: inputs.map((value) => ({ value })) })) as Tagged[];
    yield* this.#settings.ordered ? outputs.sort((a, b) => a.partition - b.partition) : outputs;
  }

  async *inMany(job: Job): AsyncGenerator<Output> {
    const window = { openMax: sessionsOpenMax, signal: this.#signal, abandon: () => this.#abort.abort() };
    const mapped = inWindow(
      this.#settings.inputs,
      { ...window, bytesMax: this.inputBytesMax, sizeOf: sizeOfInput, ordered: false },
      (value) => this.#call(job, { inputs: [{ value }] }),
    );
    for await (const outputs of mapped) await this.#hold(job, outputs);
    const reduced = inWindow(
      this.#held.partitions,
      {
        ...window,
        bytesMax: this.inputBytesMax,
        sizeOf: (partition) => this.#held.sizeOf(partition),
        ordered: this.#settings.ordered === true,
      },
      async (partition) => ({ partition, values: await this.#reduce(job, partition) }),
    );
    for await (const { partition, values } of reduced) for (const value of values) yield { partition, value };
  }

  /** What a mapper has output: blocks, and then their partitions. */
  async #hold(job: Job, outputs: readonly unknown[]): Promise<void> {
    const partitions = outputs.at(-1) as readonly number[];
    for (const [i, partition] of partitions.entries()) await this.#held.add(partition, outputs[i] as Uint8Array);
    if (!canCombine(this.#app)) return;
    for (const partition of new Set(partitions)) {
      const sizeBytes = this.#held.sizeOf(partition);
      // Only when it has grown by more than it has, so that each block is combined a few times at most.
      if (sizeBytes > this.inputBytesMax / 4 && sizeBytes > 2 * (this.#combinedBytes.get(partition) ?? 0))
        await this.#combine(job, partition);
    }
  }

  async #combine(job: Job, partition: number): Promise<void> {
    const [block] = (await this.#call(job, { held: await this.#takeHeld(partition) })) as [Uint8Array];
    this.#combinedBytes.set(partition, block.length);
    await this.#held.add(partition, block);
  }

  async #reduce(job: Job, partition: number): Promise<readonly unknown[]> {
    return this.#call(job, { blocks: await this.#takeHeld(partition) });
  }

  async #takeHeld(partition: number): Promise<{ readonly group: string; readonly value: Uint8Array }[]> {
    const { partitions, storeSizeBytes } = this.#settings;
    const sizeBytes = this.#held.sizeOf(partition);
    const sizeBytesMax = Math.floor(storeSizeBytes / 2);
    if (sizeBytes > sizeBytesMax) {
      const rule = `makes partition ${partition} larger than half of the store (${sizeBytes} of ${sizeBytesMax} bytes): give more partitions, or a combine`;
      throw invalidOption('runMapReduce', 'options.partitions', partitions, rule);
    }
    const blocks = await this.#held.take(partition);
    return blocks.map((value) => ({ group: String(partition), value }));
  }

  async #call(job: Job, entries: Readonly<Record<string, readonly object[]>>): Promise<readonly unknown[]> {
    const { retries } = this.#settings;
    const options: CallOptions<'end'> = { until: 'end', signal: this.#signal, retries, stable: true };
    return this.#runtime.call(this.#app, { jobs: [{ key: 'job', value: job }], ...entries }, options);
  }
}

function fits(inputs: readonly unknown[], bytesMax: number): boolean {
  let bytes = 0;
  for (const input of inputs) if ((bytes += sizeOfInput(input)) > bytesMax) return false;
  return true;
}

/** About what it takes in the store. */
function sizeOfInput(input: unknown): number {
  if (ArrayBuffer.isView(input)) return input.byteLength;
  if (typeof input === 'string') return input.length;
  try {
    return serialize(input).length;
  } catch {
    // What cannot be sent is refused when it is, with the place of what is wrong with it.
    return 0;
  }
}

function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

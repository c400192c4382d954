/**
 * MapReduce on pairs of a key and a value: what most jobs are. It is written on blocks (`blocks.ts`): a mapper gathers its pairs by
 * partition, combines those of one key, and sends them in blocks.
 */
import { defineBlocks, type FunctionSettings, type JobContext, type MapReduceApp, settingNames } from './blocks.ts';
import { type Combine, PairTable } from './pair-block.ts';
import { hashPartition, type Partition } from './partition.ts';
import { checkFunctions, checkNames, invalidDefinition, invalidOption } from './refusal.ts';

export interface MapContext<V, P = unknown> extends JobContext<P> {
  /**
   * Gives a pair to the reducer of its key. The value (what `structuredClone` takes) is kept as it is until it is combined or sent: do not
   * change it. Undefined when accepted; else the store is full for the moment: await the promise before emitting more.
   */
  emit(key: string, value: V): Promise<void> | undefined;
}

export interface ReduceContext<Out, P = unknown> extends JobContext<P> {
  readonly partition: number;
  /** Gives the caller a result. Many small ones go together. As `emit`. */
  output(value: Out): Promise<void> | undefined;
}

export interface PairOptions<In, V, Out, P> extends FunctionSettings {
  /** `import.meta.url` of the module that exports the app: executors import it. */
  readonly module: string;
  /**
   * Emits the pairs of an input. Bytes are read where they lie in the store: they are valid until it has returned. It may run again (`retry`,
   * the loss of an executor) after some of its pairs have left, and must emit the same then.
   */
  map(input: In, job: MapContext<V, P>): unknown;
  /**
   * Makes one value of two of the same key, in any order of them: `(a, b) => a + b`. With it a mapper sends each key once, and a job of any
   * length needs no more than its different keys take.
   */
  readonly combine?: Combine<V> | undefined;
  /** Default `hashPartition`. */
  readonly partition?: Partition<P> | undefined;
  /**
   * Called for each key of a partition, in the order of the keys (that of their UTF-16 units), with all its values; these come in no order.
   * With `combine` there is one value.
   */
  reduce(key: string, values: readonly V[], job: ReduceContext<Out, P>): unknown;
}

/** Pairs that a mapper holds before it sends them. */
const pairsHeldMax = 500_000;
const outputsPerBatch = 256;

/**
 * Defines a MapReduce app. Throws `InvalidDefinition`.
 *
 * The functions run in executors: they must use nothing but what the module imports and defines.
 */
export function mapReduce<In = Uint8Array, V = unknown, Out = unknown, P = undefined>(
  name: string,
  options: PairOptions<In, V, Out, P>,
): MapReduceApp<In, Out, P> {
  checkPairOptions(name, options);
  const { module, external, timeoutMs, retry, combine, partition = hashPartition } = options;
  return defineBlocks<In, P, readonly Out[]>(
    name,
    {
      ...{ module, external, timeoutMs, retry },
      async map(input, { emit: emitBlock, ...job }) {
        const tables = Array.from({ length: job.partitions }, () => new PairTable<V>(combine));
        let held = 0;
        // All at once, so that blocks are the same in each attempt, whether its user awaits or not.
        const flush = (): Promise<void> | undefined => {
          held = 0;
          const waits = tables.flatMap((table, i) => (table.size > 0 ? (emitBlock(i, table.takeBlock()) ?? []) : []));
          return waits.length > 0 ? Promise.all(waits).then(() => undefined) : undefined;
        };
        const emit = (key: string, value: V): Promise<void> | undefined => {
          if (typeof key !== 'string') throw invalidOption('emit', 'key', key, 'must be a string');
          const table = tables[partition(key, job.partitions, job.params)];
          if (!table) throw badPartition(partition(key, job.partitions, job.params), key, job.partitions);
          held -= table.size;
          table.add(key, value);
          held += table.size;
          return held >= pairsHeldMax ? flush() : undefined;
        };
        await options.map(input, { ...job, emit });
        await flush();
      },
      combine: combine && ((blocks) => tableOf<V>(blocks, combine).takeBlock()),
      async reduce(blocks, { output: outputBatch, ...job }) {
        let batch: Out[] = [];
        const flush = (): Promise<void> | undefined => {
          const values = batch;
          batch = [];
          return values.length > 0 ? outputBatch(values) : undefined;
        };
        const output = (value: Out) => (batch.push(value) >= outputsPerBatch ? flush() : undefined);
        const context = { ...job, output };
        for (const [key, values] of tableOf<V>(blocks, combine).sorted()) {
          const work = options.reduce(key, values, context);
          if (isThenable(work)) await work;
        }
        await flush();
      },
    },
    true,
  ) as unknown as MapReduceApp<In, Out, P>;
}

/** Also what is awaited without being a Promise, as builders of queries are. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  const canHaveThen = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return canHaveThen && 'then' in value && typeof value.then === 'function';
}

function tableOf<V>(blocks: readonly Uint8Array[], combine: Combine<V> | undefined): PairTable<V> {
  const table = new PairTable<V>(combine);
  for (const block of blocks) table.addBlock(block);
  return table;
}

function checkPairOptions(name: string, options: object): void {
  const at = `MapReduce app ${String(name)}`;
  if (typeof options !== 'object' || options === null)
    throw invalidDefinition(at, 'options', options, 'must be { module, map, reduce, … }');
  checkNames(at, options, [...settingNames, 'module', 'map', 'combine', 'partition', 'reduce']);
  checkFunctions(at, options, ['map', 'reduce'], ['combine', 'partition']);
}

function badPartition(partition: unknown, key: string, partitions: number) {
  return invalidOption(
    `partition(${JSON.stringify(key).slice(0, 100)})`,
    'its result',
    partition,
    `must be a whole number from 0 to ${partitions - 1}`,
  );
}

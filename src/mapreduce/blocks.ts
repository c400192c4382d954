/**
 * MapReduce on blocks of bytes: the app that runs it.
 *
 *     inputs ──immediate──► map ──► blocks ──dynamicGroup, one group per partition──► reduce ──► output
 *     held ──dynamicGroup──► combine ──► output
 *
 * What is between map and reduce are blocks: as many records in each as the user puts there. So a record costs what the user's code
 * takes for it, and no message or object.
 *
 *   M1  All blocks of a partition go to one call of `reduce`, in the order in which they come.
 *   M2  If all inputs are in one session (`job.isWhole`), blocks stay in the store. Else each input has a session, whose outputs are
 *       the blocks, in order, and last the partitions of these; `run.ts` holds them until all are there.
 */
import {
  type App,
  type Bucket,
  bucket,
  type Context,
  defineApp,
  dynamicGroup,
  fn,
  immediate,
  type Log,
  type RetryOptions,
  type Type,
  type,
} from 'pheromone';
import { checkFunctions, checkNames, invalidDefinition, invalidOption } from './refusal.ts';

/** What the functions of a job are told about it. `P`: what `runMapReduce` was given as `params`. */
export interface JobContext<P = unknown> {
  readonly params: P;
  readonly partitions: number;
  /** Aborted when the result is not wanted any more. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

export interface BlockMapContext<P = unknown> extends JobContext<P> {
  /**
   * Sends a block to a partition, 0 to `partitions` − 1, at once; it is copied before this returns. May be called often, also for the same
   * partition. Undefined when accepted; else the store is full for the moment: await the promise before emitting more.
   */
  emit(partition: number, block: Uint8Array): Promise<void> | undefined;
}

export interface BlockReduceContext<P = unknown, Out = unknown> extends JobContext<P> {
  readonly partition: number;
  /** Gives the caller a result of this partition: any value that a runtime can send, bytes without a copy of its own. As `emit`. */
  output(value: Out): Promise<void> | undefined;
}

export interface BlockCombineContext<P = unknown> extends JobContext<P> {
  readonly partition: number;
}

export interface FunctionSettings {
  /** Of each attempt, 1 to 2³¹ − 1. Default: none. */
  readonly timeoutMs?: number | undefined;
  /** Of `map`, `combine` and `reduce`, each by itself: an input whose `map` has thrown is mapped again. Default: one attempt. */
  readonly retry?: RetryOptions | undefined;
  /** Packages with native code, to be left out of the module's bundle. */
  readonly external?: readonly string[] | undefined;
}

export const settingNames = ['timeoutMs', 'retry', 'external'] satisfies readonly (keyof FunctionSettings)[];

export interface BlockOptions<In, P, Out> extends FunctionSettings {
  /** `import.meta.url` of the module that exports the app: executors import it. */
  readonly module: string;
  /**
   * Makes blocks of an input. Bytes are read where they lie in the store: they are valid until it has returned. It may run again (`retry`,
   * the loss of an executor) after some of its blocks have left, and must emit the same then.
   */
  map(input: In, job: BlockMapContext<P>): unknown;
  /** Makes one block of several of a partition, with the same meaning and, hopefully, less. Used when much is waiting to be reduced. */
  readonly combine?: ((blocks: readonly Uint8Array[], job: BlockCombineContext<P>) => Uint8Array | Promise<Uint8Array>) | undefined;
  /** Gets all blocks of a partition, which are valid until it has returned. Not called for a partition without blocks. */
  reduce(blocks: readonly Uint8Array[], job: BlockReduceContext<P, Out>): unknown;
}

declare const carried: unique symbol;

/** An app for `runMapReduce`. `In`: what it maps; `Out`: what its reducers output; `P`: its params. */
export interface MapReduceApp<In = unknown, Out = unknown, P = unknown> extends App {
  /** Whether each output of the app is an array of what its reducers output. */
  readonly batches: boolean;
  readonly [carried]?: (input: In, params: P) => Out;
}

/** What is run, under the key `job`. */
export interface Job {
  readonly params: unknown;
  readonly partitions: number;
  /** All inputs are in this session (M2). */
  readonly isWhole: boolean;
}

/** What a reducer outputs when its session has others beside it. */
export interface Tagged {
  readonly partition: number;
  readonly value: unknown;
}

/** Most groups of a session: each is an invocation. */
export const partitionsMax = 100_000;

/**
 * Defines a MapReduce app whose intermediate data are blocks of bytes. Throws `InvalidDefinition`.
 *
 * The functions run in executors: they must use nothing but what the module imports and defines.
 */
export function mapReduceBlocks<In = Uint8Array, P = undefined, Out = unknown>(
  name: string,
  options: BlockOptions<In, P, Out>,
): MapReduceApp<In, Out, P> {
  return defineBlocks(name, options, false);
}

/** The same; `batches` as in `MapReduceApp`. */
export function defineBlocks<In, P, Out>(name: string, options: BlockOptions<In, P, Out>, batches: boolean): MapReduceApp<In, Out, P> {
  checkBlockOptions(name, options);
  const { module, external, timeoutMs, retry, combine } = options;
  const settings = { timeoutMs, retry };
  const jobs = bucket('jobs', { value: type<Job>() });
  const inputs = bucket('inputs', { value: type<In>() });
  const blocks = bucket('blocks', { value: type<Uint8Array>() });
  const held = bucket('held', { value: type<Uint8Array>() });
  const output: Type<unknown> = type<unknown>();

  const jobOf = jobsIn(jobs, name);

  const map = fn('map', { input: inputs, sends: [blocks], output, ...settings }, async (input, ctx) => {
    const job = await jobOf(ctx);
    const emitted: number[] = [];
    await options.map(input.value, {
      ...contextOf(ctx, job),
      emit(partition, block) {
        checkBlock(partition, block, job.partitions);
        if (job.isWhole) return ctx.send(blocks, { group: String(partition), value: block });
        emitted.push(partition);
        return ctx.output(block);
      },
    } as BlockMapContext<P>);
    if (!job.isWhole) await ctx.output(emitted);
  });

  const reduce = fn('reduce', { inputs: blocks, output, ...settings }, async (given, ctx) => {
    const job = await jobOf(ctx);
    const partition = Number(given[0]?.group);
    const tell = (value: unknown) => ctx.output(job.isWhole ? ({ partition, value } satisfies Tagged) : value);
    const context = { ...contextOf(ctx, job), partition, output: tell } as BlockReduceContext<P, Out>;
    await options.reduce(
      given.map(({ bytes }) => bytes),
      context,
    );
  });
  const triggers = [inputs.on(immediate(), map), blocks.on(dynamicGroup({ sources: [map] }), reduce)];
  if (!combine) return asMapReduce(defineApp(name, { module, external, triggers, buckets: [jobs] }), batches);

  const merge = fn('combine', { inputs: held, sends: [], output, ...settings }, async (given, ctx) => {
    const context = { ...contextOf(ctx, await jobOf(ctx)), partition: Number(given[0]?.group) } as BlockCombineContext<P>;
    await ctx.output(
      await combine(
        given.map(({ bytes }) => bytes),
        context,
      ),
    );
  });
  const merging = held.on(dynamicGroup({ sources: [map] }), merge);
  return asMapReduce(defineApp(name, { module, external, triggers: [...triggers, merging], buckets: [jobs] }), batches);
}

/** Finds the job of an invocation's session. That of the last one is remembered, which has mostly more to run here. */
function jobsIn(jobs: Bucket<Job>, name: string): (ctx: Context<never, unknown>) => Promise<Job> {
  let last: { readonly session: string; readonly job: Job } | null = null;
  return async (ctx) => {
    const { session } = ctx;
    if (last?.session === session) return last.job;
    const job = await ctx.get(jobs, 'job');
    if (!job) throw new Error(`the session of ${name} has no job: run it by runMapReduce`);
    last = { session, job: job.value };
    return last.job;
  };
}

function asMapReduce<In, Out, P>(app: App, batches: boolean): MapReduceApp<In, Out, P> {
  return Object.freeze({ ...app, batches });
}

/** Whether a value is an app of `mapReduce` or `mapReduceBlocks`. */
export function isMapReduce(value: unknown): value is MapReduceApp {
  return typeof value === 'object' && value !== null && 'batches' in value && 'definition' in value;
}

/** Whether it has a `combine`. */
export function canCombine(app: App): boolean {
  return app.handlers.has('combine');
}

function contextOf(ctx: Context<never, unknown>, { params, partitions }: Job): JobContext {
  return { params, partitions, log: ctx.log, signal: ctx.signal };
}

function checkBlockOptions(name: string, options: object): void {
  const at = `MapReduce app ${String(name)}`;
  if (typeof options !== 'object' || options === null)
    throw invalidDefinition(at, 'options', options, 'must be { module, map, reduce, … }');
  checkNames(at, options, [...settingNames, 'module', 'map', 'combine', 'reduce']);
  checkFunctions(at, options, ['map', 'reduce'], ['combine']);
}

function checkBlock(partition: unknown, block: unknown, partitions: number): void {
  const isGood = typeof partition === 'number' && Number.isInteger(partition) && partition >= 0 && partition < partitions;
  if (!isGood) throw invalidOption('emit', 'partition', partition, `must be a whole number from 0 to ${partitions - 1}`);
  if (!(block instanceof Uint8Array)) throw invalidOption('emit', 'block', block, 'must be a Uint8Array');
}

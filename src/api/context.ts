/**
 * What a function works with: its inputs and its context. Interfaces only; the executor makes them.
 *
 *   X1  An object leaves when `send` is called, not when the function returns: consumers may start while the producer runs.
 *   X2  What `send` was given may be changed as soon as it has returned: values are encoded, bytes copied, synchronously.
 *   X3  A promise that a function does not await is awaited by the runtime before the attempt counts as done; its failure
 *       fails the attempt, never the process.
 */
import type { AnyBucket, Bucket, ValueOf } from './bucket.ts';

/** An object on its way into a function. */
export interface Input<T = unknown> {
  /** As sent; a missing key is the ordinal within the attempt that sent it. */
  readonly key: string;
  readonly group: string | null;
  /** The session that the object was put into: the function's own, unless the trigger mixes sessions (`scope: 'app'`). */
  readonly session: string;
  /** Decoded on first use, then the same each time. What in it aliases `bytes` is valid no longer than these. */
  readonly value: T;
  /**
   * The object as stored, without a copy. Valid until the invocation ends; then the memory may hold another object. Read only.
   * `bytes.buffer` is the worker's whole store: never write, post or transfer it.
   */
  readonly bytes: Uint8Array;
  /** The same object in memory of its own, to be kept after the invocation. */
  copy(): Input<T>;
}

/** An object to be sent or put. */
export interface Outgoing<T = unknown> {
  /** Default: the ordinal of this send within the attempt. */
  readonly key?: string | undefined;
  /** What `dynamicGroup`, `partitionBy` and `dynamicJoin` tell objects apart by. Default: none. */
  readonly group?: string | undefined;
  /** Bytes, a typed array, or plain data (also Date, Map, Set, BigInt, Error). Class instances, functions and cycles: `NotEncodable`. */
  readonly value: T;
}

/** How many objects a `dynamicJoin` waits for: these keys, or this number. Zero fires at once, with no inputs. */
export type Branches =
  | { readonly group?: string | undefined; readonly keys: readonly string[]; readonly count?: undefined }
  | { readonly group?: string | undefined; readonly keys?: undefined; readonly count: number };

/** A block of the store that its function fills. */
export interface Allocation {
  /** `sizeBytes` long, on a 64-byte boundary, its content undefined. Not to be written after `seal`. */
  readonly bytes: Uint8Array;
  /** Sends the object. Undefined when accepted, else a promise to await. An allocation that is never sealed is freed with the attempt. */
  seal(): Promise<void> | undefined;
}

/** Key → value, per app, outliving sessions and restarts. A `Uint8Array` is kept as its bytes, other values encoded as objects are. */
export interface Durable {
  /** Undefined if nothing was put. What it returns is the caller's own. Rejects with `DurableStoreFailed`. */
  get<T = unknown>(key: string): Promise<T | undefined>;
  /** Resolves when stored; the last put of a key wins. Rejects with `NotEncodable`, `DurableStoreFailed`. */
  put(key: string, value: unknown): Promise<void>;
}

/** Lines carry app, function, session and attempt. `detail` is plain data. */
export interface Log {
  debug(message: string, detail?: object): void;
  info(message: string, detail?: object): void;
  warn(message: string, detail?: object): void;
  error(message: string, detail?: object): void;
}

/** `S`: the buckets that the function may send to; `Out`: what it may output. */
export interface Context<S extends AnyBucket = AnyBucket, Out = unknown> {
  /** The session's id, 26 characters. */
  readonly session: string;
  /** 1 for the first attempt of this invocation; retries and reruns count on. */
  readonly attempt: number;
  /** Aborted when the result is not wanted any more: time-out, cancellation, a lost race. The executor is terminated if the function goes on. */
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly durable: Durable;

  /**
   * Puts an object into a bucket, at once (X1, X2). Objects of one function for one bucket are admitted in the order of sending.
   * `delayMs` (0 to 2³¹ − 1, default 0) holds it back; the session stays open meanwhile.
   *
   * The value is copied before it returns: the function may change it afterwards. Large bytes are copied again into the store; `allocate`
   * saves both.
   *
   * Returns undefined when accepted: go on. Else the store is full for the moment: await the promise before sending more.
   * Throws, or rejects with, `NotEncodable` (with the path of the value), `ObjectTooLarge`, `StoreFull` (nothing became free in
   * time), `UnknownBucket` (also one that `sends` does not declare), `InvocationAborted`.
   */
  send<B extends S>(
    bucket: B,
    object: Outgoing<NoInfer<ValueOf<B>>> & { readonly delayMs?: number | undefined },
  ): Promise<void> | undefined;

  /**
   * A block of the store to be written in place, without a copy: for large bytes. It becomes an object by `seal()`.
   * Waits for room; rejects with `ObjectTooLarge`, `StoreFull`, `UnknownBucket`, `InvocationAborted`.
   */
  allocate(
    bucket: S & Bucket<Uint8Array>,
    object: { readonly key?: string | undefined; readonly group?: string | undefined; readonly sizeBytes: number },
  ): Promise<Allocation>;

  /**
   * Announces the branches of the `dynamicJoin` on a bucket, before or after the first of them arrive; the bucket need not be among
   * the function's `sends`. One join is open per (session, bucket, group). The same invocation announcing again changes nothing;
   * another one before the join has fired is refused with `JoinAlreadyAnnounced`. `NoJoinTrigger` if no dynamicJoin watches the bucket.
   */
  expect(bucket: AnyBucket, branches: Branches): Promise<void>;

  /**
   * Gives the caller a result. May be called often: `call` resolves with the first, `call(…, { until: 'end' })` with all in order.
   * Only for functions that declare `output`. The promise, if there is one, is backpressure as with `send`.
   */
  output(value: Out): Promise<void> | undefined;

  /** The first object admitted to the bucket under this key in this session; undefined if there is none (yet). Valid as inputs are. */
  get<T>(bucket: Bucket<T>, key: string): Promise<Input<T> | undefined>;

  /** All objects of the bucket in this session so far, in the order of their admission. */
  getAll<T>(bucket: Bucket<T>): Promise<Input<T>[]>;
}

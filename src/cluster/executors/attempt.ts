/**
 * One attempt of an invocation, in its executor thread: the context that its function works with.
 *
 *   T1  What the function sends leaves in order, before `attemptDone`; the promises that it does not await are awaited here.
 *   T2  After its end, or its abort, nothing more leaves: `send` and the others throw `InvocationAborted`.
 *   T3  A block that was allocated and not sealed is released with the attempt.
 *   T4  An abort rejects what the function waits for from us at once: one that only awaits us needs not watch `signal`.
 */
import { errorData } from '../../actors/protocol/error.ts';
import type { FromThread, Run } from '../../actors/protocol/executor.ts';
import type { AppTable } from '../../actors/app.ts';
import { type AnyBucket, bucketName, checkedBucketName } from '../../api/bucket.ts';
import { checkBranches } from '../../api/call-options.ts';
import type { Allocation, Branches, Context, Durable, Input, Log, Outgoing } from '../../api/context.ts';
import { readEntry } from '../../api/entries.ts';
import { errors, invalidOption } from '../../api/errors.ts';
import type { Handler } from '../../api/fn.ts';
import type { Ref } from '../../storage/object.ts';
import { encode } from '../encode.ts';
import { StoredInput } from './input.ts';
import { Outbox } from './outbox.ts';
import type { ThreadServices } from './services.ts';
import { TrackedPromises } from './tracked.ts';

const delayMsMax = 2 ** 31 - 1;
const allocateBytesMax = 2 ** 32;

type Wanted = { readonly key?: string | undefined; readonly group?: string | undefined; readonly sizeBytes: number };

export class Attempt implements Context {
  readonly session: string;
  readonly attempt: number;
  readonly log: Log;
  readonly durable: Durable;
  /** What left: the node has as many before the attempt is done. */
  objects = 0;
  outputs = 0;
  readonly #run: Run;
  readonly #table: AppTable;
  readonly #services: ThreadServices;
  readonly #outbox = new Outbox();
  readonly #promises = new TrackedPromises();
  readonly #ordinals = new Map<number, Map<string, number>>();
  readonly #unsealed = new Set<number>();
  #stray: { readonly error: unknown } | null = null;
  #giveUpStray: NodeJS.Timeout | null = null;
  #abandon: (error: unknown) => void = () => undefined;
  #controller: AbortController | null = null;
  /** Why nothing more is wanted of it. */
  #over: unknown = null;
  #hasEnded = false;
  #unnamed = 0;

  constructor(run: Run, table: AppTable, services: ThreadServices) {
    this.session = run.session;
    this.attempt = run.attempt;
    this.#run = run;
    this.#table = table;
    this.#services = services;
    const fn = table.functions[run.function]?.name ?? '';
    this.log = services.logOf({ app: run.app, function: fn, session: run.session, invocation: run.invocation, attempt: run.attempt });
    this.durable = services.durableOf(run.app, (work) => this.#promises.track(this.#closedBy ? Promise.reject(this.#closedBy) : work()));
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#closedBy && !this.#controller.signal.aborted) this.#controller.abort(this.#closedBy);
    return this.#controller.signal;
  }

  inputs(): StoredInput[] {
    return this.#run.inputs.map((input) => new StoredInput(input, this.#services.arena));
  }

  send(bucket: AnyBucket, object: Outgoing & { readonly delayMs?: number | undefined }): Promise<void> | undefined {
    this.#assertOpen();
    const index = this.#bucketIndex('ctx.send', bucket);
    const { key, group, value } = readEntry('ctx.send', 'object', bucketName(bucket), object);
    const { delayMs = 0 } = object;
    if (!Number.isInteger(delayMs) || delayMs < 0 || delayMs > delayMsMax)
      throw invalidOption('ctx.send', 'delayMs', delayMs, `must be a whole number from 0 to ${delayMsMax} milliseconds`);
    const encoded = encode(value);
    const name = key ?? String(this.#unnamed++);
    const ordinal = this.#ordinal(index, name);
    const leave = (ref: Ref) => {
      const { invocation, attempt } = this.#run;
      this.objects++;
      this.#leave({ kind: 'objectSent', invocation, attempt, bucket: index, key: name, ordinal, group, delayMs, ref });
    };
    return this.#put(encoded, leave);
  }

  output(value: unknown): Promise<void> | undefined {
    this.#assertOpen();
    const { invocation, attempt } = this.#run;
    const encoded = encode(value);
    return this.#put(encoded, (ref) => this.#leave({ kind: 'outputSent', invocation, attempt, ordinal: ++this.outputs, ref }));
  }

  allocate(bucket: AnyBucket, object: Wanted): Promise<Allocation> {
    return this.#promises.track(this.#allocate(bucket, object));
  }

  async #allocate(bucket: AnyBucket, object: Wanted): Promise<Allocation> {
    this.#assertOpen();
    const index = this.#bucketIndex('ctx.allocate', bucket);
    const { key, group } = readEntry('ctx.allocate', 'object', bucketName(bucket), { ...object, value: null });
    const { sizeBytes } = object;
    if (!Number.isInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > allocateBytesMax)
      throw invalidOption('ctx.allocate', 'sizeBytes', sizeBytes, `must be a whole number from 0 to ${allocateBytesMax} bytes`);
    const offset = await this.#services.blocks.allocate(Math.max(1, sizeBytes));
    if (this.#closedBy) {
      this.#services.blocks.release([offset]);
      // oxlint-disable-next-line only-throw-error -- perhaps what user code threw
      throw this.#closedBy;
    }
    this.#unsealed.add(offset);
    const name = key ?? String(this.#unnamed++);
    const bytes = this.#services.arena.subarray(offset, offset + sizeBytes);
    return { bytes, seal: () => this.#seal(offset, index, name, group, sizeBytes) };
  }

  #seal(offset: number, bucket: number, key: string, group: string | null, sizeBytes: number): Promise<void> | undefined {
    this.#assertOpen();
    if (!this.#unsealed.has(offset)) throw invalidOption('ctx.allocate', 'seal', key, 'was called already: an object is sealed once');
    this.#unsealed.delete(offset);
    const { invocation, attempt } = this.#run;
    const ordinal = this.#ordinal(bucket, key);
    const ref = { encoding: 0, sizeBytes, inline: null, offset };
    const leave = () => {
      this.objects++;
      this.#leave({ kind: 'objectSent', invocation, attempt, bucket, key, ordinal, group, delayMs: 0, ref });
    };
    const now = () => {
      if (this.#services.isCongested()) return false;
      leave();
      return true;
    };
    const later = async () => {
      await this.#services.hasRoom();
      if (this.#closedBy) this.#services.blocks.release([offset]);
      this.#assertOpen();
      leave();
    };
    return this.#tracked(this.#outbox.put(now, later));
  }

  expect(bucket: AnyBucket, branches: Branches): Promise<void> {
    this.#assertOpen();
    const index = this.#bucketIndex('ctx.expect', bucket, false);
    checkBranches('ctx.expect', 'branches', branches);
    const { group = null, keys = null, count = null } = branches;
    const { invocation, attempt } = this.#run;
    const asked = this.#services.ask((request) => ({
      kind: 'expectSent',
      invocation,
      attempt,
      request,
      bucket: index,
      group,
      keys,
      count,
    }));
    return this.#promises.track(asked.then(() => undefined));
  }

  get<T>(bucket: AnyBucket, key: string): Promise<Input<T> | undefined> {
    const found = this.#find('ctx.get', bucket, key);
    return this.#promises.track(found.then(([first]) => first as Input<T> | undefined));
  }

  getAll<T>(bucket: AnyBucket): Promise<Input<T>[]> {
    return this.#promises.track(this.#find('ctx.getAll', bucket, null) as Promise<Input<T>[]>);
  }

  async #find(at: string, bucket: AnyBucket, key: string | null): Promise<Input[]> {
    this.#assertOpen();
    const index = this.#bucketIndex(at, bucket, false);
    const { invocation, attempt } = this.#run;
    const asked = this.#services.ask((request) => ({ kind: 'objectsAsked', invocation, attempt, request, bucket: index, key }));
    const { objects } = await asked;
    return objects.map((object) => new StoredInput(object, this.#services.arena));
  }

  /** Nothing more is wanted of it: `signal` is aborted, and what it still sends is refused. */
  abort(error: unknown): void {
    this.#over ??= error;
    this.#controller?.abort(this.#over);
    this.#promises.abandon(this.#over);
  }

  /**
   * User code has thrown where nobody could catch it, perhaps this attempt's. It fails: by itself if it heeds its abort, else when
   * `graceMs` are over, since such code often leaves its function waiting for ever.
   */
  fail(error: unknown, graceMs: number): void {
    if (this.#stray) return;
    this.#stray = { error };
    this.abort(error);
    this.#giveUpStray = setTimeout(() => this.#abandon(error), graceMs);
  }

  /** Runs the function to its end, and until what it sent has left. */
  async run(handler: Handler): Promise<void> {
    const work = handler(this.inputs(), this);
    if (work instanceof Promise) await new Promise<unknown>((resolve, reject) => this.#watch(work, resolve, reject));
    else await work;
    await this.#promises.settled();
    if (this.#stray) throw this.#stray.error;
  }

  #watch(work: Promise<unknown>, resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
    this.#abandon = reject;
    work.then(resolve, reject);
  }

  /** What was sent has left, and what was asked is answered, whether well or not. */
  async quiet(): Promise<void> {
    await this.#promises.settled().catch(() => undefined);
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#giveUpStray) clearTimeout(this.#giveUpStray);
    this.#services.blocks.release([...this.#unsealed]);
    this.#unsealed.clear();
  }

  #put(encoded: ReturnType<typeof encode>, leave: (ref: Ref) => void): Promise<void> | undefined {
    const { blocks } = this.#services;
    let snapshot = encoded;
    const now = () => {
      const ref = this.#services.isCongested() ? null : blocks.put(encoded);
      if (ref) leave(ref);
      else snapshot = { encoding: encoded.encoding, bytes: new Uint8Array(encoded.bytes) };
      return ref !== null;
    };
    const later = async () => {
      this.#assertOpen();
      await this.#services.hasRoom();
      const ref = blocks.put(snapshot) ?? (await blocks.putLater(snapshot));
      if (this.#closedBy && ref.offset >= 0) blocks.release([ref.offset]);
      this.#assertOpen();
      leave(ref);
    };
    // Behind others that wait, `now` is not called: the snapshot is taken here, before the caller goes on.
    const waiting = this.#outbox.put(now, later);
    if (waiting && snapshot === encoded) snapshot = { encoding: encoded.encoding, bytes: new Uint8Array(encoded.bytes) };
    return this.#tracked(waiting);
  }

  #tracked(waiting: Promise<void> | undefined): Promise<void> | undefined {
    return waiting && this.#promises.track(waiting);
  }

  #leave(message: FromThread): void {
    this.#services.node.send('scheduler', message);
  }

  /** Counts a key's sends to a bucket: with the invocation they make the object's id, the same in every attempt. */
  #ordinal(bucket: number, key: string): number {
    let ofBucket = this.#ordinals.get(bucket);
    if (!ofBucket) {
      ofBucket = new Map();
      this.#ordinals.set(bucket, ofBucket);
    }
    const ordinal = ofBucket.get(key) ?? 0;
    ofBucket.set(key, ordinal + 1);
    return ordinal;
  }

  #bucketIndex(at: string, bucket: AnyBucket, isSend = true): number {
    const name = checkedBucketName(at, bucket);
    const found = this.#table.bucketByName.get(name);
    const fn = this.#table.functions[this.#run.function];
    if (!found) {
      const known = this.#table.buckets.map((one) => one.name).join(', ');
      throw new errors.UnknownBucket(
        errorData('UnknownBucket', `${at}: app ${this.#table.name} has no bucket ${name}; it has ${known}`, { bucket: name }),
      );
    }
    if (isSend && fn?.sends && !fn.sends.includes(name)) {
      const text = `${at}: function ${fn.name} does not declare that it sends to ${name}; add it to sends (${fn.sends.join(', ') || 'none'})`;
      throw new errors.UnknownBucket(errorData('UnknownBucket', text, { bucket: name, function: fn.name }));
    }
    return found.index;
  }

  /** Why nothing more may leave; null while it runs. Made when asked for: an error costs more than an attempt. */
  get #closedBy(): unknown {
    if (this.#hasEnded && !this.#over) {
      const text = 'the attempt is over: its function has returned';
      this.#over = new errors.InvocationAborted(errorData('InvocationAborted', text, { session: this.session }));
    }
    return this.#over;
  }

  #assertOpen(): void {
    const reason = this.#closedBy;
    // oxlint-disable-next-line only-throw-error -- perhaps what user code threw
    if (reason) throw reason;
  }
}

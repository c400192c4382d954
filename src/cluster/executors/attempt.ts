/**
 * One attempt of an invocation, in its executor thread: the context that its function works with.
 *
 *   T1  What the function sends leaves in order, before `attemptDone`; the promises that it does not await are awaited here.
 *   T2  After its end, or its abort, nothing more leaves: `send` and the others throw `InvocationAborted`.
 *   T3  A block that was allocated and not sealed is released with the attempt.
 *   T4  An abort rejects what the function waits for from us at once: one that only awaits us needs not watch `signal`.
 *   T5  What few functions need is made when asked for: most attempts are a call, a send and a return.
 */
import { isRecord } from '../../actors/bucket/primitives/options.ts';
import { errorData } from '../../actors/protocol/error.ts';
import type { Input as InputMessage } from '../../actors/protocol/object.ts';
import type { AppTable } from '../../actors/app.ts';
import { type AnyBucket, bucketName } from '../../api/bucket.ts';
import { checkBranches } from '../../api/call-options.ts';
import type { Allocation, Branches, Context, Durable, Input, Log, Outgoing } from '../../api/context.ts';
import { readEntry } from '../../api/entries.ts';
import { errors, invalidOption } from '../../api/errors.ts';
import type { Handler } from '../../api/fn.ts';
import type { Ref } from '../../storage/object.ts';
import { type Encoded, isOwnMemory } from '../../storage/value.ts';
import { encode } from '../encode.ts';
import { bucketIndex, sendIndex } from './bucket-index.ts';
import type { Exit, Leaving, Question } from './exit.ts';
import { StoredInput } from './input.ts';
import { Outbox } from './outbox.ts';
import type { Answer, ThreadServices } from './services.ts';
import { isThenable, TrackedPromises } from './tracked.ts';

const delayMsMax = 2 ** 31 - 1;
const allocateBytesMax = 2 ** 32;

type Wanted = { readonly key?: string | undefined; readonly group?: string | undefined; readonly sizeBytes: number };

/** What is to be run. `session` may be worked out when asked for. */
export interface Work {
  readonly table: AppTable;
  /** Its index in the table. */
  readonly function: number;
  readonly session: string;
  /** For logs. */
  readonly invocation: number;
  readonly attempt: number;
  readonly inputs: readonly InputMessage[];
}

/** How an attempt has failed; null: it has not. */
export type Failure = { readonly error: unknown } | null;

export class Attempt implements Context {
  // Nothing here is a property that can be written: functions are given the attempt as their context, and may put what they like on it.
  #objects = 0;
  #outputs = 0;
  readonly #work: Work;
  readonly #services: ThreadServices;
  readonly #exit: Exit;
  #outbox: Outbox | null = null;
  #promises: TrackedPromises | null = null;
  /** The first send, and from the second on how many there were, by bucket and key. */
  #first: { readonly bucket: number; readonly key: string } | null = null;
  #ordinals: Map<number, Map<string, number>> | null = null;
  #unsealed: Set<number> | null = null;
  #log: Log | null = null;
  #durable: Durable | null = null;
  #stray: { readonly error: unknown } | null = null;
  #giveUpStray: NodeJS.Timeout | null = null;
  /** Whom to tell; null: it is told. */
  #finished: ((failure: Failure, attempt: Attempt) => void) | null = null;
  #controller: AbortController | null = null;
  /** Why nothing more is wanted of it. */
  #over: unknown = null;
  #hasEnded = false;
  #unnamed = 0;

  constructor(work: Work, services: ThreadServices, exit: Exit) {
    this.#work = work;
    this.#services = services;
    this.#exit = exit;
  }

  static workOf(attempt: Attempt): Work {
    return attempt.#work;
  }

  /** What left: the home has as many before the attempt is done. */
  static leftOf(attempt: Attempt): { readonly objects: number; readonly outputs: number } {
    return { objects: attempt.#objects, outputs: attempt.#outputs };
  }

  get session(): string {
    return this.#work.session;
  }

  get attempt(): number {
    return this.#work.attempt;
  }

  get log(): Log {
    if (!this.#log) {
      const { table, function: index, session, invocation, attempt } = this.#work;
      this.#log = this.#services.logOf({ app: table.name, function: table.functions[index]?.name ?? '', session, invocation, attempt });
    }
    return this.#log;
  }

  get durable(): Durable {
    this.#durable ??= this.#services.durableOf(this.#work.table.name, (work) =>
      this.#track(this.#closedBy() ? Promise.reject(this.#closedBy()) : work()),
    );
    return this.#durable;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#closedBy() && !this.#controller.signal.aborted) this.#controller.abort(this.#closedBy());
    return this.#controller.signal;
  }

  send(bucket: AnyBucket, object: Outgoing & { readonly delayMs?: number | undefined }): Promise<void> | undefined {
    this.#assertOpen();
    const index = sendIndex('ctx.send', this.#work, bucket);
    const { key, group, value } = readEntry('ctx.send', 'object', bucketName(bucket), object);
    const { delayMs = 0 } = object;
    if (!Number.isInteger(delayMs) || delayMs < 0 || delayMs > delayMsMax)
      throw invalidOption('ctx.send', 'delayMs', delayMs, `must be a whole number from 0 to ${delayMsMax} milliseconds`);
    const encoded = encode(value);
    const name = key ?? String(this.#unnamed++);
    const ordinal = this.#ordinal(index, name);
    const isOpen = this.#isOpen();
    const ref = isOpen ? this.#services.blocks.put(encoded) : this.#services.blocks.putInline(encoded);
    if (isOpen && ref && this.#leave({ bucket: index, key: name, ordinal, group, delayMs, ref })) return undefined;
    return this.#sendLater(encoded, ref, { bucket: index, key: name, ordinal, group, delayMs });
  }

  /** Apart: who sends at once does not pay for the function that is kept here. */
  #sendLater(encoded: Encoded, stored: Ref | null, object: Omit<Leaving, 'ref'>): Promise<void> {
    return this.#putLater(encoded, stored, (ref) => this.#leave({ ...object, ref }));
  }

  output(value: unknown): Promise<void> | undefined {
    this.#assertOpen();
    const encoded = encode(value);
    const isOpen = this.#isOpen();
    const ref = isOpen ? this.#services.blocks.put(encoded) : this.#services.blocks.putInline(encoded);
    if (isOpen && ref && this.#leaveOutput(ref)) return undefined;
    return this.#putLater(encoded, ref, (late) => this.#leaveOutput(late));
  }

  allocate(bucket: AnyBucket, object: Wanted): Promise<Allocation> {
    return this.#track(this.#allocate(bucket, object));
  }

  async #allocate(bucket: AnyBucket, object: Wanted): Promise<Allocation> {
    this.#assertOpen();
    const index = sendIndex('ctx.allocate', this.#work, bucket);
    if (!isRecord(object)) throw invalidOption('ctx.allocate', 'object', object, 'must be an object { key?, group?, sizeBytes }');
    const { key, group } = readEntry('ctx.allocate', 'object', bucketName(bucket), { ...object, value: null });
    const { sizeBytes } = object;
    if (!Number.isInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > allocateBytesMax)
      throw invalidOption('ctx.allocate', 'sizeBytes', sizeBytes, `must be a whole number from 0 to ${allocateBytesMax} bytes`);
    const offset = await this.#services.blocks.allocate(Math.max(1, sizeBytes));
    if (this.#closedBy()) {
      this.#services.blocks.release([offset]);
      throw this.#closedBy();
    }
    const unsealed = (this.#unsealed ??= new Set());
    unsealed.add(offset);
    const name = key ?? String(this.#unnamed++);
    const bytes = this.#services.arena.subarray(offset, offset + sizeBytes);
    return { bytes, seal: () => this.#seal(unsealed, offset, index, name, group, sizeBytes) };
  }

  #seal(
    unsealed: Set<number>,
    offset: number,
    bucket: number,
    key: string,
    group: string | null,
    sizeBytes: number,
  ): Promise<void> | undefined {
    this.#assertOpen();
    if (!unsealed.delete(offset)) throw invalidOption('ctx.allocate', 'seal', key, 'was called already: an object is sealed once');
    const ordinal = this.#ordinal(bucket, key);
    const ref = { encoding: 0, sizeBytes, inline: null, offset };
    const leave = () => this.#leave({ bucket, key, ordinal, group, delayMs: 0, ref });
    const later = async () => {
      do await this.#whenOpen(ref);
      while (!leave());
    };
    return this.#isOpen() && leave() ? undefined : this.#out.add(later);
  }

  expect(bucket: AnyBucket, branches: Branches): Promise<void> {
    this.#assertOpen();
    const index = bucketIndex('ctx.expect', this.#work.table, bucket);
    checkBranches('ctx.expect', 'branches', branches);
    const { group = null, keys = null, count = null } = branches;
    const asked = this.#ask((request, name) => ({ kind: 'expectSent', ...name, request, bucket: index, group, keys, count }));
    return this.#track(asked.then(() => undefined));
  }

  get<T>(bucket: AnyBucket, key: string): Promise<Input<T> | undefined> {
    const found = this.#find('ctx.get', bucket, key);
    return this.#track(found.then(([first]) => first as Input<T> | undefined));
  }

  getAll<T>(bucket: AnyBucket): Promise<Input<T>[]> {
    return this.#track(this.#find('ctx.getAll', bucket, null) as Promise<Input<T>[]>);
  }

  async #find(at: string, bucket: AnyBucket, key: string | null): Promise<Input[]> {
    this.#assertOpen();
    const index = bucketIndex(at, this.#work.table, bucket);
    const { objects } = await this.#ask((request, name) => ({ kind: 'objectsAsked', ...name, request, bucket: index, key }));
    return objects.map((object) => new StoredInput(object, this.#services.arena));
  }

  /** In its turn behind what was sent before, also when that still waits: who is asked must know of it. */
  async #ask(question: Question): Promise<Answer> {
    if (!this.#outbox?.isWaiting) return this.#exit.ask(question);
    let answer: Promise<Answer> | null = null;
    await this.#outbox.add(async () => {
      // Else nobody would wait for the answer any more, and its refusal would be a stray error of this thread.
      this.#assertOpen();
      answer = this.#exit.ask(question);
    });
    return answer as unknown as Promise<Answer>;
  }

  /** Nothing more is wanted of it: `signal` is aborted, and what it still sends is refused. */
  abort(error: unknown): void {
    this.#over ??= error;
    this.#controller?.abort(this.#over);
    this.#promises?.abandon(this.#over);
  }

  /**
   * User code has thrown where nobody could catch it, perhaps this attempt's. It fails: by itself if it heeds its abort, else when
   * `graceMs` are over, since such code often leaves its function waiting for ever.
   */
  fail(error: unknown, graceMs: number): void {
    if (this.#stray) return;
    this.#stray = { error };
    this.abort(error);
    this.#giveUpStray = setTimeout(() => void this.#failLater(error), graceMs);
  }

  /**
   * Runs the function to its end, and until what it sent has left. True: it has come to a good end already. False: `finished` is
   * called later, once.
   */
  run(handler: Handler, finished: (failure: Failure, attempt: Attempt) => void): boolean {
    this.#finished = finished;
    let work: unknown;
    try {
      work = handler(this.#inputs(), this);
    } catch (error) {
      void this.#failLater(error);
      return false;
    }
    if (!isThenable(work)) {
      if (!this.#promises && !this.#stray) return true;
      void this.#settle();
      return false;
    }
    const returned = () => (this.#promises || this.#stray ? void this.#settle() : this.#finish(null));
    const failed = (error: unknown) => void this.#failLater(error);
    if (work instanceof Promise) work.then(returned, failed);
    else Promise.resolve(work).then(returned, failed);
    return false;
  }

  #inputs(): StoredInput[] {
    const { inputs } = this.#work;
    // Most have one.
    if (inputs.length === 1) return [new StoredInput(inputs[0] as InputMessage, this.#services.arena)];
    return inputs.map((input) => new StoredInput(input, this.#services.arena));
  }

  async #settle(): Promise<void> {
    try {
      await this.#promises?.settled();
    } catch (error) {
      return this.#failLater(error);
    }
    this.#finish(this.#stray);
  }

  /** What it left behind goes on a little: its blocks must come home before the attempt is over. */
  async #failLater(error: unknown): Promise<void> {
    // Nothing throws on: who runs this is told in a turn of its own.
    await this.#promises?.settled().catch(() => undefined);
    this.#finish({ error });
  }

  #finish(failure: Failure): void {
    const finished = this.#finished;
    this.#finished = null;
    finished?.(failure, this);
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#giveUpStray) clearTimeout(this.#giveUpStray);
    if (!this.#unsealed) return;
    this.#services.blocks.release([...this.#unsealed]);
    this.#unsealed.clear();
  }

  #leave(object: Leaving): boolean {
    if (!this.#exit.object(object)) return false;
    this.#objects++;
    return true;
  }

  #leaveOutput(ref: Ref): boolean {
    if (!this.#exit.output(this.#outputs + 1, ref)) return false;
    this.#outputs++;
    return true;
  }

  #isOpen(): boolean {
    return !this.#outbox?.isWaiting && this.#exit.isOpen();
  }

  /** Behind all that waits already. `stored`: it is where its reader finds it, but could not leave. */
  #putLater(encoded: Encoded, stored: Ref | null, leave: (ref: Ref) => boolean): Promise<void> {
    if (stored?.inline) return this.#out.join(() => leave(stored));
    const { blocks } = this.#services;
    // Taken here, before the caller goes on.
    const snapshot = stored || isOwnMemory(encoded.encoding) ? encoded : { ...encoded, bytes: new Uint8Array(encoded.bytes) };
    const ahead = stored ? null : blocks.putAhead(snapshot);
    return this.#out.add(async () => {
      let ref = ahead ? await ahead : stored;
      do {
        this.#assertOpenOrRelease(ref);
        await this.#exit.whenOpen();
        ref ??= blocks.put(snapshot) ?? (await blocks.putLater(snapshot, true));
        this.#assertOpenOrRelease(ref);
      } while (!leave(ref));
    });
  }

  get #out(): Outbox {
    return (this.#outbox ??= new Outbox(
      (work) => this.#track(work),
      () => this.#whenOpen(null),
    ));
  }

  /** `held`: in vain if nothing more is wanted by then. */
  async #whenOpen(held: Ref | null): Promise<void> {
    await this.#exit.whenOpen();
    this.#assertOpenOrRelease(held);
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#promises ??= new TrackedPromises();
    return this.#promises.track(work);
  }

  /** Counts a key's sends to a bucket: with the invocation they make the object's id, the same in every attempt. */
  #ordinal(bucket: number, key: string): number {
    if (!this.#first) {
      this.#first = { bucket, key };
      return 0;
    }
    if (!this.#ordinals) this.#ordinals = new Map([[this.#first.bucket, new Map([[this.#first.key, 1]])]]);
    let ofBucket = this.#ordinals.get(bucket);
    if (!ofBucket) {
      ofBucket = new Map();
      this.#ordinals.set(bucket, ofBucket);
    }
    const ordinal = ofBucket.get(key) ?? 0;
    ofBucket.set(key, ordinal + 1);
    return ordinal;
  }

  /** Why nothing more may leave; null while it runs. Made when asked for: an error costs more than an attempt. */
  #closedBy(): unknown {
    if (this.#hasEnded && !this.#over) {
      const text = 'the attempt is over: its function has returned';
      this.#over = new errors.InvocationAborted(errorData('InvocationAborted', text, { session: this.session }));
    }
    return this.#over;
  }

  #assertOpen(): void {
    const reason = this.#closedBy();
    // oxlint-disable-next-line only-throw-error -- perhaps what user code threw
    if (reason) throw reason;
  }

  #assertOpenOrRelease(ref: Ref | null): void {
    if (this.#closedBy() && ref && ref.offset >= 0) this.#services.blocks.release([ref.offset]);
    this.#assertOpen();
  }
}

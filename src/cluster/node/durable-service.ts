/** The durable store as a neighbour of the actors, under the address `durable`. Keys are the app's name, a slash, and the user's key. */
import type { Address } from '../../actors/actor.ts';
import { errorData } from '../../actors/protocol/error.ts';
import type { Message } from '../../actors/protocol/message.ts';
import type { StoreMessage } from '../../actors/protocol/store.ts';
import type { DurableStore } from '../../storage/durable-store.ts';
import type { Ref } from '../../storage/object.ts';

type Get = Extract<StoreMessage, { kind: 'durableGet' }>;
type Put = Extract<StoreMessage, { kind: 'durablePut' }>;

/** Where the bytes lie of what is not inline. */
export interface DurableSource {
  bytesOf(ref: Ref): Uint8Array;
  release(offset: number): void;
}

export class DurableService {
  readonly #durable: DurableStore;
  readonly #source: DurableSource;
  readonly #reply: (to: Address, message: Message) => void;

  constructor(durable: DurableStore, source: DurableSource, reply: (to: Address, message: Message) => void) {
    this.#durable = durable;
    this.#source = source;
    this.#reply = reply;
  }

  take(message: Message): void {
    if (message.kind === 'durableGet') void this.#answer(message, this.#get(message));
    else if (message.kind === 'durablePut') void this.#answer(message, this.#put(message));
    else throw new Error(`bug: the durable store was sent ${message.kind}`);
  }

  close(): Promise<void> {
    return this.#durable.close();
  }

  async #answer({ owner, request, key }: Get | Put, work: Promise<Ref | null>): Promise<void> {
    try {
      this.#reply(owner, { kind: 'answer', request, error: null, objects: [], ref: await work });
    } catch (failure) {
      const text = failure instanceof Error ? failure.message : String(failure);
      this.#reply(owner, { kind: 'answer', request, error: errorData('DurableStoreFailed', text, { key }, true), objects: [], ref: null });
    }
  }

  /** Inline whatever its size: it is copied out of the reply at once. */
  async #get({ key }: Get): Promise<Ref | null> {
    const kept = await this.#durable.get(key);
    if (!kept) return null;
    const [encoding = 0] = kept;
    const inline = kept.subarray(1);
    return { encoding, sizeBytes: inline.byteLength, inline, offset: -1 };
  }

  /** One byte of encoding, then the value's. */
  async #put({ key, ref }: Put): Promise<null> {
    const kept = new Uint8Array(1 + ref.sizeBytes);
    kept[0] = ref.encoding;
    kept.set(ref.inline ?? this.#source.bytesOf(ref), 1);
    if (ref.offset >= 0) this.#source.release(ref.offset);
    await this.#durable.put(key, kept);
    return null;
  }
}

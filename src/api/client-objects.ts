/**
 * Objects between a client and the store: on their way in, encoded at once and put where they fit; on their way out, copied or
 * read where they lie.
 */
import type { Entry, Input } from '../actors/protocol/object.ts';
import type { ClientHost } from '../cluster/client-host.ts';
import { encode } from '../cluster/encode.ts';
import type { Ref } from '../storage/object.ts';
import { decodeValue } from '../storage/value.ts';
import type { NamedEntry } from './entries.ts';
import type { PinnedObject, StoredObject } from './runtime.ts';

export interface Stored {
  readonly entries: readonly Entry[];
  /** Of the blocks that the entries lie in; the client holds each once, and releases it. */
  readonly offsets: readonly number[];
}

export class ClientObjects {
  readonly #host: ClientHost;
  /** By session: resolves when the newest of its objects has had its turn. Only while one waits for room. */
  readonly #waiting = new Map<string, Promise<void>>();
  #unnamed = 0;

  constructor(host: ClientHost) {
    this.#host = host;
  }

  /**
   * Encodes at once; what does not fit into messages may have to wait for room in the store. `isStable`: typed arrays are not changed
   * until they are released. Throws `NotEncodable`; rejects with `StoreFull`, `ObjectTooLarge`.
   */
  store(named: readonly NamedEntry[], isStable = false): Stored | Promise<Stored> {
    const { blocks } = this.#host;
    // All of them first: one that cannot be encoded must not leave the others' blocks behind.
    const encoded = named.map(({ value, bucket }, i) => encode(value, named.length === 1 ? 'value' : `${bucket}[${i}].value`));
    const keys = named.map(({ key }) => key ?? this.nextKey());
    const refs = encoded.map((one) => blocks.put(one, isStable) ?? blocks.putLater(one, isStable));
    const stored = (ready: readonly Ref[]): Stored => {
      const offsets = this.#placesOf(ready);
      blocks.seal(offsets);
      const entries = named.map(({ bucket, group }, i): Entry => ({ bucket, key: keys[i] as string, group, ref: ready[i] as Ref }));
      return { entries, offsets };
    };
    return refs.some((ref) => ref instanceof Promise) ? this.#allReady(refs).then(stored) : stored(refs as Ref[]);
  }

  /** For an object whose user has not named it. */
  nextKey(): string {
    return String(this.#unnamed++);
  }

  /** The same for one object of an open session, after those that were stored for it before: also when they had to wait for room. */
  storeInOrder(session: string, named: NamedEntry): Stored | Promise<Stored> {
    const storing = this.store([named]);
    const earlier = this.#waiting.get(session);
    if (!earlier && !(storing instanceof Promise)) return storing;
    const turn = Promise.allSettled([storing, earlier]).then(() => storing);
    const done: Promise<void> = turn.then(ignore, ignore).then(() => {
      if (this.#waiting.get(session) === done) this.#waiting.delete(session);
    });
    this.#waiting.set(session, done);
    return turn;
  }

  /** Where it lies, until it is released. */
  pinned({ key, group, ref }: Input): PinnedObject {
    const bytes = this.#host.bytesOf(ref);
    let isReleased = ref.offset < 0;
    const release = () => {
      if (!isReleased) this.#host.blocks.release([ref.offset]);
      isReleased = true;
    };
    return { key, group, bytes, value: decodeValue(ref.encoding, bytes), release };
  }

  /** In memory of its own; the object that was found is released. */
  copied(found: Input): StoredObject {
    const { key, group, bytes: lying, release } = this.pinned(found);
    const bytes = new Uint8Array(lying);
    release();
    return { key, group, bytes, value: decodeValue(found.ref.encoding, bytes) };
  }

  async #allReady(refs: readonly (Ref | Promise<Ref>)[]): Promise<Ref[]> {
    const settled = await Promise.allSettled(refs.map(async (ref) => ref));
    const ready = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failed = settled.find((one) => one.status === 'rejected');
    if (!failed) return ready;
    this.#host.blocks.release(this.#placesOf(ready));
    throw failed.reason;
  }

  #placesOf(refs: readonly Ref[]): number[] {
    return refs.map((ref) => this.#host.blocks.placeOf(ref)).filter((place) => place >= 0);
  }
}

function ignore(): void {}

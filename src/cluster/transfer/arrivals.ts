/**
 * What comes from other nodes, on its way to this one's actors: objects that are named in a message, and are still far away, are
 * brought here first.
 *
 *   T7  Messages about one session are handed on in the order in which they came: those behind one that waits for an object wait too.
 *       So does what is not about it, but must not come before it (`follows`).
 *   T8  A message whose objects cannot be brought here is handed on as `failed` says.
 */
import type { ErrorData } from '../../actors/protocol/error.ts';
import type { Message } from '../../actors/protocol/message.ts';
import type { Ref, RemotePlace } from '../../storage/object.ts';
import type { Envelope } from '../wire/codec.ts';
import { mapRefs, refsOf } from '../wire/refs.ts';
import { type ObjectFetcher, TransferFailed } from './object-fetcher.ts';

export interface ArrivalsOptions {
  /** This node's name: what lies here is not far away. */
  readonly node: string;
  readonly incarnation: number;
  readonly fetcher: Pick<ObjectFetcher, 'fetch'>;
  /** Whether what lay here still does: if not, it cannot be had. Without it, all does. */
  isHere?(place: RemotePlace, sizeBytes: number): boolean;
  /** Whether the message's objects have to be here; else it only tells of them. */
  needs(message: Message): boolean;
  /** It is not about the session of `earlier`, which waits for its objects, and must be handed on after it all the same. */
  follows?(message: Message, earlier: Message): boolean;
  /** They are for a session that is not open yet. */
  isIntake?(message: Message): boolean;
  /** Objects that were brought here for it, for which it is now responsible; in the order of its refs. */
  arrived(envelope: Envelope, brought: readonly Ref[]): readonly Envelope[];
  failed(envelope: Envelope, error: ErrorData): readonly Envelope[];
  /** It is here: where it lay nobody needs to hold it for this any more. */
  fetched?(ref: Ref): void;
  /** Of a message that was not handed on: nobody needs these. */
  discard(ref: Ref): void;
  deliver(envelopes: readonly Envelope[]): void;
  errorOf(error: unknown): ErrorData;
}

interface Held {
  readonly first: Message;
  readonly waiting: Envelope[];
}

export class Arrivals {
  readonly #options: ArrivalsOptions;
  /** By session: a message whose objects are on their way, and what waits behind it. */
  readonly #held = new Map<string, Held>();

  constructor(options: ArrivalsOptions) {
    this.#options = options;
  }

  /** Messages that wait for objects, or behind such. */
  get held(): number {
    let held = 0;
    for (const { waiting } of this.#held.values()) held += 1 + waiting.length;
    return held;
  }

  take(envelopes: readonly Envelope[]): void {
    const passing: Envelope[] = [];
    for (const arriving of envelopes) {
      const envelope = this.#localize(arriving);
      if (!this.#holds(envelope)) passing.push(envelope);
    }
    if (passing.length > 0) this.#options.deliver(passing);
  }

  #localize({ to, message }: Envelope): Envelope {
    const { node, incarnation } = this.#options;
    const local = (ref: Ref): Ref => {
      const { encoding, sizeBytes, remote } = ref;
      if (remote?.node !== node || remote.incarnation !== incarnation) return ref;
      if (!(this.#options.isHere?.(remote, sizeBytes) ?? true)) return ref;
      return { encoding, sizeBytes, inline: null, offset: remote.offset };
    };
    return { to, message: mapRefs(message, local) };
  }

  #holds(envelope: Envelope): boolean {
    const isAwaited = this.#options.needs(envelope.message) && refsOf(envelope.message).some(isRemote);
    if (this.#held.size === 0 && !isAwaited) return false;
    const session = sessionOf(envelope.message);
    const before = session === null ? this.#followed(envelope.message) : this.#held.get(session);
    if (before) {
      before.waiting.push(envelope);
      return true;
    }
    if (!isAwaited) return false;
    if (session !== null) this.#held.set(session, { first: envelope.message, waiting: [] });
    void this.#bring(envelope).then((ready) => (session === null ? this.#options.deliver(ready) : this.#goOn(session, ready)));
    return true;
  }

  #followed(message: Message): Held | undefined {
    const { follows } = this.#options;
    if (!follows) return undefined;
    return [...this.#held.values()].find((held) =>
      [held.first, ...held.waiting.map((one) => one.message)].some((m) => follows(message, m)),
    );
  }

  async #bring(envelope: Envelope): Promise<readonly Envelope[]> {
    const far = refsOf(envelope.message).filter(isRemote);
    const isNew = this.#options.isIntake?.(envelope.message) ?? false;
    const settled = await Promise.allSettled(far.map((ref) => this.#options.fetcher.fetch(ref, isNew)));
    for (const ref of far) this.#options.fetched?.(ref);
    const brought = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failure = settled.find((one) => one.status === 'rejected');
    if (failure) {
      for (const ref of brought) this.#options.discard(ref);
      const reason: unknown = failure.reason;
      return this.#options.failed(envelope, reason instanceof TransferFailed ? reason.data : this.#options.errorOf(reason));
    }
    let next = 0;
    const message = mapRefs(envelope.message, (ref) => (isRemote(ref) ? (brought[next++] as Ref) : ref));
    return this.#options.arrived({ to: envelope.to, message }, brought);
  }

  /** What waited may itself have to wait for objects. */
  #goOn(session: string, ready: readonly Envelope[]): void {
    const waiting = this.#held.get(session)?.waiting ?? [];
    this.#held.delete(session);
    this.#options.deliver(ready);
    this.take(waiting);
  }
}

function isRemote({ remote }: Ref): boolean {
  return remote !== undefined;
}

function sessionOf(message: Message): string | null {
  const { spec, session, summary } = message as { spec?: { id: string }; session?: string | number; summary?: { id: string } };
  if (typeof session === 'string') return session;
  return spec?.id ?? summary?.id ?? null;
}

/**
 * Sends objects that lie here to nodes that ask for them, in pieces.
 *
 *   T1  What is being sent is held until the peer has its last piece, or cannot get it any more: it is sent from where it lies.
 *   T2  At most `sendingMax` are under way to one node; others wait for their turn, `waitingMax` of them.
 *   T3  A peer that does not read holds up only what is for it.
 */
import type { Address } from '../../actors/actor.ts';
import { errorData, type ErrorData } from '../../actors/protocol/error.ts';
import type { TransferMessage } from '../../actors/protocol/transfer.ts';
import type { Outlet } from '../host.ts';

type Fetch = Extract<TransferMessage, { kind: 'fetchObject' }>;

/** Where objects lie. */
export interface ObjectSource {
  /** The bytes, which stay as they are until `release`; null if there is no such object, or another in its place. */
  hold(offset: number, sizeBytes: number, serial: number): Uint8Array | null;
  release(offset: number): void;
}

/** A way to another node. */
export interface Way extends Outlet {
  flush(): void;
  readonly isCongested: boolean;
  hasRoom(): Promise<void>;
  /** Resolves when the peer has all that was sent until now, or never will: nothing is read any more from where that lies. */
  settled(): Promise<void>;
}

export interface ObjectSenderOptions {
  /** This node's. */
  readonly incarnation: number;
  readonly source: ObjectSource;
  wayTo(address: Address): Way | null;
}

/** Small enough that other messages get in between (a millisecond), large enough that their number does not count. */
export const pieceBytes = 2 ** 20;
const sendingMax = 4;
const waitingMax = 10_000;

export class ObjectSender {
  readonly #options: ObjectSenderOptions;
  readonly #waiting = new Map<Way, Fetch[]>();
  readonly #sending = new Map<Way, number>();
  #holding = 0;
  readonly #releaseWaiters: (() => void)[] = [];

  constructor(options: ObjectSenderOptions) {
    this.#options = options;
  }

  /** How often objects are held, for peers that are there and for what may still leave for others. */
  get holding(): number {
    return this.#holding;
  }

  /** Resolves when nothing is held. */
  async released(): Promise<void> {
    if (this.#holding > 0) await new Promise<void>((resolve) => this.#releaseWaiters.push(resolve));
  }

  take(fetch: Fetch): void {
    const way = this.#options.wayTo(fetch.owner);
    if (!way) return;
    const waiting = this.#waiting.get(way) ?? [];
    if (waiting.length >= waitingMax) return refuse(way, fetch, tooMany(fetch));
    this.#waiting.set(way, waiting);
    waiting.push(fetch);
    this.#sendNext(way);
  }

  #sendNext(way: Way): void {
    const sending = this.#sending.get(way) ?? 0;
    const fetch = sending < sendingMax ? this.#waiting.get(way)?.shift() : undefined;
    if (!fetch) {
      if (sending === 0) {
        this.#waiting.delete(way);
        this.#sending.delete(way);
      }
      return;
    }
    this.#sending.set(way, sending + 1);
    void this.#send(way, fetch).finally(() => {
      this.#sending.set(way, (this.#sending.get(way) ?? 1) - 1);
      this.#sendNext(way);
    });
  }

  async #send(way: Way, fetch: Fetch): Promise<void> {
    const { offset, serial, sizeBytes, request, owner } = fetch;
    const { source, incarnation } = this.#options;
    if (fetch.incarnation !== incarnation) return refuse(way, fetch, former(fetch));
    const bytes = source.hold(offset, sizeBytes, serial);
    if (!bytes) return refuse(way, fetch, lost(fetch));
    this.#holding++;
    let isSent = false;
    try {
      for (let at = 0; at < sizeBytes; at += pieceBytes) {
        if (way.isCongested) await way.hasRoom();
        isSent = true;
        way.send(owner, { kind: 'objectPiece', request, at, bytes: bytes.subarray(at, Math.min(sizeBytes, at + pieceBytes)) });
        way.flush();
      }
    } catch {
      // The peer is gone, and does not wait any more.
    } finally {
      // Others need not wait for that.
      if (isSent) void way.settled().then(() => this.#release(offset));
      else this.#release(offset);
    }
  }

  #release(offset: number): void {
    this.#options.source.release(offset);
    if (--this.#holding === 0) for (const resolve of this.#releaseWaiters.splice(0)) resolve();
  }
}

function refuse(way: Way, { owner, request }: Fetch, error: ErrorData): void {
  way.send(owner, { kind: 'fetchRefused', request, error });
  way.flush();
}

function lost({ offset, sizeBytes }: Fetch): ErrorData {
  return errorData('InputsLost', `no object of ${sizeBytes} bytes lies at ${offset} any more`, { offset, sizeBytes });
}

function former({ offset, sizeBytes }: Fetch): ErrorData {
  const text = `an object of ${sizeBytes} bytes lay here before this node was started anew`;
  return errorData('InputsLost', text, { offset, sizeBytes });
}

function tooMany({ sizeBytes }: Fetch): ErrorData {
  return errorData('Overloaded', `${waitingMax} transfers to this node wait already`, { sizeBytes, retryAfterMs: 1_000 }, true);
}

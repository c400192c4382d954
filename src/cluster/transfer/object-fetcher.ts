/**
 * Brings objects that lie on other nodes here.
 *
 *   T4  One transfer per object at a time: whoever asks for it meanwhile waits for the same one, and holds the same bytes, as one more.
 *   T5  Every transfer ends: with its last piece, a refusal, its node's end, or when no piece has come for `silenceMs`.
 *   T6  What was allocated for a transfer that failed is given back.
 */
import type { Address } from '../../actors/actor.ts';
import { errorData, type ErrorData } from '../../actors/protocol/error.ts';
import type { Message } from '../../actors/protocol/message.ts';
import type { TransferMessage } from '../../actors/protocol/transfer.ts';
import type { Ref, RemotePlace } from '../../storage/object.ts';
import type { Timers } from '../../storage/timers.ts';
import { nodeOf } from '../routes.ts';

/** Where an object is put. */
export interface Landing {
  readonly bytes: Uint8Array;
  readonly inline: Uint8Array | null;
  readonly offset: number;
  /** It is whole, and held by so many. */
  seal(holders: number): void;
  discard(): void;
}

/** Outside of any store. */
export function inOwnMemory(sizeBytes: number): Landing {
  const bytes = new Uint8Array(sizeBytes);
  return { bytes, inline: bytes, offset: -1, seal: () => undefined, discard: () => undefined };
}

export interface ObjectFetcherOptions {
  /** Where pieces are to be sent: this service's address, as others know it. */
  readonly address: Address;
  readonly timers: Timers;
  readonly silenceMs: number;
  send(to: Address, message: Message): void;
  /** `isNew`: for a session that is not open yet. */
  allocate(sizeBytes: number, isNew: boolean): Promise<Landing>;
  /** So many bytes of a frame have been copied to where they land. */
  copied?(bytes: number): void;
}

/** What a fetch that failed is rejected with. */
export class TransferFailed extends Error {
  override readonly name = 'TransferFailed';
  readonly data: ErrorData;

  constructor(data: ErrorData) {
    super(data.message);
    this.data = data;
  }
}

interface Shared {
  readonly coming: Promise<Ref>;
  holders: number;
}

interface Transfer {
  readonly node: string;
  readonly sizeBytes: number;
  readonly landing: Landing;
  got: number;
  timer: unknown;
  done(): void;
  failed(error: ErrorData): void;
}

export class ObjectFetcher {
  readonly #options: ObjectFetcherOptions;
  readonly #transfers = new Map<number, Transfer>();
  /** By node, place and serial. */
  readonly #shared = new Map<string, Shared>();
  #nextRequest = 1;
  #closed: ErrorData | null = null;
  /** Since the start. */
  readonly totals = { objects: 0, bytes: 0 };

  constructor(options: ObjectFetcherOptions) {
    this.#options = options;
  }

  /** The same object, here, held once for whoever asked. Rejects with `TransferFailed`, or what `allocate` rejects with. */
  fetch(ref: Ref, isNew: boolean): Promise<Ref> {
    const { remote } = ref;
    if (!remote) throw new Error('bug: an object that is not far away was to be fetched');
    if (this.#closed) return Promise.reject(new TransferFailed(this.#closed));
    const { node } = remote;
    // What lies in this process is not fetched: it is gone, or a former one of its name had it.
    if (node === nodeOf(this.#options.address)) return Promise.reject(new TransferFailed(isNotHere(node)));
    const name = `${node} ${remote.incarnation} ${remote.offset} ${remote.serial}`;
    const shared = this.#shared.get(name);
    if (shared) {
      shared.holders++;
      return shared.coming;
    }
    // It is counted how many share it when nobody can any more.
    const landed = this.#land(ref, remote, isNew).finally(() => this.#shared.delete(name));
    const own: Shared = { holders: 1, coming: landed.then((landing) => this.#seal(ref, landing, own.holders)) };
    this.#shared.set(name, own);
    return own.coming;
  }

  async #land({ sizeBytes }: Ref, remote: RemotePlace, isNew: boolean): Promise<Landing> {
    const landing = await this.#options.allocate(sizeBytes, isNew);
    try {
      await this.#bring(remote, sizeBytes, landing);
    } catch (error) {
      landing.discard();
      throw error;
    }
    return landing;
  }

  #seal({ encoding, sizeBytes }: Ref, landing: Landing, holders: number): Ref {
    landing.seal(holders);
    this.totals.objects++;
    this.totals.bytes += sizeBytes;
    return { encoding, sizeBytes, inline: landing.inline, offset: landing.offset };
  }

  take(message: TransferMessage): void {
    if (message.kind === 'objectPiece') this.#takePiece(message);
    else if (message.kind === 'fetchRefused') this.#end(message.request)?.failed(message.error);
    else if (message.kind === 'nodeGone') this.nodeGone(message.node);
  }

  nodeGone(node: string): void {
    for (const [request, transfer] of this.#transfers) {
      if (transfer.node === node) this.#end(request)?.failed(nodeIsGone(node));
    }
  }

  /** Also what is asked for from now on, by what waited behind another object, is refused. */
  close(error: ErrorData): void {
    this.#closed = error;
    for (const request of [...this.#transfers.keys()]) this.#end(request)?.failed(error);
  }

  #bring({ node, incarnation, offset, serial }: RemotePlace, sizeBytes: number, landing: Landing): Promise<void> {
    if (sizeBytes === 0) return Promise.resolve();
    const request = this.#nextRequest++;
    const { address, send } = this.#options;
    return new Promise((resolve, reject) => {
      const failed = (error: ErrorData) => reject(new TransferFailed(error));
      this.#transfers.set(request, { node, sizeBytes, landing, got: 0, timer: this.#watch(request), done: resolve, failed });
      send(`objects@${node}`, { kind: 'fetchObject', owner: address, request, incarnation, offset, serial, sizeBytes });
    });
  }

  #takePiece({ request, at, bytes }: Extract<TransferMessage, { kind: 'objectPiece' }>): void {
    const transfer = this.#transfers.get(request);
    if (!transfer || at !== transfer.got || at + bytes.byteLength > transfer.sizeBytes) return;
    transfer.landing.bytes.set(bytes, at);
    transfer.got += bytes.byteLength;
    this.#options.copied?.(bytes.byteLength);
    if (transfer.got === transfer.sizeBytes) this.#end(request)?.done();
  }

  /** One timer for as long as it takes: it looks whether anything has come since it looked last. */
  #watch(request: number): unknown {
    let before = 0;
    const look = (): void => {
      const transfer = this.#transfers.get(request);
      if (!transfer) return;
      if (transfer.got > before) {
        before = transfer.got;
        transfer.timer = this.#options.timers.setTimeout(look, this.#options.silenceMs);
        return;
      }
      const { node, got, sizeBytes } = transfer;
      const text = `node ${node} sent ${got} of ${sizeBytes} bytes of an object, and then nothing for ${this.#options.silenceMs} ms`;
      this.#end(request)?.failed(errorData('InputsLost', text, { node }, true));
    };
    return this.#options.timers.setTimeout(look, this.#options.silenceMs);
  }

  #end(request: number): Transfer | undefined {
    const transfer = this.#transfers.get(request);
    if (!transfer) return undefined;
    this.#transfers.delete(request);
    this.#options.timers.clearTimeout(transfer.timer);
    return transfer;
  }
}

function isNotHere(node: string): ErrorData {
  return errorData('InputsLost', `the object, which lay on node ${node}, does not lie there any more`, { node });
}

function nodeIsGone(node: string): ErrorData {
  return errorData('InputsLost', `node ${node}, which had the object, is gone`, { node });
}

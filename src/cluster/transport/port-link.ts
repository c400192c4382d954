/**
 * A link between two threads of a process, over a message port: frames of envelopes, in order, none lost while both live.
 *
 *   L1  Envelopes arrive in the order of `send`; `flush` sends what is waiting as one frame.
 *   L2  A sender may run at most `windowEnvelopesMax` ahead of its peer (`isCongested`); whoever produces without end awaits
 *       `hasRoom`. Counting is in shared memory: the peer adds what it has handled.
 *   L3  A frame is copied, not handed over: after the first buffer that was handed over, V8 has all code of that thread, its user's too, check
 *       at each access to an array of bytes that it is still there.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import type { Address } from '../../actors/actor.ts';
import type { Message } from '../../actors/protocol/message.ts';
import type { Outlet } from '../host.ts';
import type { Envelope } from '../wire/codec.ts';
import { decodeThreadFrame, encodeThreadFrame } from '../wire/thread-frame.ts';

/** What a `MessagePort`, a `Worker` and a `parentPort` have in common. */
export type Port = Pick<MessagePort | Worker, 'postMessage'> & { on(event: 'message', listener: (frame: unknown) => void): unknown };

const frameEnvelopesMax = 256;
const windowEnvelopesMax = 16_384;
const aheadEnvelopesMax = 16;

export class PortLink implements Outlet {
  readonly #port: Port;
  /** Envelopes that the peer has handled (sent here), and that this side has (received there). */
  readonly #handledThere: Int32Array;
  readonly #handledHere: Int32Array;
  #sent = 0;
  #waiting: Envelope[] = [];

  /** `counters`: 8 bytes; each side calls the pair by the opposite names. */
  constructor(port: Port, counters: SharedArrayBuffer, side: 0 | 1) {
    this.#port = port;
    this.#handledThere = new Int32Array(counters, side * 4, 1);
    this.#handledHere = new Int32Array(counters, (1 - side) * 4, 1);
  }

  /** `other`: for what the port carries beside frames. */
  receive(take: (envelopes: readonly Envelope[]) => void, other?: (message: unknown) => void): void {
    this.#port.on('message', (frame) => {
      if (!(frame instanceof Uint8Array)) return other?.(frame);
      const envelopes = decodeThreadFrame(frame);
      take(envelopes);
      Atomics.add(this.#handledHere, 0, envelopes.length);
      Atomics.notify(this.#handledHere, 0);
    });
  }

  send(to: Address, message: Message): void {
    this.#waiting.push({ to, message });
    if (this.#waiting.length >= frameEnvelopesMax) this.flush();
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    const envelopes = this.#waiting;
    this.#waiting = [];
    this.#sent = (this.#sent + envelopes.length) | 0;
    const frame = encodeThreadFrame(envelopes);
    this.#port.postMessage(frame);
  }

  /** The peer has not come to what was sent before: a frame for each envelope would only keep it from that. */
  get isAhead(): boolean {
    return this.#ahead() > aheadEnvelopesMax;
  }

  get isCongested(): boolean {
    return this.#ahead() > windowEnvelopesMax;
  }

  /** Resolves when the peer has caught up half-way. Asked again each second at the latest, should a wake-up get lost. */
  async hasRoom(): Promise<void> {
    this.flush();
    while (this.#ahead() > windowEnvelopesMax / 2) {
      const wait = Atomics.waitAsync(this.#handledThere, 0, Atomics.load(this.#handledThere, 0), 1_000);
      await wait.value;
    }
  }

  #ahead(): number {
    return (this.#sent + this.#waiting.length - Atomics.load(this.#handledThere, 0)) | 0;
  }
}

export function createLinkCounters(): SharedArrayBuffer {
  return new SharedArrayBuffer(8);
}

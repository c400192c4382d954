/**
 * A link between two threads of a process: frames of envelopes through shared memory, a message port only to wake who sleeps.
 *
 * A reader looks at its ring for a while after the last frame (`link-poller.ts`): as long as frames come back to back nobody is
 * woken, which would cost 50 µs. Then it parks: it says so in shared memory, and the next writer rings.
 *
 *   L1  Envelopes arrive in the order of `send`; `flush` sends what is waiting as one frame.
 *   L2  A sender may run at most `windowEnvelopesMax` ahead of its peer (`isCongested`); whoever produces without end awaits
 *       `hasRoom`. Counting is in shared memory: the peer adds what it has handled.
 *   L3  A frame is never left lying: a reader parks before its last look at the ring, a writer looks at `parked` after writing.
 */
import type { Address } from '../../actors/actor.ts';
import type { Message } from '../../actors/protocol/message.ts';
import type { Outlet } from '../host.ts';
import { decodeFrame, encodeFrame, type Envelope } from '../wire/codec.ts';
import type { LinkPoller, PolledLink } from './link-poller.ts';
import { createRingBuffer, RingReader, RingWriter } from './ring.ts';

/** What a `MessagePort`, a `Worker` and a `parentPort` have in common. */
export interface Port {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** The memory of a link: a ring each way, and words that both sides look at. */
export interface LinkMemory {
  readonly rings: readonly [SharedArrayBuffer, SharedArrayBuffer];
  readonly words: SharedArrayBuffer;
}

const frameEnvelopesMax = 256;
const windowEnvelopesMax = 16_384;
/** More wait for the next turn of the event loop, so that timers get in. */
const framesPerLook = 64;
/** Words of a side, in its half of `words`. */
const parkedWord = 0;
const blockedWord = 1;
const handledWord = 2;
const pollingWord = 3;
const wordsPerSide = 16;
/** To the peer: there is a frame, or there is room. */
const ring = 0;

export function createLinkMemory(): LinkMemory {
  return { rings: [createRingBuffer(), createRingBuffer()], words: new SharedArrayBuffer(2 * wordsPerSide * 4) };
}

export class RingLink implements Outlet, PolledLink {
  readonly #port: Port;
  readonly #writer: RingWriter;
  readonly #reader: RingReader;
  readonly #here: Int32Array;
  readonly #there: Int32Array;
  readonly #poller: LinkPoller;
  #take: (envelopes: readonly Envelope[]) => void = () => undefined;
  #sent = 0;
  #waiting: Envelope[] = [];
  /** Frames that the ring had no room for; the first may be in it in part. */
  readonly #backlog: Uint8Array[] = [];

  /** Each side calls its half by the opposite number. */
  constructor(port: Port, { rings, words }: LinkMemory, side: 0 | 1, poller: LinkPoller) {
    this.#port = port;
    this.#writer = new RingWriter(rings[side]);
    this.#reader = new RingReader(rings[side === 0 ? 1 : 0]);
    this.#here = new Int32Array(words, side * wordsPerSide * 4, wordsPerSide);
    this.#there = new Int32Array(words, (1 - side) * wordsPerSide * 4, wordsPerSide);
    this.#poller = poller;
    Atomics.store(this.#here, parkedWord, 1);
  }

  /** `other`: for what the port carries beside. */
  receive(take: (envelopes: readonly Envelope[]) => void, other?: (message: unknown) => void): void {
    this.#take = take;
    this.#port.on('message', (message) => {
      if (message === ring) this.#poller.wake(this);
      else other?.(message);
    });
    this.#poller.wake(this);
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
    this.#backlog.push(encodeFrame(envelopes));
    this.#write();
  }

  get isCongested(): boolean {
    return this.#ahead() > windowEnvelopesMax;
  }

  /** Resolves when the peer has caught up half-way. Asked again each second at the latest, should a wake-up get lost. */
  async hasRoom(): Promise<void> {
    this.flush();
    while (this.#ahead() > windowEnvelopesMax / 2) {
      await Atomics.waitAsync(this.#there, handledWord, Atomics.load(this.#there, handledWord), 1_000).value;
    }
  }

  #write(): void {
    let wrote = false;
    while (this.#backlog.length > 0) {
      if (!this.#writer.write(this.#backlog[0] as Uint8Array)) {
        // Said before the last try, so that the reader either sees it or has made room for it.
        if (Atomics.exchange(this.#here, blockedWord, 1) === 1) break;
        continue;
      }
      Atomics.store(this.#here, blockedWord, 0);
      this.#backlog.shift();
      wrote = true;
    }
    if ((wrote || this.#backlog.length > 0) && Atomics.exchange(this.#there, parkedWord, 0) === 1) this.#ring();
  }

  #ring(): void {
    this.#port.postMessage(ring);
  }

  look(): boolean {
    Atomics.store(this.#here, parkedWord, 0);
    if (this.#backlog.length > 0) this.#write();
    let took = false;
    for (let frames = 0; frames < framesPerLook; frames++) {
      const frame = this.#reader.take();
      if (!frame) break;
      took = true;
      const envelopes = decodeFrame(frame);
      this.#take(envelopes);
      Atomics.add(this.#here, handledWord, envelopes.length);
      Atomics.notify(this.#here, handledWord);
    }
    if (took && Atomics.exchange(this.#there, blockedWord, 0) === 1) this.#ring();
    return took;
  }

  park(): boolean {
    Atomics.store(this.#here, parkedWord, 1);
    // A frame may have come between the last look and the word: whoever wrote it did not see that this side sleeps.
    return this.#reader.isEmpty || Atomics.exchange(this.#here, parkedWord, 0) === 0;
  }

  notePolling(isPolling: boolean): void {
    Atomics.store(this.#here, pollingWord, isPolling ? 1 : 0);
  }

  /** The peer's thread is gone: its place among the pollers is free, and nothing more comes. */
  bury(): void {
    this.#poller.forget(this);
    if (Atomics.exchange(this.#there, pollingWord, 0) === 1) this.#poller.freePlace();
  }

  #ahead(): number {
    return (this.#sent + this.#waiting.length - Atomics.load(this.#there, handledWord)) | 0;
  }
}

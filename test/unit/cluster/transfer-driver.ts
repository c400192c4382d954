/** Two nodes between which objects are brought: where they lie, where they land, and a way between that carries as much as the test lets it. */
import type { Address } from '../../../src/actors/actor.ts';
import { errorData } from '../../../src/actors/protocol/error.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import type { TransferMessage } from '../../../src/actors/protocol/transfer.ts';
import { type Landing, ObjectFetcher, TransferFailed } from '../../../src/cluster/transfer/object-fetcher.ts';
import { ObjectSender, type Way } from '../../../src/cluster/transfer/object-sender.ts';
import { decodeFrame, encodeFrame } from '../../../src/cluster/wire/codec.ts';
import type { Ref } from '../../../src/storage/object.ts';
import { ManualTimers } from '../storage/manual-timers.ts';

export const silenceMs = 1_000;

/** Takes `roomMax` messages at once; more only when it is let go on. */
export class TestWay implements Way {
  roomMax = Number.POSITIVE_INFINITY;
  isDead = false;
  /** What is under way when it dies may still be read, until `giveBack`. */
  isLending = false;
  flushed = 0;
  readonly #arrive: (message: TransferMessage) => void;
  readonly #frames: Uint8Array[] = [];
  #settling: (() => void)[] = [];
  #waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];

  constructor(arrive: (message: TransferMessage) => void) {
    this.#arrive = arrive;
  }

  get load(): number {
    return this.#frames.length;
  }

  get isCongested(): boolean {
    return this.isDead || this.load >= this.roomMax;
  }

  send(to: Address, message: Message): void {
    this.#frames.push(encodeFrame([{ to, message }]));
  }

  flush(): void {
    this.flushed++;
  }

  hasRoom(): Promise<void> {
    if (this.isDead) return Promise.reject(new Error('the peer is gone'));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  settled(): Promise<void> {
    const isOver = this.isDead ? !this.isLending : this.load === 0;
    return isOver ? Promise.resolve() : new Promise((resolve) => this.#settling.push(resolve));
  }

  /** So many messages arrive; then there may be room. */
  carry(count = Number.POSITIVE_INFINITY): void {
    for (const frame of this.#frames.splice(0, count))
      for (const { message } of decodeFrame(frame)) this.#arrive(message as TransferMessage);
    if (!this.isCongested) for (const { resolve } of this.#waiting.splice(0)) resolve();
    if (this.load === 0) for (const resolve of this.#settling.splice(0)) resolve();
  }

  die(): void {
    this.isDead = true;
    this.#frames.splice(0);
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('the peer is gone'));
    if (!this.isLending) this.giveBack();
  }

  giveBack(): void {
    for (const resolve of this.#settling.splice(0)) resolve();
  }
}

/** Objects by offset, overwritten when nobody holds them any more. Of those at one offset the first has the serial 1, the next 2. */
export class Source {
  readonly objects = new Map<number, Uint8Array>();
  readonly holds = new Map<number, number>();
  readonly serials = new Map<number, number>();

  /** Returns its serial. */
  put(offset: number, bytes: Uint8Array): number {
    const serial = (this.serials.get(offset) ?? 0) + 1;
    this.objects.set(offset, bytes.slice());
    this.holds.set(offset, 1);
    this.serials.set(offset, serial);
    return serial;
  }

  hold(offset: number, sizeBytes: number, serial: number): Uint8Array | null {
    const bytes = this.objects.get(offset);
    if (bytes?.byteLength !== sizeBytes || this.serials.get(offset) !== serial) return null;
    this.holds.set(offset, (this.holds.get(offset) ?? 0) + 1);
    return bytes;
  }

  release(offset: number): void {
    const left = (this.holds.get(offset) ?? 0) - 1;
    if (left < 0) throw new Error(`${offset} is let go of once too often`);
    this.holds.set(offset, left);
    if (left > 0) return;
    this.objects.get(offset)?.fill(0xdb);
    this.objects.delete(offset);
  }
}

export interface TestLanding extends Landing {
  readonly sizeBytes: number;
  readonly isNew: boolean;
  /** Of how many it is held; null: it is not whole. */
  holders: number | null;
  isDiscarded: boolean;
}

/** The node `w1` fetches from `w2`, and from whom the test likes. */
export class TransferDriver {
  readonly timers = new ManualTimers();
  readonly source = new Source();
  readonly landings: TestLanding[] = [];
  /** What was asked of nodes, in order. */
  readonly asked: { readonly to: Address; readonly message: Message }[] = [];
  readonly fetcher: ObjectFetcher;
  readonly sender: ObjectSender;
  readonly way: TestWay;
  /** Of nodes beside w1, by name. */
  readonly ways = new Map<string, TestWay>();
  /** Nothing is allocated until `allocate()`. */
  isFull = false;
  readonly #allocating: ((hasRoom: boolean) => void)[] = [];

  constructor() {
    const { timers } = this;
    this.way = new TestWay((message) => this.fetcher.take(message));
    this.ways.set('w1', this.way);
    this.sender = new ObjectSender({
      incarnation: 1,
      source: this.source,
      wayTo: (address) => this.ways.get(address.slice(address.indexOf('@') + 1)) ?? null,
    });
    this.fetcher = new ObjectFetcher({
      address: 'imports@w1',
      timers,
      silenceMs,
      send: (to, message) => this.#ask(to, message),
      allocate: (sizeBytes, isNew) => this.#allocate(sizeBytes, isNew),
    });
  }

  /** An object of w2 that has this many bytes. */
  put(offset: number, sizeBytes: number): Ref {
    const serial = this.source.put(offset, contentOf(offset, sizeBytes));
    return { encoding: 1, sizeBytes, inline: null, offset: -1, remote: { node: 'w2', incarnation: 1, offset, serial } };
  }

  /** What waits to be brought gets room, or is refused it. */
  allocate(hasRoom = true): void {
    this.isFull = false;
    for (const go of this.#allocating.splice(0)) go(hasRoom);
  }

  /** All that is under way arrives, and what that leads to. */
  async carry(): Promise<void> {
    for (let i = 0; i < 1_000; i++) {
      await turn();
      if (this.way.load === 0) return;
      this.way.carry();
    }
  }

  #ask(to: Address, message: Message): void {
    this.asked.push({ to, message });
    if (to === 'objects@w2' && message.kind === 'fetchObject') this.sender.take(message);
  }

  async #allocate(sizeBytes: number, isNew: boolean): Promise<Landing> {
    const hasRoom = !this.isFull || (await new Promise<boolean>((resolve) => this.#allocating.push(resolve)));
    if (!hasRoom) throw new TransferFailed(errorData('StoreFull', 'there is no room'));
    const number = this.landings.length;
    const landing: TestLanding = {
      sizeBytes,
      isNew,
      bytes: new Uint8Array(sizeBytes),
      inline: null,
      offset: number * 64,
      holders: null,
      isDiscarded: false,
      seal: (holders) => {
        landing.holders = holders;
      },
      discard: () => {
        landing.isDiscarded = true;
      },
    };
    this.landings.push(landing);
    return landing;
  }
}

export function contentOf(offset: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  const period = 256;
  for (let i = 0; i < Math.min(sizeBytes, period); i++) bytes[i] = i * 7 + offset;
  for (let filled = period; filled < sizeBytes; filled *= 2) bytes.copyWithin(filled, 0, filled);
  return bytes;
}

/** What is to happen at once has happened. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

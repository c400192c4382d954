/**
 * The way out to one incarnation of a peer: envelopes become frames, a `Link` numbers and keeps them, a connection carries its packets.
 *
 *     send ─► waiting ─ flush ─► frame ─► Link ─► packet ─► connection          connection ─► packet ─► Link ─► frame ─► received
 *
 *   P1  Envelopes arrive once and in the order of `send`, as long as both processes live and hear of each other again in time.
 *   P2  Nothing grows without bound: who is not acknowledged is congested at first, and given up (`overflowed`) when it is too much.
 *   P3  `send` never throws. After `end` it drops, and counts what it drops.
 *   P4  The bytes of an `objectPiece` are not copied: they stay as they are until `settled` says that the peer has them, or never will. After
 *       `end` that is when ZeroMQ has let go of those that were under way: until then it may still send them, and the peer take them.
 *   P5  While as many frames are held as may be under way, envelopes wait together for the next one.
 *   P6  What nobody waits for leaves with what somebody does, or after `unhurriedMs`: a frame costs both ends more than what is in it.
 */
import type { Address } from '../../../actors/actor.ts';
import { errorData, type ErrorData } from '../../../actors/protocol/error.ts';
import type { Message } from '../../../actors/protocol/message.ts';
import type { Outlet } from '../../host.ts';
import { Link, type LinkDecision } from '../../link/link.ts';
import type { Packet } from '../../link/packet.ts';
import type { LogLine } from '../../log.ts';
import { decodeFrame, decodePiece, type Envelope, encodeFrame, encodePiece } from '../../wire/codec.ts';
import { Alarm } from './alarm.ts';
import { createCounters, type MeshCounters } from './counters.ts';
import { type Frame, headerBytes, type Parts, writePacket } from './datagram.ts';
import { whenReturned } from './lent.ts';
import type { MeshLimits } from './limits.ts';
import { TransportError } from './transport-error.ts';

/** What a link needs of a `Connection`. */
export interface Way {
  transmit(parts: Parts): void;
  readonly isBlocked: boolean;
}

export interface PeerLinkOptions {
  readonly peer: string;
  /** Of this link, not of the process: positive, and greater than that of any link to the same peer before. */
  readonly number: number;
  readonly limits: MeshLimits;
  /** Of the whole mesh. */
  readonly totals: MeshCounters;
  readonly log: LogLine;
  received(envelopes: readonly Envelope[]): void;
  /** Something waits to be flushed, where nothing did. */
  waiting(): void;
  /** The peer has begun anew: it was away for longer than it remembers, or has given this end up. What is received comes after this. */
  peerChanged(framesLost: number): void;
  /** More waits for the peer than may be, or something that can never be sent. */
  overflowed(error: ErrorData): void;
}

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/** Acknowledged at once when so much has come: the sender may be waiting for it. Of the frames a part of those under way. */
const unacknowledgedBytesMax = 2 ** 20;
const unacknowledgedFramesPart = 4;
/** A host keeps what lay there for a session for so much longer. */
const unhurried: ReadonlySet<Message['kind']> = new Set(['checkOut'] as const);
const unhurriedMs = 5;
const never = Number.POSITIVE_INFINITY;

export class PeerLink implements Outlet {
  readonly counters = createCounters();
  readonly #options: PeerLinkOptions;
  #link: Link<Frame>;
  readonly #alarm = new Alarm((nowMs) => this.#wake(nowMs));
  #way: Way | null = null;
  #waiting: Envelope[] = [];
  #waitingBytes = 0;
  /** Whether somebody waits for some of what waits. */
  #isHurried = false;
  #leaveAtMs = never;
  /** The lengths of the frames that the link holds, from `#oldest` on, the oldest first. */
  #lengths: number[] = [];
  #oldest = 0;
  #bytesHeld = 0;
  #isCongested = false;
  #resendAtMs = never;
  #acknowledgeAtMs = never;
  #unacknowledgedFrames = 0;
  #unacknowledgedBytes = 0;
  readonly #roomWaiters: Waiter[] = [];
  readonly #drainWaiters: (() => void)[] = [];
  /** Frames that the link was given, and who waits until it has let go of so many; the oldest first. */
  #given = 0;
  readonly #settleWaiters: { readonly given: number; readonly resolve: () => void }[] = [];
  /** Why nobody answers; null while somebody does. */
  #down: ErrorData | null = null;
  #hasEnded = false;
  /** After the end: ZeroMQ has let go of what was under way. */
  #returned: Promise<void> = Promise.resolve();

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    this.#link = createLink(options);
  }

  /** More than is good waits for the peer, or it is no more: whoever produces without end awaits `hasRoom`. */
  get isCongested(): boolean {
    return this.#isCongested || this.#hasEnded;
  }

  /** What is held for the peer. */
  get load(): { readonly envelopes: number; readonly frames: number; readonly bytes: number } {
    return { envelopes: this.#waiting.length, frames: this.#link.load.held, bytes: this.#bytesHeld };
  }

  send(to: Address, message: Message): void {
    if (this.#hasEnded) return this.#lose(0, 1);
    if (message.kind === 'objectPiece') {
      this.#leave();
      return this.#leaveAs([{ to, message }]);
    }
    if (unhurried.has(message.kind)) {
      if (this.#waiting.length === 0) this.#setTimer('leave', performance.now() + unhurriedMs);
    } else if (!this.#isHurried) {
      this.#isHurried = true;
      this.#options.waiting();
    }
    this.#waiting.push({ to, message });
    this.#waitingBytes += inlineBytes(message);
    const { envelopesPerFrameMax, frameBytesTarget } = this.#options.limits;
    if (this.#waiting.length >= envelopesPerFrameMax || this.#waitingBytes >= frameBytesTarget) this.#leave();
  }

  flush(): void {
    if (!this.#isHurried) return;
    if (this.#link.load.held < this.#options.limits.framesUnderWayMax) this.#leave();
  }

  /**
   * Resolves when half of what made the link congested is gone. Rejects with a TransportError if the peer is down, or as soon as it is:
   * which is `peerTimeoutMs` after it has stopped to answer.
   */
  async hasRoom(): Promise<void> {
    if (this.#hasEnded || this.#down !== null) throw new TransportError(this.#down ?? ended(this.#options.peer));
    this.flush();
    if (!this.#isCongested) return;
    await new Promise<void>((resolve, reject) => this.#roomWaiters.push({ resolve, reject }));
  }

  /** Acknowledges what has come. Resolves when all that was sent is acknowledged, or never will be. The caller has the time-out. */
  async drained(): Promise<void> {
    this.#leave();
    this.#perform(this.#link.timerReached('acknowledge'));
    if (this.#hasEnded || this.#link.load.held === 0) return;
    await new Promise<void>((resolve) => this.#drainWaiters.push(resolve));
  }

  /** Resolves when the peer has all that has left until now, or never will (P4). After `end` it can take until V8 collects garbage. */
  async settled(): Promise<void> {
    if (this.#hasEnded) return this.#returned;
    const given = this.#given;
    if (given <= this.#given - this.#link.load.held) return;
    await new Promise<void>((resolve) => this.#settleWaiters.push({ given, resolve }));
  }

  /** The connection to send on; null: there is none. What was sent on a former one may not have arrived, and goes again. */
  use(way: Way | null): void {
    this.#way = way;
    if (way === null || this.#hasEnded) return;
    this.#down = null;
    this.#perform(this.#link.resume());
    this.flush();
  }

  /** The peer does not answer. What is held stays, for when it does. */
  pause(error: ErrorData): void {
    this.#down = error;
    for (const { reject } of this.#roomWaiters.splice(0)) reject(new TransportError(error));
  }

  /** The peer is no more. */
  end(error: ErrorData): void {
    if (this.#hasEnded) return;
    this.pause(error);
    this.#hasEnded = true;
    this.#way = null;
    this.#alarm.stop();
    this.#lose(this.#link.load.held, this.#waiting.length);
    this.#returned = whenReturned(lentBy(this.#link));
    // Whoever keeps this outlet does not keep what it held.
    this.#link = createLink(this.#options);
    this.#waiting = [];
    this.#lengths = [];
    this.#oldest = 0;
    this.#bytesHeld = 0;
    for (const resolve of this.#drainWaiters.splice(0)) resolve();
    for (const { resolve } of this.#settleWaiters.splice(0)) void this.#returned.then(resolve);
  }

  take(packet: Packet<Frame>, sizeBytes: number): void {
    if (this.#hasEnded) return;
    if (packet.frame !== null) {
      this.#count('framesReceived', 1);
      this.#count('bytesReceived', sizeBytes);
      this.#unacknowledgedFrames++;
      this.#unacknowledgedBytes += sizeBytes;
    }
    this.#perform(this.#link.receive(packet));
    const framesMax = this.#options.limits.framesUnderWayMax / unacknowledgedFramesPart;
    if (this.#unacknowledgedFrames >= framesMax || this.#unacknowledgedBytes >= unacknowledgedBytesMax) {
      this.#perform(this.#link.timerReached('acknowledge'));
    }
    this.flush();
  }

  /** All that waits, in as many frames as it takes. */
  #leave(): void {
    if (this.#waiting.length === 0 || this.#hasEnded) return;
    const envelopes = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#isHurried = false;
    this.#leaveAtMs = never;
    this.#leaveAs(envelopes);
  }

  #leaveAs(envelopes: readonly Envelope[]): void {
    if (this.#hasEnded) return this.#lose(0, envelopes.length);
    const { limits, peer, overflowed } = this.#options;
    const frame = this.#encode(envelopes);
    if (frame === null) return;
    if (frame.byteLength > limits.frameBytesMax) {
      if (envelopes.length === 1) return overflowed(tooLarge(peer, envelopes[0] as Envelope, frame.byteLength, limits));
      const half = envelopes.length >> 1;
      this.#leaveAs(envelopes.slice(0, half));
      return this.#leaveAs(envelopes.slice(half));
    }
    const { held } = this.#link.load;
    if (held >= limits.framesHeldMax || this.#bytesHeld + frame.byteLength > limits.bytesHeldMax) {
      this.#lose(1, envelopes.length);
      return overflowed(tooMuch(peer, held, this.#bytesHeld, limits));
    }
    this.#count('envelopesSent', envelopes.length);
    this.#lengths.push(frame.byteLength);
    this.#bytesHeld += frame.byteLength;
    this.#given++;
    this.#perform(this.#link.send(frame));
  }

  /** Null: none of them can be encoded. One that cannot is a bug of whoever sent it, and does not take others with it. */
  #encode(envelopes: readonly Envelope[]): Frame | null {
    try {
      const [first] = envelopes;
      // A view of its own: nobody else keeps it longer than ZeroMQ does.
      if (envelopes.length === 1 && first?.message.kind === 'objectPiece') return encodePiece(first, first.message.bytes.subarray());
      return encodeFrame(envelopes);
    } catch (error) {
      if (envelopes.length > 1) {
        for (const envelope of envelopes) this.#leaveAs([envelope]);
        return null;
      }
      const [{ to, message }] = envelopes as [Envelope];
      this.#options.log('error', 'a message that cannot be encoded was not sent', { to, kind: message.kind, error: String(error) });
      this.#lose(0, 1);
      return null;
    }
  }

  /** Frames are handed on last: what they lead to may be sent here. */
  #perform(decisions: readonly LinkDecision<Frame>[]): void {
    const frames: Frame[] = [];
    let nowMs = 0;
    let changed = -1;
    for (const decision of decisions) {
      if (decision.kind === 'transmit') this.#transmit(decision.packet);
      else if (decision.kind === 'deliver') frames.push(decision.frame);
      else if (decision.kind === 'startTimer') {
        nowMs ||= performance.now();
        this.#setTimer(decision.timer, nowMs + decision.afterMs);
      } else if (decision.kind === 'stopTimer') this.#setTimer(decision.timer, never);
      else if (decision.kind === 'peerChanged') changed = decision.lost.length;
    }
    this.#settle();
    if (changed >= 0) {
      this.#lose(changed, 0);
      this.#options.peerChanged(changed);
    }
    for (const frame of frames) if (!this.#hasEnded) this.#deliver(frame);
  }

  #transmit(packet: Packet<Frame>): void {
    this.#unacknowledgedFrames = 0;
    this.#unacknowledgedBytes = 0;
    if (this.#way === null) {
      this.#options.totals.dropped++;
      return;
    }
    if (packet.frame !== null) {
      this.#count('framesSent', 1);
      this.#count('bytesSent', packet.frame.byteLength + headerBytes);
    }
    this.#way.transmit(writePacket(packet));
  }

  #deliver(frame: Frame): void {
    let envelopes: readonly Envelope[];
    try {
      envelopes = 'head' in frame ? decodePiece(frame) : decodeFrame(frame);
    } catch (error) {
      this.#count('malformed', 1);
      const { malformed } = this.counters;
      // The first, the second, the fourth, …: whoever sends such fills no log.
      if ((malformed & (malformed - 1)) !== 0) return;
      this.#options.log('warn', 'a frame that cannot be read was dropped', { peer: this.#options.peer, malformed, error: String(error) });
      return;
    }
    this.#count('envelopesReceived', envelopes.length);
    this.#options.received(envelopes);
  }

  /** What the link holds has become more or less. */
  #settle(): void {
    const { held } = this.#link.load;
    while (this.#lengths.length - this.#oldest > held) this.#bytesHeld -= this.#lengths[this.#oldest++] as number;
    if (this.#oldest > 1_024) this.#lengths = this.#lengths.slice(this.#oldest);
    if (this.#oldest > 1_024) this.#oldest = 0;
    while (this.#settleWaiters[0] && this.#settleWaiters[0].given <= this.#given - held) this.#settleWaiters.shift()?.resolve();
    const { bytesCongested } = this.#options.limits;
    this.#isCongested = this.#link.isCongested || this.#bytesHeld > (this.#isCongested ? bytesCongested / 2 : bytesCongested);
    if (!this.#isCongested) for (const { resolve } of this.#roomWaiters.splice(0)) resolve();
    if (held === 0 && this.#waiting.length === 0) for (const resolve of this.#drainWaiters.splice(0)) resolve();
  }

  #setTimer(timer: 'resend' | 'acknowledge' | 'leave', atMs: number): void {
    if (timer === 'resend') this.#resendAtMs = atMs;
    else if (timer === 'acknowledge') this.#acknowledgeAtMs = atMs;
    else this.#leaveAtMs = atMs;
    if (!this.#hasEnded) this.#alarm.set(atMs);
  }

  #wake(nowMs: number): void {
    if (this.#leaveAtMs <= nowMs) {
      this.#leaveAtMs = never;
      this.#isHurried = true;
      this.flush();
    }
    if (this.#acknowledgeAtMs <= nowMs) {
      this.#acknowledgeAtMs = never;
      this.#perform(this.#link.timerReached('acknowledge'));
    }
    if (this.#resendAtMs <= nowMs) {
      // While nothing can leave, nothing is sent again. A new connection does it at once.
      if (this.#way === null) this.#resendAtMs = never;
      else if (this.#way.isBlocked) this.#resendAtMs = nowMs + this.#options.limits.resendMsMin;
      else this.#perform(this.#link.timerReached('resend'));
    }
    if (!this.#hasEnded) this.#alarm.set(Math.min(this.#acknowledgeAtMs, this.#resendAtMs, this.#leaveAtMs));
  }

  #lose(frames: number, envelopes: number): void {
    this.#count('framesLost', frames);
    this.#count('envelopesLost', envelopes);
  }

  #count(name: keyof MeshCounters, by: number): void {
    this.counters[name] += by;
    this.#options.totals[name] += by;
  }
}

function createLink({ number, limits }: PeerLinkOptions): Link<Frame> {
  const { framesUnderWayMax, framesHeldMax, resendMsMin, resendMsMax, acknowledgeMsMax } = limits;
  const linkLimits = { windowFramesMax: framesUnderWayMax, framesMax: framesHeldMax, resendMsMin, resendMsMax, acknowledgeMsMax };
  return new Link<Frame>(number, linkLimits, Math.random);
}

/** What ZeroMQ may still send that is not memory of its frame. What it was never given is not among it. */
function lentBy(link: Link<Frame>): readonly Uint8Array[] {
  return link.framesUnderWay.flatMap((frame) => ('head' in frame ? [frame.bytes] : []));
}

/** The bytes that make a message large, if it is. What else it has counts little. */
function inlineBytes(message: Message): number {
  const { ref, bundle } = message as { ref?: { inline: Uint8Array | null } | null; bundle?: { code?: unknown } | null };
  const code = bundle?.code;
  return (ref?.inline?.byteLength ?? 0) + (typeof code === 'string' ? code.length : 0);
}

function ended(peer: string): ErrorData {
  return errorData('PeerUnreachable', `${peer} is gone`, { address: peer }, true);
}

function tooLarge(peer: string, { message }: Envelope, sizeBytes: number, { frameBytesMax }: MeshLimits): ErrorData {
  const text = `a message to ${peer} (${message.kind}) has ${sizeBytes} bytes, and one has at most ${frameBytesMax} (frameBytesMax)`;
  return errorData('PeerUnreachable', text, { address: peer, sizeBytes, frameBytesMax });
}

function tooMuch(peer: string, frames: number, bytes: number, { framesHeldMax, bytesHeldMax }: MeshLimits): ErrorData {
  const held = `${frames} frames of ${bytes} bytes wait for ${peer}, which does not take them`;
  const text = `${held}: at most ${framesHeldMax} frames (framesHeldMax) and ${bytesHeldMax} bytes (bytesHeldMax) are held`;
  return errorData('PeerUnreachable', text, { address: peer, frames, bytes }, true);
}

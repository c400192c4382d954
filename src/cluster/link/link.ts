/**
 * A reliable link between two hosts, over anything that may lose, double, delay and reorder packets.
 *
 * Between a host's outlets and the network (`transport/`). No I/O and no clock: what happens goes in by the methods, and what is
 * to be done comes out as decisions, to be carried out in their order. Inside a process nothing is lost, and no link is used.
 *
 *     send ─► waiting ─► under way ──packet──► early ─► deliver
 *                           └──◄── received, on every packet ──┘
 *
 *   L1  Each frame is delivered at most once, to the incarnation of the peer that it was numbered for, in the order of `send`.
 *   L2  A frame is sent again, at growing intervals, until it is acknowledged or its peer is no more.
 *   L3  A frame leaves only when the peer's incarnation is known; until then the link says who it is, and asks.
 *   L4  A packet from or for a former incarnation of either side delivers nothing and acknowledges nothing.
 *   L5  When the peer is another one, what was under way is handed back (`peerChanged`), never sent to the new one.
 *   L6  Nothing grows without bound: `windowFramesMax` under way and early, `framesMax` held.
 *   L7  A timer runs exactly while it is needed: `resend` while something is unacknowledged or the peer unknown to a link that has
 *       something to say; `acknowledge` while the peer does not know what has come.
 */
import type { Packet } from './packet.ts';
import { Receiver } from './receiver.ts';
import { Sender, type SenderLimits } from './sender.ts';

export interface LinkLimits extends SenderLimits {
  /** Until the first resending; doubled with each that brings no acknowledgement, up to `resendMsMax`. */
  readonly resendMsMin: number;
  readonly resendMsMax: number;
  /** An acknowledgement waits so long for a frame to travel with. */
  readonly acknowledgeMsMax: number;
}

export const linkLimitsDefault: LinkLimits = {
  windowFramesMax: 256,
  framesMax: 4_096,
  resendMsMin: 200,
  resendMsMax: 5_000,
  acknowledgeMsMax: 20,
};

export type LinkTimer = 'resend' | 'acknowledge';

export type LinkDecision<F = Uint8Array> =
  | { readonly kind: 'transmit'; readonly packet: Packet<F> }
  | { readonly kind: 'deliver'; readonly frame: F }
  /** Call `timerReached(timer)` after so long. One that runs is moved. */
  | { readonly kind: 'startTimer'; readonly timer: LinkTimer; readonly afterMs: number }
  | { readonly kind: 'stopTimer'; readonly timer: LinkTimer }
  /** After `isCongested`: there is room again. */
  | { readonly kind: 'relieved' }
  /** The peer has restarted. `lost`: frames that its former self may or may not have handled. */
  | { readonly kind: 'peerChanged'; readonly lost: readonly F[] };

/** So many of the oldest frames are sent again at once: the first gap is the one that holds up the others. */
const resentFramesMax = 8;

export class Link<F = Uint8Array> {
  readonly incarnation: number;
  readonly #limits: LinkLimits;
  readonly #random: () => number;
  readonly #sender: Sender<F>;
  readonly #receiver: Receiver<F>;
  /** The peer's incarnation; 0: unknown. */
  #peer = 0;
  #resends = 0;
  #owesAcknowledgement = false;
  #isCongested = false;
  #decisions: LinkDecision<F>[] = [];

  /** `incarnation`: positive, and greater than any before it of the same host: its start in milliseconds. `random`: spreads resendings. */
  constructor(incarnation: number, limits: LinkLimits, random: () => number) {
    this.incarnation = incarnation;
    this.#limits = limits;
    this.#random = random;
    this.#sender = new Sender<F>(limits);
    this.#receiver = new Receiver<F>(limits.windowFramesMax);
  }

  /** Half of `framesMax` is held: whoever can wait, waits for `relieved`. Beyond `framesMax`, `send` throws. */
  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** Frames that are held, under way, and early. */
  get load(): { readonly held: number; readonly underWay: number; readonly early: number } {
    return { held: this.#sender.held, underWay: this.#sender.underWay, early: this.#receiver.early };
  }

  /** Those that have left and are not acknowledged, the oldest first. */
  get framesUnderWay(): readonly F[] {
    return this.#sender.oldest(this.#limits.windowFramesMax).map(({ frame }) => frame);
  }

  /** How often the oldest frame has been sent again in vain. For a transport that gives up on a peer. */
  get resends(): number {
    return this.#resends;
  }

  send(frame: F): readonly LinkDecision<F>[] {
    this.#sender.add(frame);
    if (this.#sender.held * 2 >= this.#limits.framesMax) this.#isCongested = true;
    const wasIdle = this.#sender.held === 1;
    if (this.#peer !== 0) this.#transmitLeaving();
    else if (wasIdle) this.#transmitNothing();
    if (wasIdle) this.#startResend();
    return this.#take();
  }

  receive(packet: Packet<F>): readonly LinkDecision<F>[] {
    const { from, to } = packet;
    if (from < this.#peer) return [];
    if (from > this.#peer) this.#meet(from);
    if (to !== this.incarnation) {
      // It does not know us, or knew who we were.
      this.#transmitNothing();
      return this.#take();
    }
    this.#acknowledged(packet.received);
    if (packet.frame !== null) this.#accept(packet.sequence, packet.frame);
    this.#transmitLeaving();
    return this.#take();
  }

  /** The way to the peer is a new one: all that was under way on the former may be lost, and goes again at once. */
  resume(): readonly LinkDecision<F>[] {
    if (this.#sender.held === 0) return [];
    if (this.#peer === 0) this.#transmitNothing();
    for (const { sequence, frame } of this.#sender.oldest(this.#limits.windowFramesMax)) this.#transmit(sequence, frame);
    this.#startResend();
    return this.#take();
  }

  timerReached(timer: LinkTimer): readonly LinkDecision<F>[] {
    if (timer === 'acknowledge') {
      if (this.#owesAcknowledgement) this.#transmitNothing();
      return this.#take();
    }
    if (this.#sender.held === 0) return [];
    this.#resends++;
    if (this.#peer === 0) this.#transmitNothing();
    for (const { sequence, frame } of this.#sender.oldest(resentFramesMax)) this.#transmit(sequence, frame);
    this.#startResend();
    return this.#take();
  }

  #meet(peer: number): void {
    const isOther = this.#peer !== 0;
    this.#peer = peer;
    this.#resends = 0;
    if (isOther) {
      this.#receiver.restart();
      this.#decisions.push({ kind: 'peerChanged', lost: this.#sender.restart() });
      this.#settleSender();
    }
    this.#transmitLeaving();
  }

  #acknowledged(received: number): void {
    const count = this.#sender.acknowledge(received);
    if (count <= 0) return;
    this.#resends = 0;
    this.#settleSender();
  }

  /** What is held has become less. */
  #settleSender(): void {
    if (this.#sender.held === 0) this.#decisions.push({ kind: 'stopTimer', timer: 'resend' });
    else this.#startResend();
    if (!this.#isCongested || this.#sender.held * 4 > this.#limits.framesMax) return;
    this.#isCongested = false;
    this.#decisions.push({ kind: 'relieved' });
  }

  /** Also a frame that has passed before is acknowledged again: the first acknowledgement may be lost. */
  #accept(sequence: number, frame: F): void {
    for (const passing of this.#receiver.take(sequence, frame)) this.#decisions.push({ kind: 'deliver', frame: passing });
    if (this.#owesAcknowledgement) return;
    this.#owesAcknowledgement = true;
    this.#decisions.push({ kind: 'startTimer', timer: 'acknowledge', afterMs: this.#limits.acknowledgeMsMax });
  }

  #transmitLeaving(): void {
    for (const { sequence, frame } of this.#sender.takeLeaving()) this.#transmit(sequence, frame);
  }

  #transmitNothing(): void {
    this.#transmit(0, null);
  }

  #transmit(sequence: number, frame: F | null): void {
    const packet = { from: this.incarnation, to: this.#peer, received: this.#receiver.received, sequence, frame };
    this.#decisions.push({ kind: 'transmit', packet });
    if (!this.#owesAcknowledgement) return;
    this.#owesAcknowledgement = false;
    this.#decisions.push({ kind: 'stopTimer', timer: 'acknowledge' });
  }

  #startResend(): void {
    const { resendMsMin, resendMsMax } = this.#limits;
    const afterMs = Math.min(resendMsMax, resendMsMin * 2 ** this.#resends) * (1 + this.#random() / 4);
    this.#decisions.push({ kind: 'startTimer', timer: 'resend', afterMs });
  }

  #take(): readonly LinkDecision<F>[] {
    const decisions = this.#decisions;
    this.#decisions = [];
    return decisions;
  }
}

/**
 * The network between two simulated hosts: packets are late, lost, doubled, reordered; a reliable link at each end makes up for it.
 *
 * Every envelope is encoded and decoded on its way.
 */
import { Link, type LinkDecision, type LinkLimits, type LinkTimer, linkLimitsDefault } from '../../src/cluster/link/link.ts';
import type { Packet } from '../../src/cluster/link/packet.ts';
import type { Outlet } from '../../src/cluster/host.ts';
import type { Message } from '../../src/actors/protocol/message.ts';
import { decodeFrame, encodeFrame, type Envelope } from '../../src/cluster/wire/codec.ts';
import type { Clock } from './clock.ts';
import type { Faults } from './faults.ts';
import type { Random } from './random.ts';

const frameEnvelopesMax = 256;

export interface NetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly faults: () => Faults;
  readonly limits?: Partial<LinkLimits>;
  /** After it was congested there is room again. */
  relieved?(): void;
}

/** One host's end. */
export class NetworkEnd implements Outlet {
  readonly link: Link;
  readonly timers: ReturnType<Clock['timers']>;
  readonly #options: NetworkOptions;
  readonly #running = new Map<LinkTimer, unknown>();
  #peer: NetworkEnd | null = null;
  #receive: (envelopes: readonly Envelope[]) => void = () => {};
  #waiting: Envelope[] = [];
  #arrived: Envelope[] = [];

  constructor(incarnation: number, options: NetworkOptions) {
    this.#options = options;
    this.timers = options.clock.timers();
    this.link = new Link(incarnation, { ...linkLimitsDefault, ...options.limits }, () => options.random.next());
  }

  connect(peer: NetworkEnd, receive: (envelopes: readonly Envelope[]) => void): void {
    this.#peer = peer;
    this.#receive = receive;
  }

  send(to: string, message: Message): void {
    this.#waiting.push({ to, message });
  }

  /** What waits while the link is congested leaves in full frames when it is relieved. */
  flush(): void {
    while (this.#waiting.length > 0 && !this.link.isCongested) {
      this.#perform(this.link.send(encodeFrame(this.#waiting.splice(0, frameEnvelopesMax))));
    }
  }

  #take(packet: Packet): void {
    this.#perform(this.link.receive(packet));
  }

  #perform(decisions: readonly LinkDecision[]): void {
    for (const decision of decisions) this.#performOne(decision);
    const envelopes = this.#arrived;
    this.#arrived = [];
    if (envelopes.length > 0) this.#receive(envelopes);
  }

  #performOne(decision: LinkDecision): void {
    switch (decision.kind) {
      case 'transmit':
        return this.#transmit(decision.packet);
      case 'deliver':
        this.#arrived.push(...decodeFrame(decision.frame));
        return;
      case 'startTimer': {
        const { timer, afterMs } = decision;
        this.#stopTimer(timer);
        const running = this.timers.setTimeout(() => {
          this.#running.delete(timer);
          this.#perform(this.link.timerReached(timer));
        }, afterMs);
        this.#running.set(timer, running);
        return;
      }
      case 'stopTimer':
        return this.#stopTimer(decision.timer);
      case 'relieved':
        this.flush();
        return this.#options.relieved?.();
      case 'peerChanged':
        throw new Error('bug: no simulated host restarts');
    }
  }

  #stopTimer(timer: LinkTimer): void {
    const running = this.#running.get(timer);
    if (running !== undefined) this.timers.clearTimeout(running);
    this.#running.delete(timer);
  }

  #transmit(packet: Packet): void {
    const { random, clock } = this.#options;
    const { lossShare, duplicateShare, delayMsMin, delayMsMean } = this.#options.faults();
    const peer = this.#peer;
    if (!peer) throw new Error('bug: a network end without a peer');
    const copies = (random.chance(lossShare) ? 0 : 1) + (random.chance(duplicateShare) ? 1 : 0);
    for (let i = 0; i < copies; i++) clock.after(delayMsMin + random.exponential(delayMsMean), () => peer.#take(packet));
  }
}

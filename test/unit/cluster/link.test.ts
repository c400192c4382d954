/** The reliable link: alone, and a pair of them over a network that does what it likes. */
import test from 'ava';
import fc from 'fast-check';
import { Link, type LinkDecision, type LinkLimits, type LinkTimer } from '../../../src/cluster/link/link.ts';
import type { Packet } from '../../../src/cluster/link/packet.ts';

const limits: LinkLimits = { windowFramesMax: 4, framesMax: 16, resendMsMin: 100, resendMsMax: 400, acknowledgeMsMax: 10 };

const frame = (number: number) => new Uint8Array([number]);
const packets = (decisions: readonly LinkDecision[]) => decisions.flatMap((one) => (one.kind === 'transmit' ? [one.packet] : []));
const delivered = (decisions: readonly LinkDecision[]) => decisions.flatMap((one) => (one.kind === 'deliver' ? [one.frame[0]] : []));
const newLink = (incarnation: number) => new Link(incarnation, limits, () => 0);

/** Two links that know each other. */
function pair(): [Link, Link] {
  const [a, b] = [newLink(1), newLink(2)];
  const [hello] = packets(a.send(frame(0)));
  const [answer] = packets(b.receive(hello as Packet));
  const [first] = packets(a.receive(answer as Packet));
  b.receive(first as Packet);
  const [acknowledged] = packets(b.timerReached('acknowledge'));
  a.receive(acknowledged as Packet);
  return [a, b];
}

test('link: the first frame leaves only when the peer has said who it is', (t) => {
  const [a, b] = [newLink(1), newLink(2)];
  const [hello] = packets(a.send(frame(7)));
  t.like(hello, { from: 1, to: 0, sequence: 0, frame: null });
  const [answer] = packets(b.receive(hello as Packet));
  t.like(answer, { from: 2, to: 1, sequence: 0 });
  const [data] = packets(a.receive(answer as Packet));
  t.like(data, { from: 1, to: 2, sequence: 1 });
  t.deepEqual(delivered(b.receive(data as Packet)), [7]);
});

test('link: a frame that comes twice is delivered once, and acknowledged again', (t) => {
  const [a, b] = pair();
  const [data] = packets(a.send(frame(1)));
  t.deepEqual(delivered(b.receive(data as Packet)), [1]);
  b.timerReached('acknowledge');
  const again = b.receive(data as Packet);
  t.deepEqual(delivered(again), []);
  t.true(again.some((one) => one.kind === 'startTimer' && one.timer === 'acknowledge'));
});

test('link: frames that overtake others wait for them', (t) => {
  const [a, b] = pair();
  const [first, second, third] = [1, 2, 3].flatMap((number) => packets(a.send(frame(number))));
  t.deepEqual(delivered(b.receive(third as Packet)), []);
  t.deepEqual(delivered(b.receive(second as Packet)), []);
  t.is(b.load.early, 2);
  t.deepEqual(delivered(b.receive(first as Packet)), [1, 2, 3]);
  t.is(b.load.early, 0);
});

test('link: what is not acknowledged is sent again, at intervals that double up to a limit', (t) => {
  const [a] = pair();
  a.send(frame(1));
  const intervals = [1, 2, 3, 4].map(() => {
    const decisions = a.timerReached('resend');
    t.deepEqual(
      packets(decisions).map(({ sequence }) => sequence),
      [2],
    );
    return decisions.flatMap((one) => (one.kind === 'startTimer' ? [one.afterMs] : []))[0];
  });
  t.deepEqual(intervals, [200, 400, 400, 400]);
  t.is(a.resends, 4);
});

test('link: an acknowledgement travels with a frame if there is one, else alone after a while', (t) => {
  const [a, b] = pair();
  b.receive(packets(a.send(frame(1)))[0] as Packet);
  const decisions = b.send(frame(9));
  t.like(packets(decisions)[0], { received: 2, sequence: 1 });
  t.true(decisions.some((one) => one.kind === 'stopTimer' && one.timer === 'acknowledge'));
  t.deepEqual(packets(b.timerReached('acknowledge')), []);
});

test('link: at most a window of frames is under way, and half of framesMax is congestion', (t) => {
  const [a, b] = pair();
  const sent = Array.from({ length: 8 }, (_, i) => packets(a.send(frame(i))));
  t.is(sent.flat().length, 4);
  t.true(a.isCongested);
  for (const packet of sent.flat()) b.receive(packet);
  const relieved = a.receive(packets(b.timerReached('acknowledge'))[0] as Packet);
  t.is(packets(relieved).length, 4);
  t.true(relieved.some(({ kind }) => kind === 'relieved'));
  t.false(a.isCongested);
  for (let i = 4; i < 16; i++) a.send(frame(i));
  t.throws(() => a.send(frame(0)), { message: /framesMax/ });
});

test('link: a peer that has restarted gets nothing that was under way to its former self', (t) => {
  const [a, b] = pair();
  const [lost] = packets(a.send(frame(1)));
  const reborn = newLink(3);
  const decisions = a.receive(packets(reborn.send(frame(5)))[0] as Packet);
  t.deepEqual(
    decisions.flatMap((one) => (one.kind === 'peerChanged' ? one.lost.map(([number]) => number) : [])),
    [1],
  );
  t.deepEqual(delivered(reborn.receive(lost as Packet)), []);
  const [next] = packets(a.send(frame(2)));
  t.like(next, { to: 3, sequence: 1 });
  t.deepEqual(delivered(reborn.receive(next as Packet)), [2]);
  const late = packets(b.send(frame(6)))[0] as Packet;
  t.deepEqual(a.receive(late), [], 'the former self is not heard any more');
});

/** What the network does next: pass on, drop or double one of the packets under way, or let time pass until a timer is due. */
type Move = { readonly kind: 'send' | 'pass' | 'drop' | 'double' | 'timer'; readonly side: 0 | 1; readonly which: number };

const move = fc.record<Move>({
  kind: fc.constantFrom('send', 'send', 'pass', 'pass', 'pass', 'drop', 'double', 'timer'),
  side: fc.constantFrom(0, 1),
  which: fc.nat(1_000),
});

class Pair {
  readonly links = [newLink(1), newLink(2)] as const;
  readonly underWay: [Packet[], Packet[]] = [[], []];
  readonly sent: [number[], number[]] = [[], []];
  readonly got: [number[], number[]] = [[], []];
  readonly timers: [Set<LinkTimer>, Set<LinkTimer>] = [new Set(), new Set()];

  make({ kind, side, which }: Move): void {
    const link = this.links[side];
    const packet = this.underWay[side][which % Math.max(1, this.underWay[side].length)];
    if (kind === 'send' && link.load.held < limits.framesMax) {
      const number = this.sent[side].length % 256;
      this.sent[side].push(number);
      this.perform(side, link.send(frame(number)));
    }
    if (kind === 'timer') for (const timer of [...this.timers[side]]) this.fire(side, timer);
    if (!packet) return;
    if (kind === 'drop' || kind === 'pass') this.underWay[side].splice(this.underWay[side].indexOf(packet), 1);
    if (kind === 'pass' || kind === 'double') this.perform(other(side), this.links[other(side)].receive(packet));
  }

  fire(side: 0 | 1, timer: LinkTimer): void {
    this.timers[side].delete(timer);
    this.perform(side, this.links[side].timerReached(timer));
  }

  perform(side: 0 | 1, decisions: readonly LinkDecision[]): void {
    for (const decision of decisions) {
      if (decision.kind === 'transmit') this.underWay[side].push(decision.packet);
      if (decision.kind === 'deliver') this.got[side].push(decision.frame[0] as number);
      if (decision.kind === 'startTimer') this.timers[side].add(decision.timer);
      if (decision.kind === 'stopTimer') this.timers[side].delete(decision.timer);
    }
  }

  /** A network without faults, until nothing is under way and no timer runs. */
  heal(): void {
    for (let round = 0; round < 200; round++) {
      for (const side of [0, 1] as const) {
        while (this.underWay[side].length > 0) this.make({ kind: 'pass', side, which: 0 });
        for (const timer of [...this.timers[side]]) this.fire(side, timer);
      }
    }
  }
}

function other(side: 0 | 1): 0 | 1 {
  return side === 0 ? 1 : 0;
}

test('link: whatever the network does, frames come once and in order, within bounds, and all once it heals', (t) => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 300 }), (moves) => {
      const pair = new Pair();
      for (const one of moves) {
        pair.make(one);
        for (const side of [0, 1] as const) {
          const { held, underWay, early } = pair.links[side].load;
          if (underWay > limits.windowFramesMax || early > limits.windowFramesMax || held > limits.framesMax) return false;
          const got = pair.got[other(side)];
          if (got.some((number, i) => number !== pair.sent[side][i])) return false;
        }
      }
      pair.heal();
      const all = ([0, 1] as const).every((side) => pair.got[other(side)].length === pair.sent[side].length);
      return all && pair.timers.every((timers) => timers.size === 0) && pair.links.every(({ load }) => load.held === 0);
    }),
    { numRuns: 300 },
  );
  t.pass();
});

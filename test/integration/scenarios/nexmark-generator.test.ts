/** The generator of nexmark: the proportions and the skew that are published of it. */
import test from 'ava';
import { type Auction, type AuctionEvent, type Bid, eventAt, type Person } from '../../../scenarios/nexmark/generator.ts';

const count = 50_000;
const rate = 10_000;
const events = Array.from({ length: count }, (_, i) => eventAt(i, rate));
const bids = of<Bid>('bid');
const auctions = of<Auction>('auction');
const persons = of<Person>('person');

function of<E extends AuctionEvent>(kind: E['kind']): E[] {
  return events.filter((event): event is E => event.kind === kind);
}

/** Whether `share` of the items that fit is within a fiftieth of what it must be. */
function isAbout(share: number, items: readonly unknown[], fitting: readonly unknown[]): boolean {
  return Math.abs(fitting.length / items.length - share) < 0.02;
}

test('nexmark: of 50 events one is a person, 3 are auctions, 46 bids, and their ids count up', (t) => {
  t.deepEqual([persons.length, auctions.length, bids.length], [count / 50, (count * 3) / 50, (count * 46) / 50]);
  t.deepEqual(
    auctions.map(({ id }) => id),
    auctions.map((_, i) => 1_000 + i),
  );
  t.deepEqual(
    persons.map(({ id }) => id),
    persons.map((_, i) => 1_000 + i),
  );
});

test('nexmark: half of the bids are for the hot auction, three quarters by the hot bidder, three quarters of auctions of the hot seller', (t) => {
  const hotAuctions = bids.filter(({ auction }) => auction % 100 === 0);
  // Of the cold ones a hundredth happens to have such an id.
  t.true(isAbout(0.5 + 0.005, bids, hotAuctions), `${hotAuctions.length}`);
  t.true(
    isAbout(
      0.75,
      bids,
      bids.filter(({ bidder }) => bidder % 100 === 1),
    ),
  );
  t.true(
    isAbout(
      0.75,
      auctions,
      auctions.filter(({ seller }) => seller % 100 === 0),
    ),
  );
});

test('nexmark: a bid is for one of the auctions in flight, or the next few; a bidder is known, or comes soon', (t) => {
  for (const { event, auction, bidder } of bids) {
    const newest = 1_000 + Math.floor(event / 50) * 3 + 2;
    t.true(auction >= newest - 200 && auction <= newest + 10 && auction >= 1_000, `event ${event}: auction ${auction} of ${newest}`);
    t.true(bidder >= 1_000 && bidder <= 1_000 + event / 50 + 10, `event ${event}: bidder ${bidder}`);
  }
});

test('nexmark: prices are log-uniform from 1 to 1,000,000 dollars, and events have the sizes and the times that they should', (t) => {
  for (let power = 2; power < 8; power++) {
    const within = bids.filter(({ cents }) => cents >= 10 ** power && cents < 10 ** (power + 1));
    t.true(isAbout(1 / 6, bids, within), `10^${power}: ${within.length}`);
  }
  const letters = bids.reduce((sum, { extra }) => sum + extra.length, 0) / bids.length;
  t.true(letters > 65 && letters < 71, `${letters}`);
  t.is(events[count - 1]?.timeMs, Math.floor(((count - 1) / rate) * 1_000));
});

/**
 * The events of Nexmark: persons, auctions and bids, with the proportions and skew of the generator that Beam and Flink use.
 *
 *   N1  Of every 50 events the first is a person, the next 3 are auctions, the other 46 bids. The n-th event is always the same one.
 *   N2  Half of the bids are for the hot auction, the first of the last 100; the others for one of the last 100 or the next 10.
 *       Three of four bids are by the hot bidder, the second of the last 100 persons; the others by one of the last 1,000 or the next 10.
 *       Three of four auctions are of the hot seller, the first of the last 100 persons.
 *   N3  Prices are log-uniform, from 1 to 1,000,000 dollars. A person has about 200 bytes, an auction 500, a bid 100.
 */

import { Random } from '../random.ts';

export interface Person {
  readonly kind: 'person';
  readonly id: number;
  readonly name: string;
  readonly city: string;
  readonly state: string;
  readonly timeMs: number;
  /** Fills it up to the size. */
  readonly extra: string;
}

export interface Auction {
  readonly kind: 'auction';
  readonly id: number;
  readonly seller: number;
  readonly category: number;
  readonly initialCents: number;
  readonly reserveCents: number;
  readonly expiresMs: number;
  readonly timeMs: number;
  readonly extra: string;
}

export interface Bid {
  readonly kind: 'bid';
  /** Its position in the stream of all events. */
  readonly event: number;
  readonly auction: number;
  readonly bidder: number;
  readonly cents: number;
  readonly timeMs: number;
  readonly extra: string;
}

export type AuctionEvent = Person | Auction | Bid;

const persons = 1;
const auctions = 3;
const all = 50;

const firstId = 1_000;
const firstCategory = 10;
const categories = 5;

const hotEvery = 100;
const hotAuctionRatio = 2;
const hotBidderRatio = 4;
const hotSellerRatio = 4;
const inFlightAuctions = 100;
const activePersons = 1_000;
/** Ids that do not exist yet may be named: events of a person and of its auction can look swapped. */
const lead = 10;

const names = ['Ada', 'Blaise', 'Carl', 'Dorothea', 'Emmy', 'Felix', 'Grace', 'Hypatia', 'Isaac', 'John', 'Kurt'];
const places = [
  ['Phoenix', 'AZ'],
  ['Los Angeles', 'CA'],
  ['Boise', 'ID'],
  ['Portland', 'OR'],
  ['Seattle', 'WA'],
  ['Cheyenne', 'WY'],
] as const;

/** The event at a position of the stream that has `rate` events per second. */
export function eventAt(position: number, rate: number): AuctionEvent {
  const random = new Random(position);
  const timeMs = Math.floor((position / rate) * 1_000);
  const offset = position % all;
  if (offset < persons) return personAt(position, timeMs, random);
  if (offset < persons + auctions) return auctionAt(position, timeMs, rate, random);
  return bidAt(position, timeMs, random);
}

function personAt(position: number, timeMs: number, random: Random): Person {
  const [city, state] = places[random.below(places.length)] ?? places[0];
  const name = names[random.below(names.length)] ?? '';
  return { kind: 'person', id: firstId + lastPerson(position), name, city, state, timeMs, extra: textFrom(random, 160) };
}

function auctionAt(position: number, timeMs: number, rate: number, random: Random): Auction {
  const last = lastPerson(position);
  const seller = random.below(hotSellerRatio) > 0 ? last - (last % hotEvery) : anyPerson(position, random);
  const initialCents = centsFrom(random);
  // On average as long as it takes until as many auctions have come as may be in flight.
  const horizonMs = Math.floor(((inFlightAuctions * all) / auctions / rate) * 1_000);
  return {
    kind: 'auction',
    id: firstId + lastAuction(position),
    seller: firstId + seller,
    category: firstCategory + random.below(categories),
    initialCents,
    reserveCents: initialCents + centsFrom(random),
    expiresMs: timeMs + 1 + random.below(Math.max(horizonMs * 2, 1)),
    timeMs,
    extra: textFrom(random, 440),
  };
}

function bidAt(position: number, timeMs: number, random: Random): Bid {
  const lastA = lastAuction(position);
  const auction = random.below(hotAuctionRatio) > 0 ? lastA - (lastA % hotEvery) : anyAuction(position, random);
  const lastP = lastPerson(position);
  const bidder = random.below(hotBidderRatio) > 0 ? lastP - (lastP % hotEvery) + 1 : anyPerson(position, random);
  const cents = centsFrom(random);
  return { kind: 'bid', event: position, auction: firstId + auction, bidder: firstId + bidder, cents, timeMs, extra: textFrom(random, 68) };
}

/** The newest person when the event comes, itself if it is one; from 0. */
function lastPerson(position: number): number {
  return Math.floor(position / all) * persons + Math.min(position % all, persons - 1);
}

/** Likewise. Before the first auction it is −1. */
function lastAuction(position: number): number {
  const offset = Math.min((position % all) - persons, auctions - 1);
  return Math.floor(position / all) * auctions + Math.max(offset, -1);
}

function anyPerson(position: number, random: Random): number {
  const known = lastPerson(position) + 1;
  const active = Math.min(known, activePersons);
  return known - active + random.below(active + lead);
}

function anyAuction(position: number, random: Random): number {
  const last = lastAuction(position);
  const oldest = Math.max(last - inFlightAuctions, 0);
  return oldest + random.below(last - oldest + 1 + lead);
}

function centsFrom(random: Random): number {
  return Math.round(10 ** (random.next() * 6) * 100);
}

/** Letters: `length` of them on average, a fifth more or less. */
function textFrom(random: Random, length: number): string {
  const letters = Math.round(length * (0.8 + 0.4 * random.next()));
  let text = '';
  while (text.length < letters)
    text += random
      .below(36 ** 5)
      .toString(36)
      .padStart(5, 'x');
  return text.slice(0, letters);
}

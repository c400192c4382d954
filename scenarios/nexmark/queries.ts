/** What three queries of Nexmark ask of a bid, and the parts in which the answers come. */
import type { Bid } from './generator.ts';

const windowMs = 10_000;

/** The number of the window of 10 s in which an event was, by its own time. */
export function windowOf(timeMs: number): number {
  return Math.floor(timeMs / windowMs);
}

/** Query 1: a price in thousandths of a cent of a euro: whole numbers, so that sums are exact. */
export function inEuros(cents: number): number {
  return cents * 908;
}

/** Query 2: bids for every 123rd auction. */
export function isSelected({ auction }: Bid): boolean {
  return auction % 123 === 0;
}

/** Query 7: the higher bid; of equals the earlier one. */
export function isHigher(a: HighestBid, b: HighestBid): boolean {
  return a.cents > b.cents || (a.cents === b.cents && a.event < b.event);
}

export type HighestBid = Pick<Bid, 'event' | 'auction' | 'bidder' | 'cents'>;

/** A part of a query's answer for a window. */
export type Part =
  | { readonly query: 'q1'; readonly window: number; readonly events: Uint32Array; readonly euros: number }
  | { readonly query: 'q2'; readonly window: number; readonly events: Uint32Array; readonly cents: number }
  | { readonly query: 'q7'; readonly window: number; readonly events: Uint32Array; readonly highest: HighestBid };

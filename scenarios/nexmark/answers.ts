/** The queries' answers by window: from the app's parts, and by a plain loop over the events, which spells out what the queries ask. */
import { eventAt } from './generator.ts';
import { type HighestBid, isHigher, type Part } from './queries.ts';

/** What a window comes to. */
export interface WindowAnswer {
  /** Query 1: bids, and the sum of their prices in thousandths of a cent of a euro. */
  bids: number;
  euros: number;
  /** Query 2: bids selected, and the sum of their prices. */
  selected: number;
  selectedCents: number;
  /** Query 7. */
  highest: HighestBid | null;
}

/** By the number of the window. */
export type Answers = Map<number, WindowAnswer>;

export function putTogether(parts: readonly Part[]): Answers {
  const answers: Answers = new Map();
  for (const part of parts) {
    const answer = answerOf(answers, part.window);
    if (part.query === 'q1') {
      answer.bids += part.events.length;
      answer.euros += part.euros;
    } else if (part.query === 'q2') {
      answer.selected += part.events.length;
      answer.selectedCents += part.cents;
    } else if (answer.highest === null || isHigher(part.highest, answer.highest)) answer.highest = part.highest;
  }
  return answers;
}

export function answerPlainly(count: number, rate: number): Answers {
  const answers: Answers = new Map();
  for (let position = 0; position < count; position++) {
    const event = eventAt(position, rate);
    if (event.kind !== 'bid') continue;
    const { auction, bidder, cents } = event;
    const answer = answerOf(answers, Math.floor(event.timeMs / 10_000));
    answer.bids++;
    answer.euros += cents * 908;
    if (auction % 123 === 0) {
      answer.selected++;
      answer.selectedCents += cents;
    }
    // In the order of the stream: of equals the first stays.
    if (answer.highest === null || cents > answer.highest.cents) answer.highest = { event: position, auction, bidder, cents };
  }
  return answers;
}

function answerOf(answers: Answers, window: number): WindowAnswer {
  const known = answers.get(window);
  if (known) return known;
  const answer: WindowAnswer = { bids: 0, euros: 0, selected: 0, selectedCents: 0, highest: null };
  answers.set(window, answer);
  return answer;
}

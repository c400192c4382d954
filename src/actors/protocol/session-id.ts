/**
 * Session ids: 16 bytes, shown as 26 characters of Crockford's base32, so that they sort by time and can be read out.
 *
 *     0        6        10             16
 *     ┌────────┬────────┬───────────────┐
 *     │   ms   │ maker  │    counter    │   big-endian; `maker`: 32 random bits of whoever makes ids, anew at each start
 *     └────────┴────────┴───────────────┘
 */
const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

export interface SessionIdMaker {
  /** 32 random bits. */
  readonly maker: number;
  /** Ids made so far; at most 2⁴⁸. */
  made: number;
}

export function createSessionIdMaker(random: () => number): SessionIdMaker {
  return { maker: Math.floor(random() * 2 ** 32), made: 0 };
}

export function makeSessionId(ids: SessionIdMaker, nowMs: number): string {
  return sessionIdText(nowMs, ids.maker, ids.made++);
}

/** The id of these parts. */
export function sessionIdText(ms: number, maker: number, counter: number): string {
  // 48 + 32 + 48 bits, after two zero bits that fill up 26 digits of 5 bits.
  const parts = [
    [Math.floor(ms), 48],
    [maker, 32],
    [counter, 48],
  ] as const;
  let text = '';
  let held = 0;
  let bits = 2;
  for (const [value, width] of parts) {
    for (let shift = width - 8; shift >= 0; shift -= 8) {
      held = (held << 8) | (Math.floor(value / 2 ** shift) & 0xff);
      bits += 8;
      while (bits >= 5) {
        bits -= 5;
        text += digits[(held >> bits) & 31];
      }
      held &= (1 << bits) - 1;
    }
  }
  return text;
}

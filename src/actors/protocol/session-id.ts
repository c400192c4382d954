/**
 * Session ids: 16 bytes, shown as 26 characters of Crockford's base32, so that they sort by time and can be read out.
 *
 *     0        6        10      11           16
 *     ┌────────┬────────┬───────┬─────────────┐
 *     │   ms   │ maker  │ shard │   counter   │   big-endian; `maker`: 32 random bits of whoever makes ids, anew at each start
 *     └────────┴────────┴───────┴─────────────┘
 *
 * The shard is that of the session's app: whoever has an id knows which coordinator to ask.
 */
const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

export interface SessionIdMaker {
  /** 32 random bits. */
  readonly maker: number;
  /** Ids made so far; at most 2⁴⁰. */
  made: number;
}

export function createSessionIdMaker(random: () => number): SessionIdMaker {
  return { maker: Math.floor(random() * 2 ** 32), made: 0 };
}

export function makeSessionId(ids: SessionIdMaker, nowMs: number, app: string): string {
  return sessionIdText(nowMs, ids.maker, nextCounter(ids, app));
}

/** The last 48 bits of the next id: the app's shard, then what counts. */
export function nextCounter(ids: SessionIdMaker, app: string): number {
  return shardOf(app) * 2 ** 40 + ids.made++;
}

/** Apps are spread over so many shards, and these over coordinators. */
export const shardsCount = 64;

/** FNV-1a of the name. */
export function shardOf(app: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < app.length; i++) hash = Math.imul(hash ^ app.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shardsCount;
}

/** Of the app of the session with this id; -1: it is no session's id. */
export function shardOfSession(id: string): number {
  if (id.length !== 26) return -1;
  for (const digit of id) if (!digits.includes(digit)) return -1;
  const shard = ((digits.indexOf(id.charAt(16)) & 7) << 5) | digits.indexOf(id.charAt(17));
  return shard < shardsCount ? shard : -1;
}

/** The id of these parts. */
export function sessionIdText(ms: number, maker: number, counter: number): string {
  // 48 + 32 + 48 bits, after two zero bits that fill up 26 digits of 5 bits.
  const parts = [
    [Math.floor(ms), 48],
    [maker, 32],
    [counter, 48],
  ] as const;
  const codes: number[] = [];
  let held = 0;
  let bits = 2;
  for (const [value, width] of parts) {
    for (let shift = width - 8; shift >= 0; shift -= 8) {
      held = (held << 8) | (Math.floor(value / 2 ** shift) & 0xff);
      bits += 8;
      while (bits >= 5) {
        bits -= 5;
        codes.push(digits.charCodeAt((held >> bits) & 31));
      }
      held &= (1 << bits) - 1;
    }
  }
  // At once: a text that grows by a character is a list of its parts until somebody reads it.
  return String.fromCharCode(...codes);
}

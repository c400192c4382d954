/** Whole numbers up to 2⁵³ as bytes, seven bits each, the lowest first; the top bit says that another byte follows. */

export interface Cursor {
  offset: number;
}

export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}

export function writeVarint(target: Uint8Array, cursor: Cursor, value: number): void {
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) target[cursor.offset++] = (rest % 0x80) | 0x80;
  target[cursor.offset++] = rest;
}

export function readVarint(source: Uint8Array, cursor: Cursor): number {
  let value = 0;
  for (let unit = 1; ; unit *= 0x80) {
    const byte = source[cursor.offset++] ?? 0;
    value += (byte & 0x7f) * unit;
    if (byte < 0x80) return value;
  }
}

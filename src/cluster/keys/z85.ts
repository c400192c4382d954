/** Z85 (ZeroMQ RFC 32): four bytes as five printable characters, none of which must be escaped in JSON. ZeroMQ's form of keys. */
const digits = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

/** A multiple of four bytes. */
export function encodeZ85(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let at = 0; at < bytes.byteLength; at += 4) {
    const word = view.getUint32(at);
    for (let place = 85 ** 4; place >= 1; place /= 85) text += digits[Math.floor(word / place) % 85];
  }
  return text;
}

/** Null: it is no Z85. */
export function decodeZ85(text: string): Buffer | null {
  if (text.length % 5 !== 0) return null;
  const bytes = Buffer.alloc((text.length / 5) * 4);
  for (let at = 0; at < text.length; at += 5) {
    let word = 0;
    for (const character of text.slice(at, at + 5)) {
      const digit = digits.indexOf(character);
      if (digit === -1) return null;
      word = word * 85 + digit;
    }
    if (word > 0xff_ff_ff_ff) return null;
    bytes.writeUInt32BE(word, (at / 5) * 4);
  }
  return bytes;
}

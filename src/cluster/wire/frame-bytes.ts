/** The bytes of a thread's frame: `thread-frame.ts` says what they mean. */
import { copyBytes } from '../../storage/small-copies.ts';

const firstBytes = 16 * 1_024;
/** What a large frame had needed is not kept. */
const keptBytesMax = 1_024 * 1_024;
const sameText = 0xffff_ffff;
const noText = 0xffff_fffe;
const fields = 6;
/** Longer ones are faster by the library. */
const shortCharacters = 64;

export class FrameWriter {
  #bytes: Buffer = Buffer.alloc(0);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  /** The last text of each field. */
  readonly #last: (string | null | undefined)[] = Array.from({ length: fields });

  begin(): void {
    if (this.#bytes.byteLength === 0 || this.#bytes.byteLength > keptBytesMax) this.#use(Buffer.alloc(firstBytes));
    this.#at = 0;
    this.#last.fill(undefined);
  }

  /** A copy, whose memory is its own. */
  end(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#bytes, 0, this.#at);
  }

  byte(value: number): void {
    this.#need(1);
    this.#view.setUint8(this.#at++, value);
  }

  number(value: number): void {
    this.#need(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  bytes(value: Uint8Array): void {
    const { byteLength } = value;
    this.#word(byteLength);
    this.#need(byteLength);
    if (byteLength > shortCharacters) this.#bytes.set(value, this.#at);
    else for (let i = 0; i < byteLength; i++) this.#bytes[this.#at + i] = value[i] as number;
    this.#at += byteLength;
  }

  text(field: number, value: string | null): void {
    if (this.#last[field] === value) return this.#word(sameText);
    this.#last[field] = value;
    if (value === null) return this.#word(noText);
    const { length } = value;
    this.#need(4 + length);
    if (length <= shortCharacters && this.#putAscii(value, this.#at + 4)) {
      this.#word(2 * length);
      this.#at += length;
      return;
    }
    const byteLength = Buffer.byteLength(value);
    this.#word(2 * byteLength + 1);
    this.#need(byteLength);
    this.#bytes.write(value, this.#at, 'utf8');
    this.#at += byteLength;
  }

  /** False: it is something else. */
  #putAscii(value: string, at: number): boolean {
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      this.#bytes[at + i] = code;
    }
    return true;
  }

  #word(value: number): void {
    this.#need(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  #need(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.byteLength) return;
    const larger = Buffer.alloc(Math.max(needed, 2 * this.#bytes.byteLength));
    larger.set(this.#bytes);
    this.#use(larger);
  }

  #use(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

export class FrameReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at = 0;
  readonly #last: (string | null)[] = Array.from({ length: fields }, () => null);

  constructor({ buffer, byteOffset, byteLength }: Uint8Array) {
    this.#bytes = Buffer.from(buffer, byteOffset, byteLength);
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  get hasMore(): boolean {
    return this.#at < this.#bytes.byteLength;
  }

  byte(): number {
    return this.#view.getUint8(this.#at++);
  }

  number(): number {
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  /** They lie in the frame. */
  bytes(): Uint8Array {
    const byteLength = this.#word();
    const bytes = this.#bytes.subarray(this.#at, this.#at + byteLength);
    this.#at += byteLength;
    return bytes;
  }

  /** A copy. */
  ownBytes(): Uint8Array {
    const byteLength = this.#word();
    const at = this.#at;
    this.#at += byteLength;
    if (byteLength > shortCharacters) return copyBytes(this.#bytes.subarray(at, this.#at));
    const bytes = new Uint8Array(byteLength);
    for (let i = 0; i < byteLength; i++) bytes[i] = this.#bytes[at + i] as number;
    return bytes;
  }

  text(field: number): string | null {
    const head = this.#word();
    if (head !== sameText) this.#last[field] = head === noText ? null : this.#readText(head);
    return this.#last[field] as string | null;
  }

  /** Of a field that has always one. */
  textOf(field: number): string {
    return this.text(field) ?? '';
  }

  #readText(head: number): string {
    const at = this.#at;
    this.#at += head >>> 1;
    return head & 1 ? this.#bytes.toString('utf8', at, this.#at) : this.#bytes.toString('latin1', at, this.#at);
  }

  #word(): number {
    const value = this.#view.getUint32(this.#at, true);
    this.#at += 4;
    return value;
  }
}

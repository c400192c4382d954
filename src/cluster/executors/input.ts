/** An object as a function gets it: bytes where they lie, and the value decoded on first use. */
import type { Input as InputMessage } from '../../actors/protocol/object.ts';
import type { Input } from '../../api/context.ts';
import { decodeValue } from '../../storage/value.ts';

const undecoded = Symbol('undecoded');

export class StoredInput implements Input {
  readonly key: string;
  readonly group: string | null;
  readonly bytes: Uint8Array;
  readonly #encoding: number;
  readonly #object: InputMessage;
  #value: unknown = undecoded;

  constructor(object: InputMessage, arena: Uint8Array) {
    const { key, group, ref } = object;
    this.#object = object;
    this.key = key;
    this.group = group;
    this.bytes = ref.inline ?? arena.subarray(ref.offset, ref.offset + ref.sizeBytes);
    this.#encoding = ref.encoding;
  }

  get session(): string {
    return this.#object.session;
  }

  get value(): unknown {
    if (this.#value === undecoded) this.#value = decodeValue(this.#encoding, this.bytes);
    return this.#value;
  }

  copy(): Input {
    const { key, group, session, bytes } = this;
    const inline = new Uint8Array(bytes);
    return new StoredInput(
      { key, group, session, ref: { encoding: this.#encoding, sizeBytes: inline.byteLength, inline, offset: -1 } },
      inline,
    );
  }
}

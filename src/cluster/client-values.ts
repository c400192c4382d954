/** What a client of a cluster gives that does not fit into messages: kept here, in its process, until whoever needs it has fetched it. */
import type { Ref } from '../storage/object.ts';
import { type Encoded, isOwnMemory } from '../storage/value.ts';
import type { ClientBlocks } from './client-host.ts';

/** Values that nodes may fetch from this process: each until its call is settled. */
export class ClientValues implements ClientBlocks {
  readonly #inlineBytesMax: number;
  readonly #node: string;
  readonly #incarnation: number;
  readonly #values = new Map<number, Uint8Array>();
  #next = 1;

  constructor(node: string, incarnation: number, inlineBytesMax: number) {
    this.#node = node;
    this.#incarnation = incarnation;
    this.#inlineBytesMax = inlineBytesMax;
  }

  put({ encoding, bytes }: Encoded, isStable: boolean): Ref {
    const sizeBytes = bytes.byteLength;
    const isSmall = sizeBytes <= this.#inlineBytesMax;
    const own = isOwnMemory(encoding) || (isStable && !isSmall) ? bytes : new Uint8Array(bytes);
    if (isSmall) return { encoding, sizeBytes, inline: own, offset: -1 };
    const offset = this.#next++;
    this.#values.set(offset, own);
    const remote = { node: this.#node, incarnation: this.#incarnation, offset, serial: 0 };
    return { encoding, sizeBytes, inline: null, offset: -1, remote };
  }

  async putLater(encoded: Encoded, isStable: boolean): Promise<Ref> {
    return this.put(encoded, isStable);
  }

  hold(offset: number, sizeBytes: number): Uint8Array | null {
    const bytes = this.#values.get(offset);
    return bytes?.byteLength === sizeBytes ? bytes : null;
  }

  seal(): void {}

  release(offsets: readonly number[]): void {
    for (const offset of offsets) this.#values.delete(offset);
  }

  placeOf({ remote }: Ref): number {
    return remote?.node === this.#node ? remote.offset : -1;
  }

  close(): void {
    this.#values.clear();
  }
}

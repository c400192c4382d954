/**
 * Pairs of keys and values on their way to a partition, as blocks: all keys of a block, then all values, in Node's serialization. So
 * the cost of a pair is that of its key and its value, and values may be what `structuredClone` takes.
 */
import { deserialize, serialize } from 'node:v8';

/** Makes one value of two of the same key. It may change and return `a`. */
export type Combine<V> = (a: V, b: V, key: string) => V;

/** The values of keys. With `combine` there is one of each key. */
export class PairTable<V> {
  /** Values that are held. */
  size = 0;
  readonly #combine: Combine<V> | undefined;
  readonly #values = new Map<string, V[]>();

  constructor(combine: Combine<V> | undefined) {
    this.#combine = combine;
  }

  add(key: string, value: V): void {
    const values = this.#values.get(key);
    if (values && this.#combine) {
      values[0] = this.#combine(values[0] as V, value, key);
      return;
    }
    this.size += 1;
    if (values) values.push(value);
    else this.#values.set(key, [value]);
  }

  addBlock(block: Uint8Array): void {
    const [keys, values] = deserialize(block) as [string[], V[]];
    for (let i = 0; i < keys.length; i++) this.add(keys[i] as string, values[i] as V);
  }

  /** All that is held, which is gone then. Throws `DataCloneError` for a value that cannot be serialized. */
  takeBlock(): Uint8Array {
    const keys: string[] = [];
    const all: V[] = [];
    for (const [key, values] of this.#values) {
      for (const value of values) {
        keys.push(key);
        all.push(value);
      }
    }
    this.#values.clear();
    this.size = 0;
    return serialize([keys, all]);
  }

  /** Keys with their values, in the order of the keys' UTF-16 units. */
  *sorted(): Generator<readonly [key: string, values: readonly V[]]> {
    for (const key of [...this.#values.keys()].sort()) yield [key, this.#values.get(key) ?? []];
  }
}
